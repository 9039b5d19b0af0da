"""The contract of a store, on a real InfluxDB."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from ingest.influx import InfluxStore
from tests.ingest.contract import StoreContract
from tests.servers import InfluxServer

pytestmark = pytest.mark.service


class TestInfluxStore(StoreContract):
    """All of the contract."""

    @pytest.fixture
    def company(self) -> str:
        """A company of its own for each test."""
        return f"acme{uuid.uuid4().hex[:10]}"

    @pytest.fixture
    def store(self, influx_server: InfluxServer, company: str) -> Iterator[InfluxStore]:
        """A store with databases of its own."""
        made = InfluxStore(
            influx_server.url,
            f"lab{uuid.uuid4().hex[:10]}",
            token=influx_server.token,
            org=influx_server.org,
            companies=[company],
        )
        made.setup()
        made.setup()  # the second time changes nothing
        yield made
        made.close()
