"""From samples to the store: typed, counted, never lost, never twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ingest.embedded import EmbeddedStore
from ingest.errors import SpoolLocked, SpoolUnavailable
from ingest.pipeline import Gap, Ledger, Link, Pipeline
from ingest.samples import Sample
from ingest.store import Rejected, Row, StoreUnavailable, Table
from tests.ingest.contract import flat
from tests.ingest.sites import small_site

T0 = 1_795_000_000_000_000_000
IN_TIME_S = 90.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An embedded store."""
    made = EmbeddedStore(tmp_path / "lab.db", "lab")
    yield made
    made.close()


def pipeline(folder: Path, store: EmbeddedStore | Flaky, max_bytes: str = "100MB") -> Pipeline:
    """A pipeline of gateway g, whose clock is T0 + 1000 s."""
    return Pipeline(small_site(folder, max_bytes), "g", store, now_ns=lambda: T0 + 10**12)


def sample(signal: str, time: int, value: float | str | None, **more: str) -> Sample:
    """A sample of machine m1, some nanoseconds after T0."""
    return Sample("m1", signal, T0 + time, value, **more)  # type: ignore[arg-type]  # quality and clock


def values(store: EmbeddedStore, signal: str) -> dict[int, float | str]:
    """What the store holds of a signal of m1, by nanoseconds after T0."""
    found = flat(store.read("raw", "machine", where={"machine": "m1"}, fields=[signal]))
    return {time - T0: value for (_, _, time), value in found.items()}


class Flaky:
    """A store that is down while told so, and may take a write without saying so."""

    def __init__(self, inner: EmbeddedStore) -> None:
        self.inner = inner
        self.down = False
        self.swallow = False
        self.tries = 0

    def write(self, bucket: str, rows: Sequence[Row]) -> list[Rejected]:
        """Write, or do not."""
        self.tries += 1
        if self.down:
            raise StoreUnavailable("down", retry_after_s=0.02)
        rejected = self.inner.write(bucket, rows)
        if self.swallow:
            raise StoreUnavailable("no answer", retry_after_s=0.02)
        return rejected

    def read(self, bucket: str, measurement: str, **how: object) -> list[Table]:
        """Read."""
        return self.inner.read(bucket, measurement, **how)  # type: ignore[arg-type]  # passed on as it is

    def last_before(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Pass on."""
        return self.inner.last_before(bucket, measurement, time_ns, where=where)

    def first_from(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Pass on."""
        return self.inner.first_from(bucket, measurement, time_ns, where=where)

    def close(self) -> None:
        """Nothing."""


async def test_samples_become_typed_rows(tmp_path: Path, store: EmbeddedStore) -> None:
    """Numbers are floats, numeric text in a numeric role a number, a number in a text role its text."""
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept(
            [
                sample("total_count", 1, "12"),
                sample("product", 1, 11.0),
                sample("state", 1, 6),
                sample("state", 2, "RUN"),
                sample("spindle_c", 1, 41.5),
            ]
        )
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=5, stored=5)
    assert values(store, "total_count") == {1: 12.0}
    assert values(store, "product_text") == {1: "11"}
    assert values(store, "state") == {1: 6.0}
    assert values(store, "state_text") == {2: "RUN"}
    assert values(store, "spindle_c") == {1: 41.5}


async def test_what_is_no_value_becomes_a_dead_letter(tmp_path: Path, store: EmbeddedStore) -> None:
    """NaN, infinity, text in a numeric role, strangers, and unreadable messages: received, dead, counted."""
    bad = [
        sample("total_count", 1, float("nan")),
        sample("total_count", 2, float("inf")),
        sample("total_count", 3, "many"),
        sample("total_count", 4, "nan"),
        sample("total_count", 5, "1_000"),
        sample("nobody", 6, 1.0),
        Sample("m9", "state", T0, 1.0),
        sample("state", 7, None),
        sample("state", 2**70, 1.0),
    ]
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept([*bad, sample("total_count", 9, 5.0)])
        await pipe.undecodable("broker", "lab/m1", b"\xff{", "not UTF-8")
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=11, stored=1, dead=10)
    assert values(store, "total_count") == {9: 5.0}


async def test_a_second_sample_of_one_time_replaces_the_first(tmp_path: Path, store: EmbeddedStore) -> None:
    """In one batch, in the next, and after a restart: the later value wins, and counts as replaced."""
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept([sample("total_count", 1, 1.0), sample("total_count", 1, 2.0)])
        await pipe.accept([sample("total_count", 2, 7.0), sample("total_count", 1, 3.0)])
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=4, stored=2, replaced=2)
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept([sample("total_count", 1, 4.0)])
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=5, stored=2, replaced=3)
    assert values(store, "total_count") == {1: 4.0, 2: 7.0}


