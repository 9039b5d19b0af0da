"""Grafana as code: the same bytes every time, and queries that give the figures worked out by hand."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.build import as_json, build
from dashboards.grafana import line_overview, uid
from fieldlab_configs import Site, parse
from tests.servers import InfluxServer

MINUTE_NS = 60 * 1_000_000_000
START_NS = 1_795_413_600 * 1_000_000_000  # 2026-11-23T06:00:00Z, on an hour

CONFIG = """
fieldlab: o-hara
name: O'Hara & "Sons"
timezone: Europe/Amsterdam
language: en
lines:
  - id: l1
    bottleneck: m1
    output: m2
    machines:
      - {id: m1, ideal_cycle_time_s: 10, states: packml, signals: {state: {item: a}, total_count: {item: b}}}
      - {id: m2, ideal_cycle_time_s: 10, states: packml, signals: {state: {item: a}, total_count: {item: b}}}
      - {id: m3, ideal_cycle_time_s: 10, states: packml, signals: {state: {item: a}, total_count: {item: b}}}
store: {kind: influxdb, url: "http://influxdb:8086", org: fieldlab, token: {env: INFLUX_TOKEN}}
"""

# Two cells of two machines on line l1, and m3, which has a counter that tells no good from scrap and was
# not planned to work. Zero where nothing is said.
ATOMS: dict[tuple[str, int], dict[str, float]] = {
    ("m1", 0): {
        "planned_busy_time_s": 300, "actual_production_time_s": 200, "state_producing_s": 200,
        "state_stopped_s": 100, "ideal_production_time_s": 180, "ideal_good_time_s": 170,
        "ideal_good_low_s": 170, "ideal_good_high_s": 170, "good_quantity": 17, "scrap_quantity": 1,
        "energy_kwh": 2.5, "line_planned_busy_time_s": 300,
    },
    ("m1", 1): {
        "planned_busy_time_s": 300, "unknown_time_s": 60, "actual_production_time_s": 240,
        "state_producing_s": 240, "state_unknown_s": 60, "ideal_production_time_s": 220,
        "ideal_production_unknown_s": 40, "ideal_good_time_s": 200, "ideal_good_low_s": 160,
        "ideal_good_high_s": 210, "good_quantity": 20, "scrap_quantity": 2, "count_missing_s": 30,
        "energy_kwh": 3.0, "line_planned_busy_time_s": 300,
    },
    ("m2", 0): {
        "planned_busy_time_s": 300, "actual_production_time_s": 300, "state_producing_s": 300,
        "ideal_production_time_s": 150, "ideal_good_time_s": 150, "ideal_good_low_s": 150,
        "ideal_good_high_s": 150, "good_quantity": 15, "scrap_quantity": 0, "energy_kwh": 1.0,
        "line_good_quantity": 15, "line_ideal_good_time_s": 150,
    },
    ("m2", 1): {
        "planned_busy_time_s": 300, "actual_production_time_s": 0, "state_off_s": 300,
        "energy_kwh": 0.5,
    },
    ("m3", 0): {"state_off_s": 300, "energy_missing_s": 300},
}  # fmt: skip
ALWAYS = (
    "calendar_time_s", "planned_busy_time_s", "actual_production_time_s", "unknown_time_s", "count_missing_s",
    "energy_missing_s", "minor_stop_s", "ideal_production_time_s", "ideal_production_unknown_s",
    "ideal_good_time_s", "ideal_good_low_s", "ideal_good_high_s", "good_quantity", "scrap_quantity",
    "line_good_quantity", "line_ideal_good_time_s", "line_planned_busy_time_s", "energy_kwh",
    "produced_quantity", "line_produced_quantity",
    *(f"state_{n}_s" for n in ("producing", "setup", "idle", "starved", "blocked", "stopped", "down",
                               "maintenance", "off", "unknown")),
)  # fmt: skip
NOT_TOLD_BY_M3 = {"good_quantity", "scrap_quantity", "ideal_good_time_s", "ideal_good_low_s",
                  "ideal_good_high_s", "energy_kwh"}  # fmt: skip


class Influx:
    """A database of its own on a real server."""

    def __init__(self, server: InfluxServer) -> None:
        self.server = server
        self.name = f"fl_{uuid.uuid4().hex[:8]}"

    def post(self, path: str, body: str, **query: str) -> None:
        """Send lines or a statement."""
        self._send(self._url(path, query), body.encode())

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series of an answer; an error of the server fails the test."""
        url = self._url("/query", {"db": self.name, "q": query, "epoch": "ms"})
        (result,) = json.loads(self._send(url))["results"]
        assert "error" not in result, (result["error"], query)
        return result.get("series", [])

    def _url(self, path: str, query: dict[str, str]) -> str:
        return f"{self.server.url}{path}?{urllib.parse.urlencode(query)}"

    def _send(self, url: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(url, data=body)  # noqa: S310 - our own server
        token = self.server.token
        if token and ":" in token:
            request.add_header("Authorization", f"Basic {base64.b64encode(token.encode()).decode()}")
        elif token:
            request.add_header("Authorization", f"Token {token}")
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.read()


@pytest.fixture(scope="module")
def influx(influx_server: InfluxServer) -> Iterator[Influx]:
    """The hand-written atoms in a real InfluxDB."""
    database = Influx(influx_server)
    database.post("/query", "", q=f'CREATE DATABASE "{database.name}"')
    lines = []
    for (machine, cell), atom in ATOMS.items():
        told = [f for f in ALWAYS if machine != "m3" or f not in NOT_TOLD_BY_M3]
        values = {f: float(atom.get(f, 0.0)) for f in told} | {"calendar_time_s": 300.0}
        fields = ",".join(f"{name}={value}" for name, value in values.items())
        tags = f"fieldlab=o-hara,line=l1,machine={machine},product=none,shift=none"
        lines.append(f"atom,{tags} {fields} {START_NS + cell * 5 * MINUTE_NS}")
    # Another line and another fieldlab must not leak into any panel.
    elsewhere = fields.replace("=0.0", "=777.0")
    lines += [
        f"atom,{tags},product=none,shift=none {elsewhere} {START_NS}"
        for tags in ("fieldlab=o-hara,line=l2,machine=m9", "fieldlab=other,line=l1,machine=m1")
    ]
    database.post("/write", "\n".join(lines), db=database.name, precision="ns")
    yield database
    database.post("/query", "", q=f'DROP DATABASE "{database.name}"')


@pytest.fixture(scope="module")
def site() -> Site:
    """The fieldlab of the atoms."""
    return parse(CONFIG)


def filled(query: str, machines: list[str], interval: str = "300s") -> str:
    """A query with its variables filled in as Grafana does."""
    start_ms = START_NS // 1_000_000
    values = {
        "${line:regex}": "l1",
        "${machine:regex}": f"({'|'.join(map(re.escape, machines))})" if len(machines) > 1 else machines[0],
        "$timeFilter": f"time >= {start_ms}ms and time <= {start_ms + 600_000 - 1}ms",
        "$__interval": interval,
    }
    for name, value in values.items():
        query = query.replace(name, value)
    assert not re.search(r"\$(\{|[a-zA-Z_])", query), query
    return query


def panel(board: dict[str, Any], title: str) -> dict[str, Any]:
    """The panel of that title."""
    (found,) = [p for p in board["panels"] if p["title"] == title]
    return found


def answers(influx: Influx, board: dict[str, Any], title: str, machines: list[str]) -> list[Any]:
    """Per query of a panel: its one value, None where there is no row."""
    found = []
    for target in panel(board, title)["targets"]:
        series = influx.ask(filled(target["query"], machines))
        found.append(series[0]["values"][0][1] if series else None)
    return found


@pytest.mark.service
@pytest.mark.parametrize(
    ("title", "machines", "expected"),
    [
        ("Availability", ["m1"], [440 / 540]),
        ("Availability", ["m1", "m2"], [740 / 1140]),
        ("Performance", ["m1"], [(400 - 40) / 440]),
        ("Quality", ["m1", "m2"], [520 / 550]),
        ("Coverage", ["m1"], [540 / 600]),
        ("OEE of the chosen machines", ["m1"], [330 / 600, 370 / 570, (380 + 30) / 600]),
        ("OEE of the chosen machines", ["m1", "m2"], [480 / 1200, 520 / 1170, (530 + 30) / 1200]),
    ],
)
def test_figures_of_machines_are_those_by_hand(influx, site, title, machines, expected) -> None:
    """Sum first, then divide, on a real InfluxDB."""
    assert answers(influx, line_overview(site, "en"), title, machines) == pytest.approx(expected)


@pytest.mark.service
@pytest.mark.parametrize("title", ["Availability", "Performance", "Quality", "Coverage"])
def test_what_is_undefined_gives_no_row_and_never_zero(influx, site, title) -> None:
    """InfluxQL itself answers 0 to a division by nothing; a screen would show 0 %."""
    assert answers(influx, line_overview(site, "en"), title, ["m3"]) == [None]


@pytest.mark.service
def test_a_machine_that_cannot_tell_makes_the_sum_untold(influx, site) -> None:
    """SUM skips what is not there; a pooled OEE without one machine would be a made-up number."""
    board = line_overview(site, "en")
    assert answers(influx, board, "OEE of the chosen machines", ["m1", "m2", "m3"]) == [None, None, None]


@pytest.mark.service
def test_figures_of_the_line_are_those_by_hand(influx, site) -> None:
    """The line's own fields, whatever machines are chosen."""
    board = line_overview(site, "en")
    assert answers(influx, board, "OEE of the line", ["m1"]) == pytest.approx([150 / 600])
    assert answers(influx, board, "Good", ["m1"]) == [15]
    assert answers(influx, board, "Scrap", ["m1"]) == [None]  # m3 tells no scrap
    per_good = [p for p in board["panels"] if p["title"] == "Energy per good part" and p["type"] == "stat"]
    (target,) = per_good[0]["targets"]
    (series,) = influx.ask(filled(target["query"], ["m1"]))
    assert series["values"][0][1] == pytest.approx(7.0 / 15)


@pytest.mark.service
def test_oee_by_machine_names_only_those_that_have_one(influx, site) -> None:
    """One series per machine; the one that cannot tell is not shown as 0."""
    (target,) = panel(line_overview(site, "en"), "OEE by machine")["targets"]
    series = influx.ask(filled(target["query"], ["m1", "m2", "m3"]))
    found = {one["tags"]["machine"]: one["values"][0][1] for one in series}
    assert found == {"m1": pytest.approx(370 / 570), "m2": pytest.approx(150 / 600)}


@pytest.mark.service
def test_states_over_time_are_seconds_per_cell(influx, site) -> None:
    """Every cell adds up to its machines' time, unknown among it."""
    (target,) = panel(line_overview(site, "en"), "States over time")["targets"]
    (series,) = influx.ask(filled(target["query"], ["m1", "m2"]))
    cells = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    assert [c["Producing"] for c in cells] == [500, 240]
    assert [c["Unknown"] for c in cells] == [0, 60]
    assert [sum(v for k, v in c.items() if k != "time") for c in cells] == [600, 600]


@pytest.mark.service
def test_trends_leave_out_what_is_undefined(influx, site) -> None:
    """A cell without good parts has no energy per good part: no point, not zero."""
    trend = [p for p in line_overview(site, "en")["panels"] if p["type"] == "timeseries"][-1]
    (series,) = influx.ask(filled(trend["targets"][0]["query"], ["m1"]))
    assert series["values"] == [[START_NS // 1_000_000, pytest.approx(3.5 / 15)]]


@pytest.mark.service
@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_query_of_every_panel_and_variable_runs(influx, site, language) -> None:
    """With variables filled in as Grafana does, at a cell, an hour and a day."""
    board = line_overview(site, language)
    for one in board["panels"]:
        for target in one["targets"]:
            for interval in ("300s", "1h", "1d"):
                influx.ask(filled(target["query"], ["m1", "m2"], interval))
    values = [
        influx.ask(filled(v["query"], ["m1"])) for v in board["templating"]["list"] if v["type"] == "query"
    ]
    assert [[row[1] for row in series[0]["values"]] for series in values] == [
        ["l1", "l2"],
        ["m1", "m2", "m3"],
    ]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_dashboard_is_what_grafana_expects(site, language) -> None:
    """Ids, uid, units, data source and reducers: what its own types leave optional and it still needs."""
    board = line_overview(site, language)
    assert board["uid"] == uid(site, "line") == "fl-o-hara-line"
    assert "id" not in board
    ids = [p["id"] for p in board["panels"]]
    assert ids == list(range(1, len(ids) + 1))
    for one in board["panels"]:
        assert one["datasource"] == {"type": "influxdb", "uid": "${ds}"}
        assert one["fieldConfig"]["defaults"]["noValue"] == "–"
        assert one["description"]
        if one["type"] != "timeseries":
            assert one["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
    assert [v["name"] for v in board["templating"]["list"]] == ["ds", "line", "machine"]
    assert not [k for v in board["templating"]["list"] for k in v if k.startswith("auto")]


def test_panels_do_not_overlap_and_fill_the_grid(site) -> None:
    """24 columns wide, every field taken once."""
    taken: set[tuple[int, int]] = set()
    for one in line_overview(site, "nl")["panels"]:
        place = one["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, one["title"]
        taken |= cells
    assert len(taken) == 24 * (max(y for _, y in taken) + 1)


def test_a_uid_is_never_too_long(site) -> None:
    """Grafana takes forty characters."""
    long = site.model_copy(update={"fieldlab": "x" * 80})
    assert len(uid(long, "line")) == 40


def test_building_twice_gives_the_same_bytes(site, tmp_path) -> None:
    """Provisioning that changes without a change would be noise in every diff."""
    first = {p.name: p.read_bytes() for p in build(site, tmp_path)}
    second = {p.name: p.read_bytes() for p in build(parse(CONFIG), tmp_path)}
    assert first == second
    assert as_json(line_overview(site, "en")) == as_json(line_overview(site, "en"))


def test_provisioning_never_holds_a_secret(site, tmp_path) -> None:
    """The token stays in Grafana's environment."""
    written = "".join(p.read_text() for p in build(site, tmp_path))
    assert "Token ${INFLUX_READ_TOKEN}" in written
    assert "INFLUX_TOKEN}" not in written.replace("${INFLUX_READ_TOKEN}", "")


def test_an_embedded_store_gives_dashboards_without_a_data_source(site, tmp_path) -> None:
    """There is no server that Grafana could ask."""
    names = {p.parent.name for p in build(site.model_copy(update={"store": None}), tmp_path)}
    assert names == {"dashboards"}
