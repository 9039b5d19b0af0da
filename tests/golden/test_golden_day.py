"""The golden day through pipeline, store, job and queries: the same in every store, to the last digit."""

from __future__ import annotations

import asyncio
import math
import shutil
import uuid
from types import SimpleNamespace

import pytest

from analytics import query
from analytics.job import Job
from fieldlab_configs import load
from ingest.embedded import EmbeddedStore
from ingest.influx import InfluxStore
from ingest.pipeline import Gap, Link, Pipeline
from ingest.samples import Sample
from tests.golden import arrivals
from tests.golden.sums import SUMS
from tests.influxes import kinds

KEYS = ("time", "line", "machine", "shift", "product")
PATIENCE_S = 30


def opened(kind, folder, request):
    """A fresh store of a kind."""
    if kind == "embedded":
        return EmbeddedStore(folder / "golden.db", arrivals.FIELDLAB)
    server = request.getfixturevalue("influxes")(kind)
    # Databases of its own, should the server have lived through the day before.
    return InfluxStore(server.url, f"golden{uuid.uuid4().hex[:10]}", token=server.token, org=server.org)


@pytest.fixture(
    scope="module", params=["embedded", *(pytest.param(kind, marks=pytest.mark.service) for kind in kinds())]
)
def lived(request, tmp_path_factory):
    """The day after it was lived through: its site, store and ledger."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copy(arrivals.CONFIG, folder)
    site = load(folder / "day.yaml")
    store = opened(request.param, folder, request)
    store.setup()
    ledger = asyncio.run(live(site, store))
    yield SimpleNamespace(site=site, store=store, ledger=ledger)
    store.close()


async def live(site, store):
    """Let everything arrive, in its order, and the job do its steps between."""
    clock = SimpleNamespace(now_ns=arrivals.START)
    job = Job(site, store)
    async with Pipeline(site, "edge", store, now_ns=lambda: clock.now_ns) as pipeline:
        for arrival in arrivals.load("arrivals.json")["arrivals"]:
            clock.now_ns = arrivals.clock_ns(arrival["at"])
            if "job" in arrival:
                assert await pipeline.drained(PATIENCE_S)
                await asyncio.to_thread(job.step, clock.now_ns)
            else:
                await arrive(pipeline, arrival)
        assert await pipeline.drained(PATIENCE_S)
        return pipeline.ledger()


async def arrive(pipeline, arrival):
    """One arrival, as a gateway would hand it on."""
    if "accept" in arrival:
        await pipeline.accept([sample(*row) for row in arrival["accept"]])
    if "beats" in arrival:
        step = arrival["beats"]
        times = arrivals.beats(step)
        await pipeline.links([Link(step["source"], step["machine"], True, time) for time in times])  # noqa: FBT003 - up
    if "down" in arrival:
        step = arrival["down"]
        time = arrivals.clock_ns(step["time"])
        await pipeline.links([Link(step["source"], step["machine"], False, time)])  # noqa: FBT003 - up
    if "gap" in arrival:
        step = arrival["gap"]
        reach = arrivals.clock_ns(step["from"]), arrivals.clock_ns(step["to"])
        await pipeline.gap(Gap(step["machine"], step["signal"], step["reason"], *reach, step["count"]))
    if "undecodable" in arrival:
        step = arrival["undecodable"]
        await pipeline.undecodable(step["source"], step["origin"], step["payload"].encode(), step["reason"])


def sample(machine, signal, time, value, quality="good", clock="source"):
    """A sample of the day."""
    if isinstance(value, int | float):
        value = float(value)
    elif value == "NaN":
        value = math.nan
    return Sample(machine, signal, arrivals.clock_ns(time), value, quality, clock)


def rows_of(store, bucket, measurement, **span):
    """What a store holds: ``{tags: {time: {field: value}}}``, without what is not there."""
    found = {}
    for table in store.read(bucket, measurement, **span):
        rows = found.setdefault(tuple(sorted(table.tags.items())), {})
        for field, values in table.columns.items():
            for time, value in zip(table.time_ns.tolist(), values.tolist(), strict=True):
                if value is not None and not (isinstance(value, float) and math.isnan(value)):
                    rows.setdefault(time, {})[field] = value
    return found


def same(figures, expected, name):
    """Compare a row's figures; the files are written to nine decimals."""
    for field, value in expected.items():
        found = figures.get(field)
        if isinstance(value, float):
            assert found == pytest.approx(value, rel=1e-9, abs=2e-9), (name, field)
        else:
            assert found == value, (name, field)


