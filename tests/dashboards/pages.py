"""Every page of the app, once: what a visitor asks for, by name. A new page is one line here."""

from __future__ import annotations

from typing import Final

PAGES: Final = {
    "overview": "?screen=overview",
    "line": "?line=milling",
    "machine": "?machine=m1",
    "energy": "?screen=energy",
    "experiment": "?screen=experiment",
    "gateways": "?screen=gateways",
}
"""Path and query after the app's address."""
SIZES: Final = {"phone": (390, 844), "laptop": (1366, 768), "wall": (1920, 1080)}
