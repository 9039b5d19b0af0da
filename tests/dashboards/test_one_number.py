"""One number, four ways: the app's page, the report, a Grafana panel's query and ``fieldlab kpi``.

On one real InfluxDB, with a week of three machines on two lines that has unknown time and a day of 25 hours.
What is exact (queries, the page's own values) is held to 1e-9, what people read to half of its last digit.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from selenium import webdriver

from dashboards.app import Address
from dashboards.catalogue import LOSSES
from dashboards.grafana import boards
from dashboards.grafana_queries import of_line
from dashboards.grafana_scope import Board
from fieldlab.screens import StoreScreens
from fieldlab.stores import JobStore
from ingest.stores import open_store
from tests.dashboards import week
from tests.dashboards.asking import Asker
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium
from tests.dashboards.serving import served
from tests.dashboards.test_grafana_week import asked, atoms_of, expected
from tests.fieldlab.command import fieldlab

pytestmark = [
    pytest.mark.service,
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
NS = week.NS
MACHINES = ("m1", "m2", "m3")
UNSEEN = week.local("2026-10-21", 8), week.local("2026-10-21", 11)
"""Bad quality of m1's state; three hours."""


@dataclass(frozen=True)
class Range:
    """A range, and how the report is asked for it."""

    start: int
    end: int
    report: tuple[str, str]
    seen: str


RANGES = {
    "week of 169 hours with unknown time": Range(*week.AUTUMN, ("--week", "2026-W43"), "unknown"),
    "night of 9 hours": Range(
        week.local("2026-10-24", 22), week.local("2026-10-25", 6), ("--shift", "2026-10-24/night"), "known"
    ),
}


@pytest.fixture(scope="module")
def made(real_influx, tmp_path_factory) -> week.Week:
    """The week, with three hours in which m1's state is of Bad quality, worked out anew by the command."""
    found = week.made(real_influx, tmp_path_factory.mktemp("week"))
    tags = (("fieldlab", found.site.fieldlab), ("line", "l1"), ("machine", "m1"), ("signal", "state"))
    store = open_store(found.site)
    told = zip(UNSEEN, ("bad", "good"), strict=True)
    JobStore(store).write("raw", [("quality", tags, "code", at, code) for at, code in told])
    store.close()
    again = ("--from", utc(week.AUTUMN[0]), "--to", utc(week.AUTUMN[1]))
    done = fieldlab("analytics", found.path, "--recompute", *again)
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="module")
def address(made) -> Iterator[Address]:
    """The app over the same store."""
    store = open_store(made.site)
    screens = StoreScreens(made.site, store)
    screens.refresh(week.SPRING[0], week.AUTUMN[1])
    with served(screens) as found:
        yield found
    store.close()


@pytest.fixture(scope="module")
def driver(address) -> Iterator[webdriver.Chrome]:
    """A browser."""
    with chromium() as found:
        yield found