@pytest.mark.parametrize("measurement", ["machine", "quality", "gap"])
def test_the_store_holds_exactly_the_expected_raw_rows(lived, measurement):
    """Every sample once, at its own time; duplicates replaced, dead letters absent, quality on change."""
    expected = {
        tuple(sorted(series["tags"].items())): {
            arrivals.clock_ns(time): fields for time, fields in series["rows"]
        }
        for series in arrivals.load("raw.json")["series"]
        if series["measurement"] == measurement
    }
    assert rows_of(lived.store, "raw", measurement) == expected


def test_the_store_holds_exactly_the_expected_heartbeats(lived):
    """Every heartbeat once, with the tags of its link."""
    expected = {
        tuple(sorted(link["tags"].items())): {
            time: {"up": run["up"]} for run in link["runs"] for time in arrivals.beats(run)
        }
        for link in arrivals.load("raw.json")["links"]
    }
    assert rows_of(lived.store, "raw", "link") == expected


def test_the_account_balances(lived):
    """Nothing waits; one sample was replaced; four things were no samples."""
    received = len(list(arrivals.samples())) + 1  # and the message cut short
    ledger = lived.ledger
    found = (ledger.received, ledger.stored, ledger.replaced, ledger.dead, ledger.waiting, ledger.gaps)
    assert found == (received, received - 1 - 4, 1, 4, 0, 1)


def test_delivery_notes_tell_of_every_sample(lived):
    """The notes count what was stored, and reach over the late batch."""
    notes = [
        (time, fields)
        for rows in rows_of(lived.store, "raw", "delivery").values()
        for time, fields in rows.items()
    ]
    assert sum(fields.get("samples", 0) for _, fields in notes) >= lived.ledger.stored
    late = arrivals.clock_ns("23:02:00")
    assert any(
        fields["from_ns"] <= late <= fields["to_ns"] and time >= arrivals.clock_ns("23:50:05")
        for time, fields in notes
    )


def test_the_job_writes_exactly_the_expected_atoms(lived):
    """Every field of every atom, whatever arrived late; anything else the job ever wrote is zero."""
    expected = {
        (arrivals.clock_ns(atom["time"]), *(atom[key] for key in KEYS[1:])): {
            field: value for field, value in atom.items() if field not in KEYS
        }
        for atom in arrivals.load("atoms.json")
    }
    found = {}
    span = {"start_ns": arrivals.START, "end_ns": arrivals.END}
    for tags, rows in rows_of(lived.store, "kpi", "atom", **span).items():
        named = dict(tags)
        for time, fields in rows.items():
            found[(time, *(named[key] for key in KEYS[1:]))] = fields
    assert expected.keys() <= found.keys()
    for key, fields in found.items():
        if key in expected:
            same(fields, expected[key], key)
        else:
            assert not any(fields.values()), key


def test_the_job_writes_exactly_the_expected_stops(lived):
    """Whole stops, across cells, with the state they began in."""
    expected = {
        (stop["machine"], stop["state"], arrivals.clock_ns(stop["time"])): stop["duration_s"]
        for stop in arrivals.load("stops.json")
    }
    found = {
        (dict(tags)["machine"], dict(tags)["state"], time): fields["duration_s"]
        for tags, rows in rows_of(lived.store, "kpi", "stop").items()
        for time, fields in rows.items()
        if fields["duration_s"]
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("from_atoms", [False, True], ids=["from raw", "from atoms"])
@pytest.mark.parametrize("by", arrivals.GROUPS)
def test_kpis_are_exactly_the_expected_ones(lived, by, from_atoms):
    """Every figure of every group, from raw rows and from the stored atoms alike."""
    keys = tuple(filter(None, by.split(",")))
    rows = query.kpis(
        lived.site,
        lived.store,
        start_ns=arrivals.START,
        end_ns=arrivals.END,
        by=keys,
        from_atoms=from_atoms,
    )
    found = {tuple(row[key] for key in keys): row for row in rows}
    expected = {tuple(row[key] for key in keys): row for row in arrivals.load("kpis.json")[by]}
    assert found.keys() == expected.keys()
    for group, row in expected.items():
        same(found[group], row, (by, group))


@pytest.mark.parametrize("group", SUMS, ids="; ".join)
def test_expected_figures_are_the_sums_worked_by_hand(group):
    """The expected files say what the arithmetic of README.md says."""
    by, *keys = group
    rows = arrivals.load("kpis.json")[by]
    (row,) = (row for row in rows if [row[key] for key in by.split(",") if key] == keys)
    for field, value in SUMS[group].items():
        assert row[field] == pytest.approx(value, rel=1e-9, abs=2e-9), field


def test_the_reference_makes_the_expected_files_of_the_arrivals():
    """Nobody edited a figure without its cause."""
    for name, value in arrivals.expectations().items():
        assert arrivals.load(name) == arrivals.rounded(value), name
