"""Grafana as code: the same bytes every time, and queries that give the figures worked out by hand."""

from __future__ import annotations

import itertools
import json
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.build import as_json, build, escaped
from dashboards.grafana import boards, render, uid
from dashboards.grafana_alerts import provisioned, rules
from fieldlab_configs import Site, parse
from tests.dashboards.asking import Asker, filled
from tests.fieldlab.command import fieldlab
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
companies: [{id: acme, name: Acme}]
sources: {plc: {kind: opcua, endpoint: "opc.tcp://10.0.0.5:4840", security: none}}
gateways: {edge1: {sources: [plc]}}
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


class Influx(Asker):
    """A database of its own on a real server."""

    def __init__(self, server: InfluxServer) -> None:
        self.name = f"fl_{uuid.uuid4().hex[:8]}"
        super().__init__(server, {"ds": self.name})

    def post(self, path: str, body: str, **query: str) -> None:
        """Send lines or a statement."""
        url = f"{self.server.url}{path}?{urllib.parse.urlencode(query)}"
        urllib.request.urlopen(self.request(url, body.encode()), timeout=20).close()  # noqa: S310 - our own server


@pytest.fixture(scope="module")
def influx(influx_one: InfluxServer) -> Iterator[Influx]:
    """The hand-written atoms in a real InfluxDB."""
    database = Influx(influx_one)
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


def as_chosen(query: str, machines: list[str], interval: str = "300s") -> str:
    """A query with those machines of line l1 chosen."""
    chosen = {"line": ["l1"], "machine": machines, "shift": ["none"], "product": ["none"]}
    return filled(query, chosen, START_NS, START_NS + 10 * MINUTE_NS, interval)


def line_board(site: Site, language: str = "en") -> dict[str, Any]:
    """The dashboard of a line."""
    return board_of(site, "line", language)


def board_of(site: Site, screen: str, language: str = "en", company: str = "") -> dict[str, Any]:
    """A dashboard as JSON."""
    return next(render(b) for b in boards(site, language, company) if b.screen.id == screen)


def panel(board: dict[str, Any], title: str) -> dict[str, Any]:
    """The panel of that title."""
    (found,) = [p for p in board["panels"] if p.get("title") == title]
    return found


def answers(influx: Influx, board: dict[str, Any], title: str, machines: list[str]) -> list[Any]:
    """Per query of a panel: its one value, None where there is no row."""
    found = []
    for target in panel(board, title)["targets"]:
        series = influx.ask(as_chosen(target["query"], machines))
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
    assert answers(influx, line_board(site), title, machines) == pytest.approx(expected)


@pytest.mark.service
@pytest.mark.parametrize("title", ["Availability", "Performance", "Quality", "Coverage"])
def test_what_is_undefined_gives_no_row_and_never_zero(influx, site, title) -> None:
    """InfluxQL itself answers 0 to a division by nothing; a screen would show 0 %."""
    assert answers(influx, line_board(site), title, ["m3"]) == [None]


@pytest.mark.service
def test_a_machine_that_cannot_tell_makes_the_sum_untold(influx, site) -> None:
    """SUM skips what is not there; a pooled OEE without one machine would be a made-up number."""
    board = line_board(site)
    assert answers(influx, board, "OEE of the chosen machines", ["m1", "m2", "m3"]) == [None, None, None]


@pytest.mark.service
def test_figures_of_the_line_are_those_by_hand(influx, site) -> None:
    """The line's own fields, whatever machines are chosen."""
    board = line_board(site)
    assert answers(influx, board, "OEE of the line", ["m1"]) == pytest.approx([150 / 600])
    assert answers(influx, board, "Good", ["m1"]) == [15]
    assert answers(influx, board, "Scrap", ["m1"]) == [3]
    assert answers(influx, board, "Scrap", ["m1", "m3"]) == [None]  # m3 tells no scrap
    per_good = [panel(board, "Energy per good part")]
    (target,) = per_good[0]["targets"]
    (series,) = influx.ask(as_chosen(target["query"], ["m1"]))
    assert series["values"][0][1] == pytest.approx(7.0 / 15)


@pytest.mark.service
def test_oee_by_machine_names_only_those_that_have_one(influx, site) -> None:
    """One series per machine; the one that cannot tell is not shown as 0."""
    (target,) = panel(line_board(site), "OEE by machine")["targets"]
    series = influx.ask(as_chosen(target["query"], ["m1", "m2", "m3"]))
    found = {one["tags"]["machine"]: one["values"][0][1] for one in series}
    assert found == {"m1": pytest.approx(370 / 570), "m2": pytest.approx(150 / 600)}


