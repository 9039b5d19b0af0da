"""What every store owes: a test class that the tests of each store inherit."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from ingest.moving import FIRST_NS, LAST_NS, MovableStore
from ingest.store import Row, Store, StoreUnavailable, Table, Tags

M1: Tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
M2: Tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m2"))
T0 = 1_795_000_000_000_000_000

Holding = Callable[[list[Row]], Store]
"""Gives a store that holds rows, and nothing else."""
Flat = dict[tuple[Tags, str, int], float | int | str]


def flat(tables: list[Table]) -> Flat:
    """Every value of tables, by series, field and time; nothing where there is nothing."""
    found: Flat = {}
    for table in tables:
        assert (np.diff(table.time_ns) > 0).all()
        for field, column in table.columns.items():
            assert len(column) == len(table.time_ns)
            for time, value in zip(table.time_ns.tolist(), column.tolist(), strict=True):
                nothing = value is None or (isinstance(value, float) and math.isnan(value))
                if not nothing and not (field.endswith("_ns") and value == 0):
                    found[tuple(sorted(table.tags.items())), field, time] = value
    return found


def row(field: str, time: int, value: float | str, tags: Tags = M1, measurement: str = "machine") -> Row:
    """A row of the raw bucket."""
    return Row(measurement, tags, field, T0 + time, value)


class ReadingContract:
    """What can be asked of every store; a subclass gives a fixture `holding`: a store that holds rows.

    The rows are of measurement `machine`: signals power, state and good_count of machines m1 and m2.
    """

    def test_of_equal_times_the_last_one_stands(self, holding: Holding) -> None:
        """In the order in which they came, whatever the order of their times."""
        store = holding([row("power", 2, 9.0), row("power", 1, 1.0), row("power", 2, 3.0)])
        assert flat(store.read("raw", "machine")) == {
            (M1, "power", T0 + t): v for t, v in ((1, 1.0), (2, 3.0))
        }

    def test_ranges_are_half_open(self, holding: Holding) -> None:
        """The start belongs to a range, the end does not."""
        store = holding([row("power", t, float(t)) for t in (1, 2, 3)])
        (table,) = store.read("raw", "machine", start_ns=T0 + 1, end_ns=T0 + 3)
        assert table.columns["power"].tolist() == [1.0, 2.0]

    def test_where_and_fields_choose(self, holding: Holding) -> None:
        """Only series with the tags asked for, only fields asked for."""
        store = holding([row("power", 1, 1.0), row("state", 1, 2.0), row("power", 1, 3.0, M2)])
        (table,) = store.read("raw", "machine", where={"machine": "m1"}, fields=["power"])
        assert {name: c.tolist() for name, c in table.columns.items()} == {"power": [1.0]}

    def test_neighbours_of_every_field(self, holding: Holding) -> None:
        """The last row before a time and the first from it, per series and field."""
        rows = [row("power", t, float(t)) for t in (1, 5, 9)] + [row("state", 3, 7.0)]
        store = holding([*rows, row("power", 4, 4.0, M2), row("state_text", 5, "RUN")])
        assert store.last_before("raw", "machine", T0 + 5, where={"machine": "m1"}) == [
            row("power", 1, 1.0),
            row("state", 3, 7.0),
        ]
        assert sorted(store.first_from("raw", "machine", T0 + 5)) == [
            row("power", 5, 5.0),
            row("state_text", 5, "RUN"),
        ]

    def test_nothing_lies_in_an_empty_range(self, holding: Holding) -> None:
        """Ranges of no length, turned about, before and after all that there is."""
        store = holding([row("power", t, float(t)) for t in (1, 5)])
        for start, end in ((1, 1), (5, 1), (2, 5), (-9, 1), (6, 99)):
            assert store.read("raw", "machine", start_ns=T0 + start, end_ns=T0 + end) == []
        assert store.read("raw", "machine", where={"machine": "m9"}) == []
        assert store.read("raw", "machine", fields=["humidity"]) == []
        assert store.read("raw", "machine", fields=[]) == []
        assert store.read("raw", "nothing") == []
        assert store.last_before("raw", "machine", T0 + 9, where={"machine": "m9"}) == []

    def test_neighbours_at_the_very_edge(self, holding: Holding) -> None:
        """A row at a time is not before it, but from it."""
        store = holding([row("power", t, float(t)) for t in (1, 5)])
        for at, before, after in ((0, None, 1), (1, None, 1), (2, 1, 5), (5, 1, 5), (6, 5, None)):
            last, first = (
                store.last_before("raw", "machine", T0 + at),
                store.first_from("raw", "machine", T0 + at),
            )
            assert last == ([] if before is None else [row("power", before, float(before))])
            assert first == ([] if after is None else [row("power", after, float(after))])

    def test_a_range_as_wide_as_time_is_everything(self, holding: Holding) -> None:
        """From the first nanosecond that a store can be asked to the last, and without bounds."""
        store = holding([row("power", t, float(t)) for t in (-(10**17), 0, 10**17)])
        (whole,) = store.read("raw", "machine", start_ns=FIRST_NS, end_ns=LAST_NS)
        (open_,) = store.read("raw", "machine")
        assert whole.time_ns.tolist() == open_.time_ns.tolist() == [T0 - 10**17, T0, T0 + 10**17]
        assert [r.value for r in store.first_from("raw", "machine", FIRST_NS)] == [-1e17]
        assert [r.value for r in store.last_before("raw", "machine", LAST_NS)] == [1e17]

    def test_doubles_are_kept_to_the_bit(self, holding: Holding) -> None:
        """The smallest, the largest, the ones that decimals cannot say."""
        told = [5e-324, 1.7976931348623157e308, -1 / 3, 0.1 + 0.2, 2.0**53 + 2, 1e22]
        store = holding([row("power", t, value) for t, value in enumerate(told)])
        assert store.read("raw", "machine")[0].columns["power"].tolist() == told

    def test_tables_and_their_times_are_in_order(self, holding: Holding) -> None:
        """Whatever came first."""
        rows = [row(f, t, float(t), tags) for t in (7, 3, 5) for tags in (M2, M1) for f in ("state", "power")]
        tables = holding(rows).read("raw", "machine")
        assert [table.tags["machine"] for table in tables] == ["m1", "m2"]
        assert all(table.time_ns.tolist() == [T0 + t for t in (3, 5, 7)] for table in tables)


class StoreContract(ReadingContract):
    """All of the contract; a subclass gives a fixture `store`, empty."""

    @pytest.fixture
    def holding(self, store: Store) -> Holding:
        """The store, once rows are written to it."""

        def written(rows: list[Row]) -> Store:
            assert store.write("raw", rows) == []
            return store

        return written

    @pytest.fixture
    def company(self) -> str:
        """A company that has a bucket."""
        return "acme"

    def test_what_was_written_is_read_back_with_its_type(self, store: Store) -> None:
        """Floats, nanosecond bounds and texts come back as they went in, exactly."""
        bound = T0 + 123_456_789
        rows = [
            row("power", 1, 0.1 + 0.2),
            row("state", 1, 11.0),
            row("state_text", 2, 'RUN, "fast" = yes\\\n'),
            Row("delivery", (("fieldlab", "lab"), ("gateway", "g"), ("machine", "m1")), "to_ns", T0, bound),
        ]
        assert store.write("raw", rows) == []
        (table,) = store.read("raw", "machine")
        assert table.tags == dict(M1)
        assert table.columns["power"].dtype == np.float64
        assert table.columns["power"][0] == 0.1 + 0.2
        assert table.columns["state_text"].tolist() == [None, 'RUN, "fast" = yes\\\n']
        (notes,) = store.read("raw", "delivery")
        assert notes.columns["to_ns"].dtype == np.int64
        assert notes.columns["to_ns"].tolist() == [bound]

    def test_the_later_of_two_rows_wins(self, store: Store) -> None:
        """Within one write and between writes, a row of the same series, field and time is replaced."""
        store.write("raw", [row("power", 1, 1.0), row("power", 1, 2.0), row("power", 2, 5.0)])
        assert store.read("raw", "machine")[0].columns["power"].tolist() == [2.0, 5.0]
        store.write("raw", [row("power", 1, 3.0)])
        assert store.read("raw", "machine")[0].columns["power"].tolist() == [3.0, 5.0]

    def test_nothing_is_nothing(self, store: Store) -> None:
        """A bucket or measurement without rows gives no tables and no rows."""
        assert store.read("kpi", "atom") == []
        assert store.last_before("raw", "machine", T0) == []
        assert store.first_from("raw", "machine", T0) == []

    def test_buckets_are_apart(self, store: Store, company: str) -> None:
        """What is written to one bucket is not in another."""
        store.write("raw", [row("power", 1, 1.0)])
        store.write(f"shared:{company}", [row("power", 1, 2.0)])
        assert flat(store.read("raw", "machine")) == {(M1, "power", T0 + 1): 1.0}
        assert flat(store.read(f"shared:{company}", "machine")) == {(M1, "power", T0 + 1): 2.0}
        assert store.read("kpi", "machine") == []

    def test_a_cleared_bucket_is_empty_and_can_be_written_again(self, store: Store, company: str) -> None:
        """Everything in it goes, nothing in another bucket; clearing an empty one is no error."""
        store.clear(f"shared:{company}")
        mine = [row("power", 1, 1.0), row("state_text", 2, "RUN", M2), row("good", 3, 1.0, M1, "atom")]
        store.write("raw", mine)
        store.write(f"shared:{company}", mine)
        store.clear(f"shared:{company}")
        assert store.read(f"shared:{company}", "machine") == store.read(f"shared:{company}", "atom") == []
        assert store.last_before(f"shared:{company}", "machine", T0 + 9) == []
        assert flat(store.read("raw", "machine")) == {
            (M1, "power", T0 + 1): 1.0,
            (M2, "state_text", T0 + 2): "RUN",
        }
        store.write(f"shared:{company}", mine[:1])
        assert flat(store.read(f"shared:{company}", "machine")) == {(M1, "power", T0 + 1): 1.0}

    def test_deleting_takes_a_range_of_some_series_and_nothing_else(self, store: Store) -> None:
        """Half-open, by tags, whatever was written over before; what is written afterwards stays."""
        store.delete("raw", "machine", start_ns=T0)
        for value in (1.0, 2.0):
            store.write("raw", [row("power", t, value) for t in range(6)])
        store.write("raw", [row("power", 2, 9.0, M2), row("power", 2, 7.0, M1, "atom")])
        store.delete("raw", "machine", start_ns=T0 + 1, end_ns=T0 + 4, where={"machine": "m1"})
        store.write("raw", [row("power", 2, 5.0)])
        assert flat(store.read("raw", "machine")) == {
            **{(M1, "power", T0 + t): 2.0 for t in (0, 4, 5)},
            (M1, "power", T0 + 2): 5.0,
            (M2, "power", T0 + 2): 9.0,
        }
        store.delete("raw", "machine", where={"machine": "m2"})
        assert [table.tags["machine"] for table in store.read("raw", "machine")] == ["m1"]
        assert flat(store.read("raw", "atom")) == {(M1, "power", T0 + 2): 7.0}

    def test_what_cannot_be_stored_is_told_and_the_rest_is_stored(self, store: Store) -> None:
        """NaN, infinity, and text in a field of numbers are rejected, exactly these."""
        store.write("raw", [row("power", 0, 1.0)])
        bad = [row("power", 2, float("inf")), row("power", 3, "much")]
        rejected = store.write("raw", [row("power", 1, 2.0), *bad, row("power", 4, 3.0)])
        assert sorted(r.row for r in rejected) == sorted(bad)
        assert all(r.reason for r in rejected)
        assert flat(store.read("raw", "machine")) == {
            (M1, "power", T0 + t): v for t, v in ((0, 1.0), (1, 2.0), (4, 3.0))
        }

    def test_hostile_tag_values_stay_what_they_are(self, store: Store) -> None:
        """Separators, quotes and other scripts in a tag are the tag's own; never another series."""
        values = ["a b", "a,b=c", 'a"b', "a\\b", "ö→日本", "a=b,machine=m9", "'; DROP DATABASE lab_raw", "#x"]
        for value in values:
            tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"), ("product", value))
            assert store.write("kpi", [row("good", 1, 1.0, tags, "atom")]) == []
            (table,) = store.read("kpi", "atom", where={"product": value})
            assert table.tags["product"] == value
        assert {t.tags["product"] for t in store.read("kpi", "atom")} == set(values)

    def test_many_writes_in_any_order_give_what_the_last_ones_said(self, store: Store) -> None:
        """Random writes, late and repeated, against a dictionary."""
        rng, truth = random.Random(5), {}
        for _ in range(60):
            rows = []
            for _ in range(rng.choice((1, 3, 120))):
                field = rng.choice(("power", "state_text", "good_count"))
                value = rng.choice(("A", "B")) if field == "state_text" else float(rng.randrange(1000))
                rows.append(row(field, rng.randrange(500), value, rng.choice((M1, M2))))
                truth[rows[-1].tags, field, rows[-1].time_ns] = value
            assert store.write("raw", rows) == []
        assert flat(store.read("raw", "machine")) == truth
        for time in (T0, T0 + 77, T0 + 250, T0 + 499, T0 + 500):
            assert edges(store.last_before("raw", "machine", time)) == nearest(truth, time, before=True)
            assert edges(store.first_from("raw", "machine", time)) == nearest(truth, time, before=False)

    def test_bounds_are_exact_beyond_what_a_double_can_say(self, store: Store) -> None:
        """64-bit integers, the extremes too; and nought is a bound, not an absence."""
        tags = (("fieldlab", "lab"), ("gateway", "g"), ("machine", "m1"))
        told = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63) + 1, 0]
        rows = [Row("delivery", tags, "to_ns", T0 + n, value) for n, value in enumerate(told)]
        assert store.write("raw", rows) == []
        assert store.read("raw", "delivery")[0].columns["to_ns"].tolist() == told
        assert [r.value for r in store.last_before("raw", "delivery", T0 + 3)] == [2**63 - 1]
        assert [r.value for r in store.first_from("raw", "delivery", T0 + 4)] == [0]

    def test_numbers_and_texts_that_no_store_can_hold(self, store: Store) -> None:
        """Half of a surrogate pair, a bound beyond 64 bits: rejected, and the rest is stored."""
        tags = (("fieldlab", "lab"), ("gateway", "g"), ("machine", "m1"))
        bad = [row("state_text", 2, "\ud800"), Row("delivery", tags, "to_ns", T0, 2**63)]
        rejected = store.write(
            "raw", [row("state_text", 1, "ö"), *bad, row("state_text", 3, "日本\U0001f600")]
        )
        assert sorted(r.row for r in rejected) == sorted(bad)
        assert list(flat(store.read("raw", "machine")).values()) == ["ö", "日本\U0001f600"]
        assert store.read("raw", "delivery") == []

    def test_many_series_are_kept_apart(self, store: Store) -> None:
        """Some hundreds, each with a value of its own, together and one by one."""
        series = [(*M1, ("product", f"p{n:03d}")) for n in range(300)]
        assert (
            store.write("kpi", [row("good", 1, float(n), tags, "atom") for n, tags in enumerate(series)])
            == []
        )
        tables = store.read("kpi", "atom")
        assert [(t.tags["product"], t.columns["good"].tolist()) for t in tables] == [
            (f"p{n:03d}", [float(n)]) for n in range(300)
        ]
        (one,) = store.read("kpi", "atom", where={"product": "p123"})
        assert one.columns["good"].tolist() == [123.0]

    def test_a_store_tells_what_it_holds(self, store: MovableStore) -> None:
        """Measurements by bucket, and columns without what is absent."""
        store.write("raw", [row("power", 1, 1.0), row("state_text", 2, "RUN"), row("up", 1, 1.0, M1, "link")])
        assert store.measurements("raw") == ["link", "machine"]
        assert store.measurements("kpi") == []
        found = {c.field: (c.time_ns.tolist(), c.values.tolist()) for c in store.columns("raw", "machine")}
        assert found == {"power": ([T0 + 1], [1.0]), "state_text": ([T0 + 2], ["RUN"])}


def edges(rows: list[Row]) -> dict[tuple[Tags, str], tuple[int, float | str]]:
    """Rows by series and field."""
    found = {(r.tags, r.field): (r.time_ns, r.value) for r in rows}
    assert len(found) == len(rows)
    return found


def nearest(
    truth: Mapping[tuple[Tags, str, int], float | str], time: int, *, before: bool
) -> dict[tuple[Tags, str], tuple[int, float | str]]:
    """The neighbours of a time, by brute force."""
    found: dict[tuple[Tags, str], tuple[int, float | str]] = {}
    for tags, field, t in sorted(truth, key=lambda key: key[2], reverse=not before):
        if (t < time) == before:
            found[tags, field] = (t, truth[tags, field, t])
    return found


def assert_unavailable(store: Store) -> None:
    """Reading and writing both say: try again later."""
    with pytest.raises(StoreUnavailable):
        store.write("raw", [row("power", 1, 1.0)])
    with pytest.raises(StoreUnavailable):
        store.read("raw", "machine")
