"""What every store owes: a test class that the tests of each store inherit."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import numpy as np
import pytest

from ingest.store import Row, Store, StoreUnavailable, Table, Tags

M1: Tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m1"))
M2: Tags = (("fieldlab", "lab"), ("line", "l1"), ("machine", "m2"))
T0 = 1_795_000_000_000_000_000

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


class StoreContract:
    """The contract; a subclass gives a fixture `store`, empty."""

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

    def test_ranges_are_half_open(self, store: Store) -> None:
        """The start belongs to a range, the end does not."""
        store.write("raw", [row("power", t, float(t)) for t in (1, 2, 3)])
        (table,) = store.read("raw", "machine", start_ns=T0 + 1, end_ns=T0 + 3)
        assert table.columns["power"].tolist() == [1.0, 2.0]

    def test_where_and_fields_choose(self, store: Store) -> None:
        """Only series with the tags asked for, only fields asked for."""
        store.write("raw", [row("power", 1, 1.0), row("state", 1, 2.0), row("power", 1, 3.0, M2)])
        (table,) = store.read("raw", "machine", where={"machine": "m1"}, fields=["power"])
        assert {name: c.tolist() for name, c in table.columns.items()} == {"power": [1.0]}

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