def utc(time_ns: int) -> str:
    """An instant as an option has it."""
    return dt.datetime.fromtimestamp(time_ns // NS, dt.UTC).isoformat()


def told(command: str, made: week.Week, at: Range, *more: str) -> list[dict[str, Any]]:
    """What a command answers."""
    span = ("--from", utc(at.start), "--to", utc(at.end))
    done = fieldlab(command, made.path, *span, *more, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def page(driver: webdriver.Chrome, address: Address, at: Range, **of: str) -> dict[str, Any]:
    """Everything that a page holds: its exact values by mark, and its tables' cells, with what is shown."""
    ends = {"from": utc(at.start).replace("+00:00", "Z"), "to": utc(at.end).replace("+00:00", "Z")}
    driver.get("about:blank")
    driver.get(f"{address.url}?{urllib.parse.urlencode(of | ends | {'lang': 'en'})}")
    deadline = time.monotonic() + 30
    while driver.execute_script(SHOWN) != [str(at.start), str(at.end)]:
        assert time.monotonic() < deadline, of
        time.sleep(0.05)  # a poll of the page, bounded above
    return driver.execute_script(READ)


SHOWN = """const f = document.querySelector("[data-testid='figures']");
return f ? [f.getAttribute('data-start-ns'), f.getAttribute('data-end-ns')] : []"""
READ = """const cell = c => [c.textContent, c.getAttribute('data-value')];
const found = {values: {}, tables: {}};
for (const e of document.querySelectorAll('[data-testid][data-value]'))
    found.values[e.dataset.testid] = cell(e);
for (const t of document.querySelectorAll("tbody[data-testid^='rows-']"))
    found.tables[t.dataset.testid.slice(5)] = [...t.rows].map(r => [...r.cells].map(cell));
return found"""


def report(made: week.Week, at: Range) -> dict[str, list[list[str]]]:
    """The rows of every table of the report, by the heading above it; of a picture its texts in turn."""
    done = fieldlab("report", made.path, *at.report, "--language", "en")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    body = ET.fromstring(text[text.index("<body>") : text.index("</body>") + len("</body>")])  # noqa: S314 - ours
    found = {}
    for section in body.iter("section"):
        heading = section.findtext("h2")
        rows = [["".join(cell.itertext()) for cell in row] for row in section.iterfind(".//tbody/tr")]
        found[heading] = rows or [[t.text or ""] for t in section.iterfind(".//svg/text")]
    return found


def same(text: str, exact: float | None) -> bool:
    """Whether a text says a number, to half of its last digit."""
    plain = re.sub(r"[\u202f\u2009€ ]", "", text)
    match = re.match(r"-?\d+(?:\.(\d+))?", plain)
    if exact is None or match is None:
        return exact is None and match is None
    unit = 0.01 if "%" in text else 0.001 if "Wh" in text and "kWh" not in text else 1.0
    return abs(float(match[0]) * unit - exact) <= unit * 0.5000001 * 10.0 ** -len(match[1] or "")


def test_the_ranges_hold_what_they_say(made) -> None:
    """Unknown time, a night of nine hours, three machines with parts and energy."""
    for at in RANGES.values():
        rows = {row["machine"]: row for row in told("kpi", made, at, "--by", "machine")}
        assert set(rows) == set(MACHINES)
        assert all(row["good_quantity"] > 0 and row["energy_kwh"] > 0 for row in rows.values())
        assert (rows["m1"]["state_unknown_s"] >= 3 * 3600) == (at.seen == "unknown")
        if at.seen == "known":
            assert rows["m1"]["planned_busy_time_s"] == 9 * 3600
        else:
            assert rows["m1"]["calendar_time_s"] == 169 * 3600
            assert 0.9 < rows["m1"]["coverage"] < 1


@pytest.mark.parametrize("name", list(RANGES))
def test_page_report_query_and_command_give_the_same_numbers(made, address, driver, name) -> None:
    """OEE, its factors, counts, energy, energy per good part, states, losses and stops."""
    at = RANGES[name]
    by_machine = {row["machine"]: row for row in told("kpi", made, at, "--by", "machine")}
    by_line = {row["line"]: row for row in told("kpi", made, at, "--by", "line")}
    written = report(made, at)
    asker = Asker(
        made.as_seen_by("dashboards"), {"ds": f"{made.site.fieldlab}_kpi", "raw": f"{made.site.fieldlab}_raw"}
    )
    known = {board.screen.id: board for board in boards(made.site, "en")}
    for machine, row in by_machine.items():
        shown = page(driver, address, at, machine=machine)
        counted = of_page(shown["values"], row)
        assert counted >= {"oee_index", "availability", "effectiveness", "quality_ratio", "coverage",
                           "energy_per_good_unit_kwh", "state_producing_s", "state_down_s"}  # fmt: skip
        assert of_queries(asker, known["machine"], at, row, machine=[machine]) >= {
            "oee_index", "availability", "effectiveness", "quality_ratio", "coverage", "good_quantity",
            "produced_quantity", "energy_kwh", "energy_per_good_unit_kwh",
        }  # fmt: skip
        assert of_states(asker, known["machine"], at, row, machine)
        of_losses(shown["tables"]["losses"], told("losses", made, at, "--by", "machine"), machine)
    overview = page(driver, address, at, screen="overview")["tables"]
    of_table(written["Machines"], overview["by_machine"], by_machine, NAMES)
    of_lines(written, overview["by_line"], by_line)
    for line, row in by_line.items():
        assert of_queries(asker, known["line"], at, row, line=[line]) >= {"oee_index", "line_good_quantity"}
        assert of_page(page(driver, address, at, line=line)["values"], row, line=True) >= {"oee_index"}
    of_whole(made, at, asker, known, overview, written)


NAMES = {"m1": "Mill / 'one' 🛠", "m2": "m2", "m3": "m3"}
COLUMNS = (
    "oee_index", "availability", "effectiveness", "quality_ratio", "coverage", "good_quantity",
    "scrap_quantity", "energy_kwh", "energy_per_good_unit_kwh",
)  # fmt: skip


def of_page(values: dict[str, list[str]], row: dict[str, Any], *, line: bool = False) -> set[str]:
    """Every exact value of a page is the command's; which those are."""
    found = set()
    for mark, (_, exact) in values.items():
        name = f"line_{mark}" if line and f"line_{mark}" in row else mark
        if name in row and exact:
            assert float(exact) == pytest.approx(row[name], rel=1e-9, abs=1e-9), mark
            found.add(name)
    return found


def of_queries(asker: Asker, board: Board, at: Range, row: dict[str, Any], **only: list[str]) -> set[str]:
    """Every total of a dashboard is the command's; which those are."""
    found = set()
    for panel in atoms_of(board, "total"):
        line = of_line(board, panel)
        measures = (
            [panel.low, panel.measure[0], panel.high] if panel.low and not line else panel.of(line=line)
        )
        answers = asked(asker, board, panel, (at.start, at.end), **only)
        for measure, series in zip(measures, answers, strict=True):
            value = series[0]["values"][0][1] if series else None
            wanted = expected(row, measure, panel, line=line)
            assert value == (None if wanted is None else pytest.approx(wanted, rel=1e-9)), (panel.id, measure)
            found.add(measure)
    return found


def of_states(asker: Asker, board: Board, at: Range, row: dict[str, Any], machine: str) -> bool:
    """The hours in each state, summed over what is drawn."""
    (panel,) = [p for p in board.screen.panels if p.id == "states"]
    ((series,),) = asked(asker, board, panel, (at.start, at.end), "1h", machine=[machine])
    for n, measure in enumerate(panel.measure, 1):
        seconds = sum(values[n] for values in series["values"] if values[n] is not None)
        assert seconds == pytest.approx(row[measure], rel=1e-9, abs=1e-6), measure
    return bool(panel.measure)


def of_losses(shown: list[list[list[str]]], rows: list[dict[str, Any]], machine: str) -> None:
    """A page's table of losses, those that are none left out."""
    wanted = [row for row in rows if row["machine"] == machine and row["share"]]
    for cells, row in zip(shown, wanted, strict=True):
        for (text, exact), key in zip(cells[1:], ("minutes", "share", "parts", "kwh", "eur"), strict=True):
            wanted_here = row[key]
            assert (float(exact) if exact else None) == (
                None if wanted_here is None else pytest.approx(wanted_here, rel=1e-9, abs=1e-9)
            ), (row["loss"], key)
            assert key in {"kwh", "eur"} or same(text, wanted_here), (row["loss"], key, text)


def of_table(
    written: list[list[str]],
    shown: list[list[list[str]]],
    rows: dict[str, dict[str, Any]],
    names: dict[str, str],
) -> None:
    """The table of machines, in the report and on the page."""
    for (key, row), cells, texts in zip(rows.items(), shown, written, strict=True):
        assert cells[0][0] == texts[0] == names[key]
        for (text, exact), printed, name in zip(cells[1:], texts[1:], COLUMNS, strict=True):
            wanted = None if row[name] is None else pytest.approx(row[name], rel=1e-9, abs=1e-9)
            assert (float(exact) if exact else None) == wanted, (key, name)
            assert text == printed, (key, name)
            assert same(printed, row[name]), (key, name, printed)


def of_lines(
    written: dict[str, list[list[str]]], shown: list[list[list[str]]], rows: dict[str, dict[str, Any]]
) -> None:
    """Lines: on the page, in the report, and its table of energy."""
    names = ("oee_index", "line_good_quantity", "coverage")
    made, energy = written["What the lines made"], written["Energy"]
    for row, cells, texts, used in zip(rows.values(), shown, made, energy, strict=True):
        exact = {name: float(cells[1 + n][1]) for n, name in enumerate(COLUMNS) if cells[1 + n][1]}
        assert exact["oee_index"] == pytest.approx(row["oee_index"], rel=1e-9)
        assert exact["good_quantity"] == pytest.approx(row["line_good_quantity"], rel=1e-9)
        for text, name in zip((texts[1], texts[3], texts[5]), names, strict=True):
            assert same(text, row[name]), (row["line"], name, text)
        of_energy = ("energy_kwh", "energy_cost_eur", "co2_kg", "energy_per_good_unit_kwh")
        for text, name in zip(used[1:5], of_energy, strict=True):
            assert same(text, row[name]), (row["line"], name, text)


def of_whole(
    made: week.Week, at: Range, asker: Asker, known: dict[str, Board], overview: dict[str, Any], written: Any
) -> None:
    """Losses and stops of the whole fieldlab."""
    losses = {row["loss"]: row for row in told("losses", made, at)}
    (panel,) = [p for p in known["fieldlab"].screen.panels if p.id == "losses"]
    answers = asked(asker, known["fieldlab"], panel, (at.start, at.end))
    for loss, series in zip(LOSSES, answers, strict=True):
        assert series[0]["values"][0][1] == pytest.approx(losses[loss]["minutes"] * 60, rel=1e-9, abs=1e-6)
    drawn = {row[0] for row in written["Where the planned time went"]}
    for cells in overview["losses"]:
        (row,) = [r for r in losses.values() if r["share"] == pytest.approx(float(cells[2][1]), rel=1e-9)]
        assert float(cells[1][1]) == pytest.approx(row["minutes"], rel=1e-9)
        assert abs(row["share"]) < 0.0005 or cells[2][0] in drawn, cells
    stops = {row["reason"]: row for row in told("stops", made, at, "--pareto", "reason")}
    assert len(overview["pareto"]) == len(stops) == len(written["Stops by reason"]) >= 3
    for cells, printed in zip(overview["pareto"], written["Stops by reason"], strict=True):
        reason = "none" if cells[0][0] == "No reason given" else cells[0][0]
        row = stops[reason]
        assert float(cells[1][1]) == row["count"]
        assert float(cells[2][1]) == pytest.approx(row["minutes"], rel=1e-9)
        assert printed[0] == cells[0][0]
        assert same(printed[1], row["count"])
        assert same(printed[3], row["share"])
    (panel,) = [p for p in known["fieldlab"].screen.panels if p.id == "stops_by_reason"]
    ((series,),) = asked(asker, known["fieldlab"], panel, (at.start, at.end))
    begun: dict[str, float] = {}
    for _, reason, seconds in series["values"]:
        begun[reason] = begun.get(reason, 0.0) + seconds
    wanted: dict[str, float] = {}
    for row in told("stops", made, at):
        if dt.datetime.fromisoformat(row["start"]).timestamp() * NS >= at.start:
            wanted[row["reason"]] = wanted.get(row["reason"], 0.0) + row["duration_s"]
    assert begun == pytest.approx(wanted)
