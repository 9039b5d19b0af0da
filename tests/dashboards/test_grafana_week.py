"""Every query of every panel, on a real InfluxDB with a simulated week: the figures of ``fieldlab kpi``."""

from __future__ import annotations

import datetime as dt
import functools
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from dashboards.catalogue import LOSSES, Panel
from dashboards.grafana import boards, render
from dashboards.grafana_queries import bounds, of_line, queries
from dashboards.grafana_scope import Board
from tests.dashboards import week
from tests.dashboards.asking import Asker, filled
from tests.fieldlab.command import fieldlab

NS = week.NS
AUTUMN_DAY = week.local("2026-10-25"), week.local("2026-10-26")
RANGES = {"autumn week": week.AUTUMN, "day of 25 hours": AUTUMN_DAY, "day of 23 hours": week.SPRING}
REFUSED = r"not authorized|not find|not found|insufficient|40[134]"
GROUPS = ("machine", "line", "shift", "product")


class Answers:
    """What ``fieldlab`` says on the same data, each question asked once."""

    def __init__(self, made: week.Week) -> None:
        self.made = made

    @functools.cache  # noqa: B019 - as long as the tests
    def rows(self, command: str, start: int, end: int, by: str = "", *more: str) -> list[dict[str, Any]]:
        """The rows of a command's JSON."""
        span = ["--from", _utc(start), "--to", _utc(end)] if end else []
        grouped = ["--by", by] if by else []
        done = fieldlab(command, self.made.path, *more, *span, *grouped, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def _utc(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // NS, dt.UTC).isoformat()


@pytest.fixture(scope="module")
def made(real_influx, tmp_path_factory) -> week.Week:
    """The week, once."""
    return week.made(real_influx, tmp_path_factory.mktemp("week"))


@pytest.fixture(scope="module")
def answers(made) -> Answers:
    """The commands on it."""
    return Answers(made)


@pytest.fixture(scope="module")
def asker(made) -> Asker:
    """The fieldlab's data sources."""
    lab = made.site.fieldlab
    return Asker(made.as_seen_by("dashboards"), {"ds": f"{lab}_kpi", "raw": f"{lab}_raw"})


def own(made: week.Week) -> dict[str, Board]:
    """The fieldlab's boards, by screen."""
    return {board.screen.id: board for board in boards(made.site, "en")}


def asked(asker: Asker, board: Board, panel: Panel, span, interval="300s", **only) -> list[list[dict]]:
    """Per query of a panel, its series."""
    chosen = asker.values(board, **only)
    return [
        asker.ask(filled(query.query, chosen, *span, interval), query.source)
        for query in queries(board, panel)
    ]


def expected(row: dict[str, Any], measure: str, panel: Panel, *, line: bool) -> float | None:
    """What ``fieldlab kpi`` tells of a measure, at the same level: a line's, or its machines' pooled."""
    if measure == "ideal_rate_per_h":
        made, ideal = row["produced_quantity"], row["ideal_production_time_s"]
        return 3600 * made / ideal if ideal and made is not None else None
    pooled = f"machines_{measure}"
    return row[pooled] if not line and panel.group != "machine" and pooled in row else row[measure]


def atoms_of(board: Board, kind: str) -> list[Panel]:
    """The panels of atoms that give a total, or a value by tag, or by time."""
    found = [p for p in board.screen.panels if p.source == "atom" and p.kind != "waterfall"]
    return [p for p in found if (p.group if p.group in {"total", "time"} else "tag") == kind]


@pytest.mark.service
@pytest.mark.parametrize("span", list(RANGES))
@pytest.mark.parametrize("screen", ["fieldlab", "line", "machine", "energy"])
def test_totals_and_groups_are_those_of_the_command(made, asker, answers, screen, span) -> None:
    """With every variable at All, at each screen's level."""
    board = own(made)[screen]
    for panel in [*atoms_of(board, "total"), *atoms_of(board, "tag")]:
        line = of_line(board, panel)
        by = panel.group if panel.group in GROUPS else ""
        rows = answers.rows("kpi", *RANGES[span], by)
        measures = (
            [panel.low, panel.measure[0], panel.high] if panel.low and not line else panel.of(line=line)
        )
        for measure, series in zip(measures, asked(asker, board, panel, RANGES[span]), strict=True):
            told = {s.get("tags", {}).get(by, ""): s["values"][0][1] for s in series}
            known = {row.get(by, ""): expected(row, measure, panel, line=line) for row in rows}
            known = {key: value for key, value in known.items() if value is not None}
            assert told == pytest.approx(known, rel=1e-9), (panel.id, measure)
            assert told or not known


@pytest.mark.service
@pytest.mark.parametrize(("by", "interval"), [("hour", "1h"), ("day", "1d")])
@pytest.mark.parametrize("span", ["autumn week", "day of 23 hours"])
@pytest.mark.parametrize("screen", ["line", "machine", "energy"])
def test_what_is_drawn_over_time_is_that_of_the_command(
    made, asker, answers, screen, span, by, interval
) -> None:
    """By the hour and by the local day, which has 23 hours or 25 once a year."""
    board = own(made)[screen]
    for panel in atoms_of(board, "time"):
        line = of_line(board, panel)
        rows = answers.rows("kpi", *RANGES[span], by)
        at = {_ms(row[by], by): row for row in rows}
        found: dict[str, dict[int, float]] = {}
        every = [s for series in asked(asker, board, panel, RANGES[span], interval) for s in series]
        for n, (name, time, value) in enumerate(_points(every)):
            found.setdefault(name or str(n), {})[time] = value
        measures = panel.of(line=line)
        assert len(found) == len(measures), panel.id
        for measure, told in zip(measures, found.values(), strict=True):
            known = {t: expected(row, measure, panel, line=line) for t, row in at.items()}
            known = {t: v for t, v in known.items() if v is not None}
            assert told == pytest.approx(known, rel=1e-9, abs=1e-9), (panel.id, measure)


def _points(series: list[dict[str, Any]]):
    for number, one in enumerate(series):
        for row in one["values"]:
            for column, value in list(zip(one["columns"], row, strict=True))[1:]:
                if value is not None:
                    yield f"{number} {column}", row[0], value


def _ms(text: str, by: str) -> int:
    if by == "day":
        return week.local(text) // 1_000_000
    return round(dt.datetime.fromisoformat(text).timestamp()) * 1000


@pytest.mark.service
def test_chosen_machines_shifts_and_products_are_those_of_the_command(made, asker, answers) -> None:
    """One of each, names with quotes, slashes and emoji among them."""
    board, span = own(made)["machine"], week.AUTUMN
    rows = answers.rows("kpi", *span, "machine,shift,product")
    choices = [r for r in rows if r["machine"] in {"m1", "m2"} and r["product"] in week.PRODUCTS]
    assert {r["product"] for r in choices} == set(week.PRODUCTS)
    for row in choices:
        only = {key: [row[key]] for key in ("machine", "shift", "product")}
        for panel in atoms_of(board, "total"):
            for measure, series in zip(
                [panel.low, panel.measure[0], panel.high] if panel.low else panel.measure,
                asked(asker, board, panel, span, **only),
                strict=True,
            ):
                told = series[0]["values"][0][1] if series else None
                wanted = row[measure]
                assert told == (wanted if wanted is None else pytest.approx(wanted, rel=1e-9)), panel.id


@pytest.mark.service
@pytest.mark.parametrize("span", list(RANGES))
def test_the_waterfall_is_that_of_the_command_and_adds_up(made, asker, answers, span) -> None:
    """Each loss in seconds; all of them are planned time."""
    board = own(made)["line"]
    (panel,) = [p for p in board.screen.panels if p.id == "losses"]
    told = [s[0]["values"][0][1] for s in asked(asker, board, panel, RANGES[span])]
    known = {row["loss"]: row["minutes"] * 60 for row in answers.rows("losses", *RANGES[span])}
    assert dict(zip(LOSSES, told, strict=True)) == pytest.approx(known, abs=1e-6)
    (total,) = answers.rows("kpi", *RANGES[span])
    assert sum(told) == pytest.approx(total["planned_busy_time_s"])
    # What the panel's transformations make of it: rows, their running sum, and where each bar begins.
    shown = next(p for p in render(board)["panels"] if p["type"] == "barchart" and len(p["targets"]) > 1)
    assert [t["id"] for t in shown["transformations"]] == [
        "reduce",
        "calculateField",
        "calculateField",
        "organize",
    ]
    running, floor = (t["options"] for t in shown["transformations"][1:3])
    assert (running["cumulative"], floor["binary"]) == (
        {"field": "Last *", "reducer": "sum"}, {"left": "top", "operator": "-", "right": "Last *"},
    )  # fmt: skip
    assert (shown["options"]["xField"], shown["options"]["stacking"]) == ("Field", "normal")


@pytest.mark.service
def test_stops_by_reason_are_those_of_the_command(made, asker, answers) -> None:
    """Added up by reason, as the panel's transformation does."""
    board, span = own(made)["machine"], week.AUTUMN
    (panel,) = [p for p in board.screen.panels if p.id == "stops_by_reason"]
    told: dict[str, float] = {}
    ((series,),) = asked(asker, board, panel, span)
    assert series["columns"] == ["time", "reason_text", "duration_s"]
    for _, reason, seconds in series["values"]:
        told[reason] = told.get(reason, 0) + seconds
    known: dict[str, float] = {}
    for row in answers.rows("stops", *span):
        known[row["reason"]] = known.get(row["reason"], 0) + row["duration_s"]
    assert told == pytest.approx(known)
    assert 'O\'Ring "B" / 🧯' in told


@pytest.mark.service
def test_results_of_an_experiment_are_those_of_the_command(made, asker, answers) -> None:
    """Estimate, interval, verdict, both arms and coverage, read and not worked out again."""
    board = own(made)["experiment"]
    rows = {row["kpi"]: row for row in answers.rows("experiment", 0, 0, "", "coolant")}
    names = {"estimate": "effect", "reason": "reason_code"}
    seen = set()
    for panel in board.screen.panels:
        (series,) = asked(
            asker, board, panel, week.SPRING
        )  # the range does not matter: it is no figure of it
        for one in series:
            kpi = one.get("tags", {}).get("kpi")
            for column, value in list(zip(one["columns"], one["values"][0], strict=True))[1:]:
                seen.add(column)
                if kpi is None:
                    assert value == pytest.approx(min(row["coverage"] for row in rows.values()))
                else:
                    assert value == (pytest.approx(rows[kpi][names.get(column, column)]) if value else value)
        assert series, panel.id
    assert seen >= {"estimate", "low", "high", "verdict", "baseline", "trial", "coverage"}


@pytest.mark.service
def test_baselines_are_those_of_the_command(made, asker, answers) -> None:
    """Base load and energy per further part, of the machines that have a meter."""
    board = own(made)["energy"]
    until = week.AUTUMN[1]
    rows = {}
    for start in (week.AUTUMN[0], week.EARLIER):  # each machine from its first atom of the last 90 days on
        told = {row["machine"]: row for row in answers.rows("baseline", start, until, "", "--per", "day")}
        rows |= told if start == week.AUTUMN[0] else {"m3": told["m3"]}
    panels = {panel.id: panel for panel in board.screen.panels}
    for name, term in (("base_load_kw", "base"), ("marginal_kwh", None)):
        (series,) = asked(asker, board, panels[name], week.AUTUMN)
        assert series
        for one in series:
            wanted = one["tags"].get("term", term)
            told = next(t for t in rows[one["tags"]["machine"]]["terms"] if t["name"] == wanted)
            figures = dict(zip(one["columns"], one["values"][0], strict=True))
            assert [figures[k] for k in ("estimate", "low", "high")] == pytest.approx(
                [told[k] for k in ("estimate", "low", "high")]
            )


@pytest.mark.service
def test_a_gateway_s_figures_are_those_it_wrote(made, asker) -> None:
    """The last of each, and a trend of the most."""
    board = own(made)["gateways"]
    panels = {panel.id: panel for panel in board.screen.panels}

    def told(name: str) -> list[Any]:
        (series,) = asked(asker, board, panels[name], week.AUTUMN, "1h")
        return series[0]["values"][-1][1:]

    assert told("gateway_dead") == [2.0]
    assert told("gateway_autonomy") == [40.0]
    assert told("gateway_certificate") == [200.0]
    assert told("gateway_account") == [16800.0, 16797.0, 1.0, 2.0, 0.0]
    assert told("gaps") == [7.0]


@pytest.mark.service
def test_no_panel_variable_or_annotation_is_empty_where_there_is_data(made, asker) -> None:
    """Every query as it stands in the JSON."""
    empty = []
    for board in boards(made.site, "nl"):
        shown = render(board)
        chosen = asker.values(board)
        assert all(chosen.values()), (board.screen.id, chosen)
        found = [
            (p["title"], t["query"], t["datasource"]) for p in shown["panels"] for t in p.get("targets", ())
        ]
        found += [(a["name"], a["target"]["query"], a["datasource"]) for a in shown["annotations"]["list"]]
        for title, query, source in found:
            if not asker.ask(filled(query, chosen, *week.AUTUMN, "1d"), source["uid"].strip("${}")):
                empty.append((board.screen.id, title))
    assert empty == []


@pytest.mark.service
def test_a_company_s_boards_show_its_windows_and_nothing_else(made) -> None:
    """Its own bucket, its own experiment; figures of the arms as the command gives them."""
    asker = Asker(made.as_seen_by(f"company-{made.company}"), {"ds": f"{made.company}_shared"})
    found = boards(made.site, "en", made.company)
    assert [board.screen.id for board in found] == ["machine", "energy", "experiment"]
    rows = fieldlab("kpi", made.path, "--from", _utc(week.AUTUMN[0]), "--to", _utc(week.AUTUMN[1]), "--by",
                    "experiment,machine", "--format", "json")  # fmt: skip
    known = {r["machine"]: r for r in json.loads(rows.stdout) if r["experiment"] == "coolant"}
    for board in found:
        chosen = asker.values(board)
        assert chosen["experiment"] == ["coolant"]
        shown = render(board)
        for panel in shown["panels"]:
            for target in panel.get("targets", ()):
                query = filled(target["query"], chosen, *week.AUTUMN, "1h")
                assert asker.ask(query), (board.screen.id, panel["title"])
    machine = found[0]
    (panel,) = [p for p in machine.screen.panels if p.id == "good_quantity"]
    for name, row in known.items():
        ((series,),) = asked(asker, machine, panel, week.AUTUMN, machine=[name])
        assert series["values"][0][1] == pytest.approx(row["good_quantity"])


@pytest.mark.service
def test_a_company_without_data_has_boards_that_say_nothing_and_break_nothing(made) -> None:
    """Its experiment lies in the future: no value to choose, no row, no error."""
    asker = Asker(made.as_seen_by(f"company-{made.other}"), {"ds": f"{made.other}_shared"})
    for board in boards(made.site, "en", made.other):
        chosen = asker.values(board)
        assert not any(chosen.values())
        for panel in render(board)["panels"]:
            for target in panel.get("targets", ()):
                nothing = {name: [""] for name in chosen}  # as Grafana fills in a variable without a value
                assert asker.ask(filled(target["query"], nothing, *week.AUTUMN, "1d")) == []


@pytest.mark.service
def test_an_experiment_of_the_future_is_not_there_yet(made, asker) -> None:
    """It has no result, so it cannot be chosen; its windows are drawn where they will be."""
    assert asker.values(own(made)["experiment"]) == {"experiment": ["coolant"]}
    (_, windows) = render(own(made)["machine"])["annotations"]["list"]
    (series,) = asker.ask(windows["target"]["query"])
    told = {row[series["columns"].index("text")] for row in series["values"]}
    assert told == {f"{e}: {arm}" for e in ("coolant", "later") for arm in ("baseline", "trial")}


@pytest.mark.service
def test_a_company_s_token_opens_nothing_of_another_s_or_of_the_fieldlab_s(made) -> None:
    """Every query of every dashboard there is, asked with the other company's token; and no way to write."""
    if not made.tokens.exists():
        pytest.skip("this InfluxDB asks nobody who they are")
    seen, lab = made.as_seen_by(f"company-{made.other}"), made.site.fieldlab
    places = {"": ("dashboards", {"ds": f"{lab}_kpi", "raw": f"{lab}_raw"})}
    places[made.company] = (f"company-{made.company}", {"ds": f"{made.company}_shared"})
    for company, (token, databases) in places.items():
        theirs, prying = Asker(made.as_seen_by(token), databases), Asker(seen, databases)
        for board in boards(made.site, "en", company):
            chosen = theirs.values(board)
            for query in (q for p in board.screen.panels if board.shows(p) for q in queries(board, p)):
                asked = filled(query.query, chosen, *week.AUTUMN, "1d")
                assert theirs.ask(asked, query.source)
                with pytest.raises(AssertionError, match=REFUSED):
                    prying.ask(asked, query.source)
    own = Asker(seen, {"ds": f"{made.other}_shared"})
    assert own.ask("SHOW MEASUREMENTS") == []
    shown = {row[0] for s in own.ask("SHOW DATABASES") for row in s.get("values", [])}
    assert not shown & {f"{lab}_kpi", f"{lab}_raw", f"{made.company}_shared"}
    for database in (f"{lab}_kpi", f"{made.company}_shared", f"{made.other}_shared"):
        writing = own.request(f"{seen.url}/write?db={database}", b"atom value=1")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(writing, timeout=20)  # noqa: S310 - our own server
        assert refused.value.code in {401, 403, 404}


@pytest.mark.service
def test_every_query_of_the_json_is_one_of_the_catalogue(made) -> None:
    """What the other tests hold against the command is all that a dashboard asks."""
    for board in boards(made.site, "en"):
        known = {q.query for panel in board.screen.panels for q in queries(board, panel)}
        known |= {q.query for panel in board.screen.panels if panel.low and panel.source == "atom"
                  for q in bounds(board, panel)}  # fmt: skip
        assert {t["query"] for p in render(board)["panels"] for t in p.get("targets", ())} <= known


@pytest.mark.service
def test_a_year_of_range_is_answered(made, asker) -> None:
    """A year shown by the day, every panel of a machine."""
    board = own(made)["machine"]
    year = week.local("2026-01-01"), week.local("2027-01-01")
    for panel in board.screen.panels:
        assert all(asked(asker, board, panel, year, "1d")), panel.id