async def test_quality_is_written_on_change_and_bad_carries_no_value(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    """One row per change of quality or clock; the value under Bad is not stored."""
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept(
            [
                sample("total_count", 1, 1.0),
                sample("total_count", 2, 2.0),
                sample("total_count", 3, 9.0, quality="BadSensorFailure"),
                sample("total_count", 4, None, quality="BadSensorFailure"),
                sample("total_count", 5, 3.0, quality="uncertain"),
                sample("total_count", 6, 4.0, clock="gateway"),
            ]
        )
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=6, stored=6)
    (table,) = store.read("raw", "quality")
    assert table.tags == {"fieldlab": "lab", "line": "l1", "machine": "m1", "signal": "total_count"}
    assert (table.time_ns - T0).tolist() == [1, 3, 5, 6]
    assert table.columns["code"].tolist() == ["good", "BadSensorFailure", "uncertain", "good"]
    assert table.columns["clock"].tolist() == ["source", "source", "source", "gateway"]
    assert values(store, "total_count") == {1: 1.0, 2: 2.0, 5: 3.0, 6: 4.0}


async def test_a_late_bad_sample_says_nothing_of_what_came_after_it(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    """Quality is in the order of time: a good reading that arrived before a late bad one stays good."""
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept([sample("total_count", t, float(t)) for t in (10, 20, 30)])
        await pipe.accept([sample("total_count", 15, None, quality="bad")])
        assert await pipe.drained(IN_TIME_S)
    (table,) = store.read("raw", "quality")
    told = list(zip((table.time_ns - T0).tolist(), table.columns["code"].tolist(), strict=True))
    assert told == [(10, "good"), (15, "bad"), (20, "good")]


async def test_links_gaps_and_notes_are_stored_but_are_no_samples(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    """Heartbeats, gaps and delivery notes as MODEL section 1 lays them out."""
    async with pipeline(tmp_path, store) as pipe:
        await pipe.links(
            [Link("broker", "m1", up=True, time_ns=T0), Link("broker", "m1", up=False, time_ns=T0 + 5)]
        )
        await pipe.gap(Gap("m1", "none", "session-lost", T0 + 1, T0 + 4, 3))
        await pipe.accept([sample("spindle_c", 7, 1.0), sample("spindle_c", 3, 2.0)])
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=2, stored=2, gaps=1)
    (link,) = store.read("raw", "link")
    assert link.tags == {"fieldlab": "lab", "gateway": "g", "machine": "m1", "source": "broker"}
    assert link.columns["up"].tolist() == [1.0, 0.0]
    (gap,) = store.read("raw", "gap")
    assert gap.tags == {
        "fieldlab": "lab", "gateway": "g", "machine": "m1", "reason": "session-lost", "signal": "none",
    }  # fmt: skip
    assert (gap.time_ns.tolist(), gap.columns["to_ns"].tolist()) == ([T0 + 1], [T0 + 4])
    assert gap.columns["count"].tolist() == [3.0]
    (note,) = store.read("raw", "delivery")
    assert note.tags == {"fieldlab": "lab", "gateway": "g", "machine": "m1"}
    assert min(note.columns["from_ns"]) == T0
    assert max(note.columns["to_ns"]) == T0 + 8
    assert sum(note.columns["samples"]) == 2.0


async def test_delivery_notes_never_share_a_time(tmp_path: Path, store: EmbeddedStore) -> None:
    """With a clock that stands still, over a restart: each delivery has a note of its own."""
    for begin in (0, 10):
        async with pipeline(tmp_path, store) as pipe:
            for i in range(begin, begin + 3):
                await pipe.accept([sample("spindle_c", i, 1.0)])
                assert await pipe.drained(IN_TIME_S)
    (note,) = store.read("raw", "delivery")
    assert len(note.time_ns) == 6
    assert note.time_ns[0] == T0 + 10**12


async def test_nothing_is_lost_while_the_store_is_down(tmp_path: Path, store: EmbeddedStore) -> None:
    """The spool takes what the store cannot; when it is back all arrives, in order, once."""
    flaky = Flaky(store)
    flaky.down = True
    async with pipeline(tmp_path, flaky) as pipe:
        for begin in range(0, 3000, 100):
            await pipe.accept([sample("total_count", t, float(t)) for t in range(begin, begin + 100)])
        assert pipe.ledger() == Ledger(received=3000, waiting=3000)
        assert not await pipe.drained(0.05)
        flaky.down = False
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=3000, stored=3000)
    assert values(store, "total_count") == {t: float(t) for t in range(3000)}


