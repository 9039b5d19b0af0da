"""The contract of a store, on the embedded one; and what only a file can meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.embedded import EmbeddedStore
from tests.ingest.contract import StoreContract


class TestEmbeddedStore(StoreContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EmbeddedStore]:
        """A store in a file that is not there yet."""
        made = EmbeddedStore(tmp_path / "new" / "lab.db", "lab")
        yield made
        made.close()
