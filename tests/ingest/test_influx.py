"""The contract of a store, on a real InfluxDB."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import CannotErase, StoreMisconfigured
from ingest.influx import InfluxStore
from ingest.influx_http import V3
from ingest.pipeline import Ledger, Pipeline
from ingest.samples import Sample
from tests import servers
from tests.influxes import missing
from tests.ingest.contract import T0, StoreContract, row
from tests.ingest.sites import small_site
from tests.servers import InfluxServer, free_port

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
        made = opened(influx_server, companies=[company])
        if made.server_version >= V3:
            made.close()
            made = opened(influx_server)
        made.setup()
        made.setup()  # the second time changes nothing
        yield made
        made.close()

    def test_buckets_are_apart(self, store: InfluxStore, company: str) -> None:
        """Where companies have none, raw and kpi are."""
        if store.server_version < V3:
            super().test_buckets_are_apart(store, company)
            return
        store.write("raw", [row("power", 1, 1.0)])
        assert store.read("kpi", "machine") == []
        for use in (store.clear, store.remove, store.measurements):
            with pytest.raises(StoreMisconfigured, match="could read everybody's; take InfluxDB 2"):
                use(f"shared:{company}")

    def test_a_cleared_bucket_is_empty_and_can_be_written_again(
        self, store: InfluxStore, company: str
    ) -> None:
        """InfluxDB 3 Core cannot, and nothing is lost."""
        if store.server_version < V3:
            super().test_a_cleared_bucket_is_empty_and_can_be_written_again(store, company)
            return
        store.write("raw", [row("power", 1, 1.0)])
        with pytest.raises(CannotErase):
            store.clear("raw")
        assert len(store.read("raw", "machine")) == 1

    def test_deleting_takes_a_range_of_some_series_and_nothing_else(self, store: InfluxStore) -> None:
        """InfluxDB 3 Core cannot, and nothing is lost."""
        if store.server_version < V3:
            super().test_deleting_takes_a_range_of_some_series_and_nothing_else(store)
            return
        store.write("raw", [row("power", 1, 1.0)])
        with pytest.raises(CannotErase):
            store.delete("raw", "machine", start_ns=T0)
        assert len(store.read("raw", "machine")) == 1


def opened(server: InfluxServer, **more: Any) -> InfluxStore:
    """A store with databases of its own."""
    lab = f"lab{uuid.uuid4().hex[:10]}"
    return InfluxStore(server.url, lab, token=server.token, org=server.org, **more)


@pytest.mark.parametrize(("poison", "most"), [(1, 2 * 13 + 2), (8, 8 * 2 * 11), (5000, 3)])
def test_poison_is_found_in_few_requests(influx_server: InfluxServer, poison: int, most: int) -> None:
    """Of 5,000 rows those of another type are refused, exactly, in O(bad log n) posts; all bad in one."""
    store = opened(influx_server)
    store.setup()
    bad = set(random.Random(poison).sample(range(5000), poison))
    store.write("raw", [row("bad_text", 1, 1.0)])  # a number where texts will come
    posts = []
    post = store._http.post
    store._http.post = lambda *args: posts.append(len(args[1])) or post(*args)
    rows = [row("bad_text" if n in bad else "fine_text", 10 + n, "a text") for n in range(5000)]
    rejected = store.write("raw", rows)
    assert sorted(r.row.time_ns - T0 - 10 for r in rejected) == sorted(bad)
    if store.server_version < V3 or poison < 5000:  # 3 does not tell that it has refused them all
        assert len(posts) <= most
    found = store.read("raw", "machine", start_ns=T0 + 10)
    stored = sum(sum(v is not None for v in c) for t in found for c in t.columns.values())
    assert stored == 5000 - poison
    store.close()


@pytest.mark.parametrize("major", [m for m in (1, 2) if f"influx{m}" not in missing()] or [1])
async def test_a_store_killed_in_mid_write_loses_nothing(tmp_path: Path, major: int) -> None:
    """Kill -9 of the server, again and again while samples come in: all are there, once, when it is back."""
    port, folder, sent, stores = free_port(), tmp_path / "influx", 0, []
    try:
        with servers.influxd(folder, port, major) as (server, _process):
            stores.append(InfluxStore(server.url, "lab", token=server.token, org=server.org, timeout_s=5.0))
            await asyncio.to_thread(stores[0].setup)
    except servers.ServerMissingError as absent:
        pytest.skip(str(absent))
    (store,) = stores
    async with Pipeline(small_site(tmp_path), "g", store, now_ns=lambda: T0) as pipe:
        for _ in range(3):
            with servers.influxd(folder, port, major) as (_server, process):
                for _ in range(10):
                    batch = [Sample("m1", "spindle_c", T0 + t, float(t)) for t in range(sent, sent + 500)]
                    await pipe.accept(batch)
                    sent += 500
                process.kill()
            await pipe.accept([Sample("m1", "spindle_c", T0 + sent, float(sent))])
            sent += 1
        with servers.influxd(folder, port, major):
            assert await pipe.drained(60)
            account = pipe.ledger()
            (table,) = await asyncio.to_thread(store.read, "raw", "machine")
    assert account == Ledger(received=sent, stored=sent)
    assert table.columns["spindle_c"].tolist() == [float(t) for t in range(sent)]
    store.close()