@pytest.mark.service
def test_states_over_time_are_seconds_per_cell(influx, site) -> None:
    """Every cell adds up to its machines' time, unknown among it."""
    (target,) = panel(line_board(site), "States over time")["targets"]
    (series,) = influx.ask(as_chosen(target["query"], ["m1", "m2"]))
    cells = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    assert [c["Producing"] for c in cells] == [500, 240]
    assert [c["Unknown"] for c in cells] == [0, 60]
    assert [sum(v for k, v in c.items() if k != "time") for c in cells] == [600, 600]


@pytest.mark.service
def test_trends_leave_out_what_is_undefined(influx, site) -> None:
    """A cell without good parts has no energy per good part: no point, not zero."""
    trend = panel(line_board(site), "Energy per good part, over time")
    (series,) = influx.ask(as_chosen(trend["targets"][0]["query"], ["m1"]))
    assert series["values"] == [[START_NS // 1_000_000, pytest.approx(3.5 / 15)]]


@pytest.mark.service
def test_an_atom_that_no_longer_holds_tells_nothing(influx, site) -> None:
    """Overwritten with zeros, it neither adds a product nor makes a sum untold."""
    tags = "fieldlab=o-hara,line=l1,machine=m1,product=gone,shift=none"
    influx.post("/write", f"atom,{tags} calendar_time_s=0,planned_busy_time_s=0 {START_NS}", db=influx.name,
                precision="ns")  # fmt: skip
    target = panel(board_of(site, "machine"), "OEE by product")["targets"][0]
    chosen = {"line": ["l1"], "machine": ["m1"], "shift": ["none"], "product": ["none", "gone"]}
    series = influx.ask(filled(target["query"], chosen, START_NS, START_NS + 10 * MINUTE_NS))
    assert {one["tags"]["product"]: one["values"][0][1] for one in series} == {
        "none": pytest.approx(370 / 570)
    }


def every(site: Site, company: str = ""):
    """Every dashboard, in both languages."""
    return [render(b) for language in ("nl", "en") for b in boards(site, language, company)]


@pytest.mark.parametrize("company", ["", "acme"])
def test_a_dashboard_is_what_grafana_expects(site, company) -> None:
    """Ids, uid, units, data source and reducers: what its own types leave optional and it still needs."""
    for board in every(site, company):
        assert board["uid"].startswith(f"fl-{company or 'o-hara'}-")
        assert "id" not in board
        ids = [p["id"] for p in board["panels"]]
        assert len(set(ids)) == len(ids)
        for one in board["panels"]:
            if one["type"] in {"row", "text"}:
                continue
            assert one["datasource"]["uid"] in {"${ds}", "${raw}"}
            assert one["fieldConfig"]["defaults"]["noValue"] == "–"
            assert one["description"]
            if one["type"] in {"stat", "gauge", "bargauge"}:
                assert one["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
        (link,) = board["links"]
        assert link["includeVars"]
        assert link["keepTime"]
        for variable in board["templating"]["list"]:
            assert not [key for key in variable if key.startswith("auto")]
            if variable["type"] == "query":
                assert variable["multi"] == variable["includeAll"] == (variable["name"] != "experiment")


def test_variables_are_chained(site) -> None:
    """Each asks for its values among what is chosen in those before it, and in no other."""
    for board in every(site):
        names = [v["name"] for v in board["templating"]["list"] if v["type"] == "query"]
        for number, variable in enumerate(v for v in board["templating"]["list"] if v["type"] == "query"):
            asked = [name for name in names if f"${{{name}:regex}}" in variable["query"]]
            assert asked == names[:number]
    assert names == ["gateway"]


def test_panels_do_not_overlap_and_fill_the_grid(site) -> None:
    """24 columns wide, every field taken once."""
    for board, company in itertools.product(every(site), ("",)):
        taken: set[tuple[int, int]] = set()
        for one in board["panels"]:
            place = one["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, (company, one.get("title"))
            taken |= cells
        assert len(taken) == 24 * (max(y for _, y in taken) + 1)


def test_every_figure_is_explained_where_it_stands(site) -> None:
    """In the text below its section, by its title and one sentence; in the language of the board."""
    for board in every(site):
        explained = ""
        for one in reversed(board["panels"]):
            if one["type"] == "text":
                explained = one["options"]["content"]
            elif (
                one["type"] != "row"
                and " of the chosen" not in one["title"]
                and " van de gekozen" not in one["title"]
            ):
                assert f"**{one['title']}**: " in explained, (board["title"], one["title"])


def test_cells_of_a_table_are_called_by_their_column(site) -> None:
    """A machine called 1 gives no number its name; a figure has its own, and a verdict its colour."""
    for board in every(site):
        for one in board["panels"]:
            if one["type"] == "table":
                assert not one["fieldConfig"]["defaults"].get("mappings")
    (verdicts,) = [p for p in board_of(site, "experiment")["panels"] if p.get("title") == "Verdict by figure"]
    mapped = {
        o["matcher"]["options"]: next(p["value"] for p in o["properties"] if p["id"] == "mappings")
        for o in verdicts["fieldConfig"]["overrides"]
        if any(p["id"] == "mappings" for p in o["properties"])
    }
    assert mapped["kpi"][0]["options"]["oee_index"]["text"] == "OEE"
    assert set(mapped["verdict"][0]["options"]) == {
        "improved", "worsened", "no difference shown", "not enough data",
    }  # fmt: skip


@pytest.mark.parametrize("out", ["file", "file/deeper"])
def test_a_folder_that_cannot_be_written_is_one_message(site, tmp_path, out) -> None:
    """Which, and what to do."""
    (tmp_path / "lab.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "file").touch()
    done = fieldlab("dashboards", "build", tmp_path / "lab.yaml", "--out", tmp_path / out)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "give a folder that can be written" in done.stderr


def test_the_language_is_the_config_s_or_that_asked_for(tmp_path) -> None:
    """English here; Dutch on request."""
    (tmp_path / "lab.yaml").write_text(CONFIG, encoding="utf-8")
    for more, title in (((), "Line"), (("--language", "nl"), "Lijn")):
        done = fieldlab("dashboards", "build", tmp_path / "lab.yaml", "--out", tmp_path / "out", *more)
        assert done.returncode == 0
        board = json.loads((tmp_path / "out" / "dashboards" / "line.json").read_text(encoding="utf-8"))
        assert board["title"].endswith(f" · {title}")


def test_a_uid_is_never_too_long(site) -> None:
    """Grafana takes forty characters."""
    assert len(uid("x" * 80, "line")) == 40
    long = site.model_copy(update={"fieldlab": "x" * 80, "gateways": {"y" * 80: None}})
    uids = [rule["uid"] for group in provisioned(long, "en")["groups"] for rule in group["rules"]]
    assert max(map(len, uids)) <= 40
    assert len(set(uids)) == len(uids)


def test_building_twice_gives_the_same_bytes(site, tmp_path) -> None:
    """Provisioning that changes without a change would be noise in every diff."""
    first = {p: p.read_bytes() for p in build(site, tmp_path)}
    second = {p: p.read_bytes() for p in build(parse(CONFIG), tmp_path)}
    assert first == second
    assert len(first) == 9
    assert as_json(line_board(site)) == as_json(line_board(site))


def test_provisioning_never_holds_a_secret_and_no_dollar_of_ours_is_a_variable(site, tmp_path) -> None:
    """The token stays in Grafana's environment, which would fill in anything else with a dollar sign too."""
    files = [p for p in build(site, tmp_path) if p.suffix == ".yaml"]
    written = "".join(p.read_text() for p in files)
    assert written.count("Token ${INFLUX_READ_TOKEN}") == 2
    left = written.replace("${INFLUX_READ_TOKEN}", "").replace("$$", "")
    assert "$" not in left
    assert "INFLUX_TOKEN" not in left
    assert "$$timeFilter" in written
    assert escaped({"a": ["5 $"]}) == {"a": ["5 $$"]}


def test_an_embedded_store_gives_dashboards_without_a_data_source(site, tmp_path) -> None:
    """There is no server that Grafana could ask."""
    names = {p.parent.name for p in build(site.model_copy(update={"store": None}), tmp_path)}
    assert names == {"dashboards"}


def test_every_alert_leads_to_the_panel_that_shows_it(site) -> None:
    """Dashboard and panel, both of which Grafana asks for, and a folder that no slash nests."""
    (group,) = provisioned(site, "en")["groups"]
    shown = {b["uid"]: {str(p["id"]): p.get("title") for p in b["panels"]} for b in every(site)}
    told = {
        rule["labels"]["rule"]: shown[rule["annotations"]["__dashboardUid__"]][
            rule["annotations"]["__panelId__"]
        ]
        for rule in group["rules"]
    }
    assert told == {
        "gateway_silent": "Waiting",
        "dead_letters": "Refused",
        "autonomy_low": "Autonomy",
        "certificate_expires": "Certificate valid",
        "oee_low": "OEE over time",
        "energy_above": "Used and expected",
    }
    assert "/" not in group["folder"]


@pytest.mark.service
def test_every_alert_s_query_runs_and_what_is_low_is_found(influx, site) -> None:
    """On the atoms by hand: the line's OEE of 150/600 is under any target."""
    for rule in rules(site):
        found = influx.ask(filled(rule.query, {}, START_NS, START_NS + 10 * MINUTE_NS))
        assert bool(found) == (rule.id == "oee_low"), rule.id
        if found:
            told = {one["tags"]["line"]: one["values"][0][1] for one in found}
            assert told["l1"] == pytest.approx(150 / 600)
            assert told["l1"] < rule.value
