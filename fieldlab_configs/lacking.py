"""What is said where a part of the product is not installed."""

from __future__ import annotations

from typing import Final

INSTALL_ALL: Final = "pip install --require-hashes -r requirements-image.lock"
"""All parts, from the lock. No registry has the product: by its name one would get somebody else's."""