async def test_a_write_whose_answer_is_lost_is_counted_once(tmp_path: Path, store: EmbeddedStore) -> None:
    """The store took it but nobody heard: it is written again, and stored once."""
    flaky = Flaky(store)
    flaky.swallow = True
    async with pipeline(tmp_path, flaky) as pipe:
        await pipe.accept([sample("total_count", t, float(t)) for t in range(50)])
        await until(lambda: flaky.tries >= 3)
        flaky.swallow = False
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=50, stored=50)
    assert values(store, "total_count") == {t: float(t) for t in range(50)}


async def test_what_waits_survives_a_restart(tmp_path: Path, store: EmbeddedStore) -> None:
    """A gateway stopped while the store was down delivers when both are back."""
    flaky = Flaky(store)
    flaky.down = True
    leaving = pipeline(tmp_path, flaky)
    await leaving.__aenter__()
    await leaving.accept([sample("total_count", 1, 1.0)])
    await leaving.__aexit__(KeyboardInterrupt, KeyboardInterrupt(), None)  # does not wait to drain
    async with pipeline(tmp_path, store) as pipe:
        assert pipe.ledger() == Ledger(received=1, waiting=1)
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=1, stored=1)


async def test_a_sample_that_the_store_refuses_is_a_dead_letter(tmp_path: Path, store: EmbeddedStore) -> None:
    """A field that holds numbers takes no text: that one is dead, the rest arrives."""
    async with pipeline(tmp_path, store) as pipe:
        await pipe.accept([sample("spindle_c", 1, 1.0)])
        assert await pipe.drained(IN_TIME_S)
        # A text of this signal goes to spindle_c_text; make that a field of numbers behind its back.
        tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m2"))
        store.write("raw", [Row("machine", tags, "spindle_c_text", T0, 1.0)])
        await pipe.accept([sample("spindle_c", 2, "hot"), sample("spindle_c", 3, 3.0)])
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=3, stored=2, dead=1)
    assert values(store, "spindle_c") == {1: 1.0, 3: 3.0}


async def test_a_full_spool_takes_nothing_more_and_loses_nothing(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    """Full is said before anything is acknowledged; room comes with delivery."""
    flaky = Flaky(store)
    flaky.down = True
    taken, rng = 0, random.Random(1)
    async with pipeline(tmp_path, flaky, max_bytes="1MB") as pipe:
        full = ""
        while not full:
            batch = [sample("spindle_c", t, rng.random()) for t in range(taken, taken + 2000)]
            try:
                await pipe.accept(batch)
                taken += len(batch)
            except SpoolUnavailable as error:
                full = str(error)
        assert "full" in full
        assert pipe.ledger() == Ledger(received=taken, waiting=taken)
        flaky.down = False
        assert await pipe.drained(IN_TIME_S)
        await pipe.accept([sample("spindle_c", 10**9, 1.0)])
        assert await pipe.drained(IN_TIME_S)
        assert pipe.ledger() == Ledger(received=taken + 1, stored=taken + 1)
    assert len(values(store, "spindle_c")) == taken + 1


async def test_a_spool_has_one_gateway(tmp_path: Path, store: EmbeddedStore) -> None:
    """A second process on one spool is refused."""
    async with pipeline(tmp_path, store):
        with pytest.raises(SpoolLocked, match="in use"):
            async with pipeline(tmp_path, store):
                pass


async def test_the_gateway_reports_on_itself(tmp_path: Path, store: EmbeddedStore) -> None:
    """Its account, lag and memory are rows too, and what else it tells of itself."""
    async with pipeline(tmp_path, store) as pipe:
        pipe.told = lambda: {"certificate_days": 9.0}
        await pipe.accept([sample("spindle_c", 1, 1.0)])
        await until(lambda: bool(store.read("raw", "gateway")))
    (table,) = store.read("raw", "gateway")
    account = {"received", "stored", "replaced", "waiting", "dead"}
    assert set(table.columns) == account | {"lag_s", "rss_mb", "certificate_days"}
    assert table.columns["certificate_days"].tolist() == [9.0]


async def until(condition: object) -> None:
    """Wait for something that other tasks bring about."""
    assert callable(condition)
    async with asyncio.timeout(IN_TIME_S):
        while not condition():  # noqa: ASYNC110 - other tasks, not events of ours, bring it about
            await asyncio.sleep(0.01)
