"""What the app asks of a real store: the figures of the commands, reasons that stay, one company's view."""

import json
import time

import pytest

from dashboards.errors import ReasonRefused
from dashboards.parts import parts
from dashboards.snapshot import Answers, take
from dashboards.view import Span, View
from dashboards.wall_facts import NOT_LOSSES
from fieldlab.company_screens import CompanyScreens
from fieldlab.screens import StoreScreens
from ingest.embedded import EmbeddedStore
from tests.fieldlab.command import fieldlab
from tests.life import test_company
from tests.life.day import CONFIG, at
from tests.life.test_shared import WINDOWS, step

shop = test_company.shop

SPAN = Span(at(0), at(7200))
EVER = 0, 2**62
MACHINES = ["m1", "m2"]


def answer(shop, command, *more, span=SPAN):
    """The rows that a command prints of the range."""
    ends = ("--from", str(span.start_ns), "--to", str(span.end_ns))
    done = fieldlab(command, shop.path, *ends, *more, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def page(shop, machine=None):
    """The tables of a line's or a machine's page."""
    screens = StoreScreens(shop.site, shop.store)
    screens.refresh(SPAN.start_ns, SPAN.end_ns)
    machines = [machine] if machine else MACHINES
    return parts(screens, View(machine, "l1", "all"), SPAN, machines)


def test_every_table_has_the_figures_of_its_command(shop):
    """Machines, shifts, losses and the Pareto: field by field."""
    tables = page(shop)
    for name, command, more in (
        ("by_machine", "kpi", ("--by", "machine")),
        ("by_shift", "kpi", ("--by", "shift_date,shift")),
        ("losses", "losses", ()),
        ("pareto", "stops", ("--pareto", "reason")),
    ):
        expected = [r for r in answer(shop, command, *more) if r.get("share", 1)]
        assert len(tables[name]) == len(expected) > 0, name
        for row, told in zip(tables[name], expected, strict=True):
            numbers = {k: v for k, v in row.items() if isinstance(v, float)}
            assert {k: told[k] for k in numbers} == pytest.approx(numbers, rel=1e-9), name
            rest = row.keys() - numbers.keys()
            assert {k: told[k] for k in rest} == {k: row[k] for k in rest}, name


def test_a_reason_given_on_a_page_is_told_everywhere_and_survives_a_recompute(shop):
    """In the Pareto at once, in the stored stop after the next step, still there when all is made anew."""
    stops = page(shop, "m2")["stops"]
    first = stops[-1]
    assert first["reason"] == "none"
    screens = StoreScreens(shop.site, shop.store)
    screens.assign("m2", first["start_ns"], 'Band "stuk" & <b>', "op9")
    assert page(shop, "m2")["stops"][-1]["reason"] == 'Band "stuk" & <b>'
    assert 'Band "stuk" & <b>' in {r["reason"] for r in page(shop, "m2")["pareto"]}
    (kept,) = [
        row
        for (tags, time), row in shop.rows("raw", "reason").items()
        if dict(tags)["machine"] == "m2" and time == first["start_ns"]
    ]
    assert kept == {"reason_text": 'Band "stuk" & <b>', "by": "op9"}
    step(shop)
    told = {row.get("reason_text") for row in shop.rows("kpi", "stop", "duration_s").values()}
    assert 'Band "stuk" & <b>' in told
    ends = ("--from", str(SPAN.start_ns), "--to", str(SPAN.end_ns))
    assert fieldlab("analytics", shop.path, "--recompute", *ends).returncode == 0
    again = shop.rows("kpi", "stop", "duration_s").values()
    assert 'Band "stuk" & <b>' in {row.get("reason_text") for row in again}
    assert page(shop, "m2")["stops"][-1]["reason"] == 'Band "stuk" & <b>'


def test_a_reason_that_the_store_will_never_take_is_not_said_to_be_saved(shop, tmp_path):
    """Of a stop from before what the store still keeps; nothing is left of it."""
    store = EmbeddedStore(tmp_path / "short.db", retention_s={"raw": 3600})
    store.setup()
    screens = StoreScreens(shop.site, store)
    with pytest.raises(ReasonRefused, match="older than bucket raw keeps its data"):
        screens.assign("m2", time.time_ns() - 2 * 3600 * 10**9, "Vastgelopen", "op9")
    assert screens.records("raw", "reason", *EVER) == screens.records("raw", "delivery", *EVER) == []
    screens.assign("m2", time.time_ns() - 60 * 10**9, "Vastgelopen", "op9")
    assert [row["reason_text"] for row in screens.records("raw", "reason", *EVER)] == ["Vastgelopen"]
    assert [row["gateway"] for row in screens.records("raw", "delivery", *EVER)] == ["operators"]
    store.close()


def test_a_companys_screens_hold_its_windows_and_nothing_else(shop):
    """Its own figures to the digit; no other machine, experiment, reason or name; and it writes nothing."""
    company = shop.names["beta"]
    own = CompanyScreens(shop.site, shop.store, company)
    own.refresh(SPAN.start_ns, SPAN.end_ns)
    machines = [m.id for m in own.site.machines()]
    told = str(own.site.model_dump()) + str(own.latest("kpi", "experiment_result"))
    told += str(own.stops(SPAN.start_ns, SPAN.end_ns, MACHINES)) + str(own.records("kpi", "atom", *EVER))
    assert "acme" not in told.lower()
    assert "coolant" not in told
    assert "Beta's blade broke" in told
    whole = StoreScreens(shop.site, shop.store)
    atoms = [r for r in own.records("kpi", "atom", *EVER) if r["calendar_time_s"]]
    assert atoms
    cell_ns = shop.site.cell_s * 10**9
    for row in atoms:
        (same,) = own.kpis(row["time_ns"], row["time_ns"] + cell_ns, ("machine",), [row["machine"]])
        (fieldlabs,) = whole.kpis(row["time_ns"], row["time_ns"] + cell_ns, ("machine",), [row["machine"]])
        assert same == fieldlabs
    assert {r["machine"] for r in atoms} <= set(machines)
    with pytest.raises(ReasonRefused):
        own.assign(machines[0], at(1850), "x", "b")
    for name in ("gateway", "link", "gap", "reason", "delivery"):
        assert own.latest("raw", name) == []


def numbers(row):
    """What of a row is a number."""
    return {key: value for key, value in row.items() if isinstance(value, float)}


def test_the_wall_has_the_figures_of_the_commands(shop):
    """Line, machines, targets and the biggest loss of the shift that is on, from either store."""
    shifts = '\nshifts: [{name: night, days: [mon], start: "00:00", end: "06:00"}]\n'
    shop.configure(CONFIG + shifts + WINDOWS % shop.names)
    step(shop)
    ends = ("--from", str(SPAN.start_ns), "--to", str(SPAN.end_ns))
    assert fieldlab("analytics", shop.path, "--recompute", *ends).returncode == 0
    span = Span(at(0), at(6600))  # where both produce: a stop that is not over yet may be minor or not
    screens = StoreScreens(shop.site, shop.store)
    screens.refresh(span.start_ns, span.end_ns)
    wall = take(View(None, "", screen="wall"), Answers(screens)).wall
    assert (wall.period.kind, wall.period.name, wall.counted_ns) == ("shift", "night", span.end_ns)
    (line,) = wall.lines
    (told,) = answer(shop, "kpi", "--by", "line,shift_date,shift", span=span)
    assert told["shift"] == "night"
    assert numbers(told) == pytest.approx(numbers(line.row), rel=1e-9)
    machines = answer(shop, "kpi", "--by", "machine,shift_date,shift", span=span)
    for machine, row in zip(line.machines, machines, strict=True):
        assert numbers(row) == pytest.approx(numbers(machine.row), rel=1e-9)
        assert machine.target == pytest.approx(row["planned_busy_time_s"] / 30)
        begin, _, state = screens.timeline(machine.id, span.start_ns, span.end_ns)[-1]
        assert (machine.state, machine.since_ns) == (state, begin)
    losses = answer(shop, "losses", "--by", "machine,shift_date,shift", span=span)
    own = [r for r in losses if r["loss"] not in NOT_LOSSES]
    assert line.loss["minutes"] == pytest.approx(max(r["minutes"] or 0.0 for r in own))
    company = CompanyScreens(shop.site, shop.store, shop.names["beta"])
    company.refresh(span.start_ns, span.end_ns)
    theirs = take(View(None, "", screen="wall"), Answers(company)).wall
    assert [m.id for m in theirs.lines[0].machines] == [m.id for m in company.site.machines()]
    assert {m.state for m in theirs.lines[0].machines} == {""}
