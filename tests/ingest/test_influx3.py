"""InfluxDB 3 Core as far as it can: no companies, and long ranges in the parts that it allows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.influx import InfluxStore
from ingest.influx_ranges import TooWide, in_parts
from ingest.store import StoreUnavailable
from tests import servers
from tests.fieldlab.command import fieldlab
from tests.fronts.front import listening
from tests.fronts.influx3 import MOST_FILES, TOKEN, Influx3
from tests.influxes import Influxes
from tests.ingest.contract import M1, M2, T0, row

HOUR = 3600 * 10**9
CONFIG = """\
fieldlab: {lab}
timezone: UTC
lines: [{{id: l1, machines: [{{id: m1}}]}}]
{companies}
store: {{kind: influxdb, url: "{url}", token: {{env: INFLUX3_TEST_TOKEN}}, retention: {{raw: 30d}}}}
"""


@pytest.fixture
def front(influxes: Influxes) -> Iterator[Influx3]:
    """A front with the server's own limit."""
    try:
        made = Influx3(influxes("influx1").url)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    with listening(made, servers.InfluxServer(made.url)):
        yield made


@pytest.fixture
def store(front: Influx3) -> Iterator[InfluxStore]:
    """A store there."""
    made = InfluxStore(front.url, f"lab{uuid.uuid4().hex[:10]}", token=TOKEN)
    made.setup()
    yield made
    made.close()


@pytest.mark.service
def test_thirty_days_are_read_in_the_parts_that_it_allows(front: Influx3, store: InfluxStore) -> None:
    """1,440 files, where one question may touch 432: all rows come, once, in order, in few questions."""
    hours = 30 * 24
    rows = [row("power", n * HOUR // 2, float(n), M2 if n % 7 == 0 else M1) for n in range(2 * hours)]
    assert store.write("raw", rows) == []
    for span in ((None, None), (T0, T0 + hours * HOUR)):
        front.queries.clear()
        tables = store.read("raw", "machine", start_ns=span[0], end_ns=span[1])
        assert [t.tags["machine"] for t in tables] == ["m1", "m2"]
        found = dict(pair for t in tables for pair in zip(t.time_ns, t.columns["power"], strict=True))
        assert found == {r.time_ns: r.value for r in rows}
        assert len(front.queries) <= 2 * 2 * len(rows) / MOST_FILES + 60
    front.queries.clear()
    (table, _) = store.read("raw", "machine", start_ns=T0, end_ns=T0 + 200 * HOUR)
    assert len(front.queries) == 1
    assert table.time_ns[0] == T0 + HOUR // 2


@pytest.mark.service
def test_neighbours_are_found_however_far_away(front: Influx3, store: InfluxStore) -> None:
    """The last before and the first from, each its own, across more files than one question may touch."""
    rows = [row("power", n * HOUR // 6, float(n)) for n in range(1000)]
    rows += [row("state", 5, 7.0), row("power", 999 * HOUR, 3.0, M2)]
    assert store.write("raw", rows) == []
    last = store.last_before("raw", "machine", T0 + 999 * HOUR)
    assert last == [row("power", 999 * HOUR // 6, 999.0), row("state", 5, 7.0)]
    assert store.first_from("raw", "machine", T0) == [
        row("power", 0, 0.0),
        row("state", 5, 7.0),
        row("power", 999 * HOUR, 3.0, M2),
    ]
    assert front.queries


def test_a_limit_that_no_range_is_short_enough_for_is_said() -> None:
    """Ten minutes are one file; below that halving does not help, and nobody asks for ever."""
    asked = []

    def ask(start_ns: int | None, end_ns: int | None) -> None:
        asked.append((start_ns, end_ns))
        raise TooWide("Query would scan 0 Parquet files, exceeding the file limit")

    with pytest.raises(StoreUnavailable, match="exceeding the file limit"):
        list(in_parts(ask, None, T0))
    assert len(asked) < 60


@pytest.mark.service
def test_setup_keeps_to_retention_and_refuses_companies(
    front: Influx3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice changes nothing; with a company nothing is made, and the reason is said."""
    monkeypatch.setenv("INFLUX3_TEST_TOKEN", TOKEN)
    lab, path = f"lab{uuid.uuid4().hex[:10]}", tmp_path / "lab.yaml"
    path.write_text(CONFIG.format(lab=lab, url=front.url, companies="companies: [{id: acme, name: Acme}]"))
    done = fieldlab("store", "setup", path)
    assert done.returncode == 2
    assert "company acme could read everybody's; take InfluxDB 2, or the companies out" in done.stderr
    assert front.databases == {}
    path.write_text(CONFIG.format(lab=lab, url=front.url, companies=""))
    for _ in range(2):
        done = fieldlab("store", "setup", path, "--tokens", tmp_path / "tokens")
        assert (done.returncode, done.stderr) == (0, "")
        assert (
            "tokens: none, for the server is an InfluxDB 3 Core, whose tokens all open everything"
            in done.stdout
        )
        assert front.databases == {f"{lab}_raw": 30 * 86_400, f"{lab}_kpi": 0}
    assert ": ok" in fieldlab("store", "check", path).stdout


@pytest.mark.service
def test_a_wrong_token_is_told_as_such(front: Influx3) -> None:
    """Even its version is told to those alone who have a token."""
    store = InfluxStore(front.url, "lab", token="another")
    with pytest.raises(StoreUnavailable, match=r"status 401\): check the token"):
        store.write("raw", [row("power", 1, 1.0)])
    with pytest.raises(StoreUnavailable, match="answers 401"):
        store.read("raw", "machine")
    store.close()
