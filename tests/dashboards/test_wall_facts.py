"""What the wall tells, held against what the source answers and worked out by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from dashboards import wall
from dashboards.catalogue import SCREENS, WALL
from dashboards.snapshot import Answers, take
from dashboards.view import Span, View
from dashboards.wall_facts import WallNow, period
from dashboards.wall_targets import target
from fieldlab_configs import parse
from tests.dashboards.fakes import CONFIG, HOUR_NS, NS, START_NS, FakeScreens, site

SHIFTS = """
shifts:
  - {name: early, days: [mon, tue, wed, thu, fri], start: "07:00", end: "15:00"}
  - {name: late, days: [mon, tue, wed, thu], start: "15:00", end: "23:00"}
"""
MINUTE_NS = 60 * NS
QUIET = wall.Trouble()


class Shop(FakeScreens):
    """The made-up fieldlab in shifts; its early one began with the data."""

    def __init__(self) -> None:
        super().__init__()
        self._site = parse(CONFIG + SHIFTS)
        self.shift = {"shift": "early", "shift_date": "2026-11-23"}


def looked(screens: FakeScreens, line: str = "") -> WallNow:
    """What stands on the wall now."""
    found = take(View(None, line, screen="wall"), Answers(screens)).wall
    assert found is not None
    return found


def test_the_shift_that_is_on_else_the_last_else_the_day() -> None:
    """In a shift, in the night after it, at the weekend, and without shifts."""
    shop = parse(CONFIG + SHIFTS)
    on = period(shop, START_NS + HOUR_NS)
    assert (on.kind, on.name, on.start_ns, on.until_ns) == ("shift", "early", START_NS, START_NS + HOUR_NS)
    assert on.end_ns == START_NS + 8 * HOUR_NS
    edge = period(shop, START_NS + 8 * HOUR_NS)
    assert (edge.kind, edge.name) == ("shift", "late")
    night = period(shop, START_NS + 17 * HOUR_NS)
    assert (night.kind, night.name, night.until_ns) == ("after", "late", START_NS + 16 * HOUR_NS)
    sunday = period(shop, START_NS + 6 * 24 * HOUR_NS)
    assert (sunday.kind, sunday.name, sunday.date.isoformat()) == ("after", "early", "2026-11-27")
    day = period(site(), START_NS + HOUR_NS)
    assert (day.kind, day.start_ns) == ("day", START_NS - 7 * HOUR_NS)


def test_figures_are_those_that_every_page_has_of_the_shift() -> None:
    """Line and machines: field by field what the tables by shift are made of."""
    screens = Shop()
    now = looked(screens)
    at, keys = (START_NS, screens.now), ("shift_date", "shift")
    (line,) = now.lines
    (row,) = screens.kpis(*at, ("line", *keys), ["m1", "m2", "m3"])
    assert line.row == row
    for machine, told in zip(line.machines, screens.kpis(*at, ("machine", *keys)), strict=True):
        assert machine.row == told
    losses = screens.losses(*at, ("machine", *keys), ["m1", "m2", "m3"])
    own = [r for r in losses if r["loss"] not in ("productive", "unknown", "starved", "blocked")]
    assert line.loss == max(own, key=lambda r: r["minutes"] or 0.0)


def test_a_cell_shared_with_another_shift_counts_for_its_own_only() -> None:
    """Rows of the shift before it are left out."""
    screens = Shop()
    screens.shift = {"shift": "night", "shift_date": "2026-11-22"}
    now = looked(screens)
    assert now.lines[0].row is None
    assert now.lines[0].loss is None
    assert [m.target for m in now.lines[0].machines] == [None, None, None]


def test_the_target_is_planned_time_by_ideal_cycle_time_of_each_product() -> None:
    """An hour of one product, half an hour of another; one that nobody listed goes at the machine's pace."""
    config = CONFIG.replace(
        "ideal_cycle_time_s: 40,", "ideal_cycle_time_s: 40, products: {A: {ideal_cycle_time_s: 60}, B: {}},"
    )
    machine = parse(config).machine("m1")

    def row(product: str, planned_s: float, **more: float) -> dict[str, Any]:
        return {"product": product, "planned_busy_time_s": planned_s} | more

    assert target(machine, [row("A", 3600.0), row("B", 1800.0), row("unlisted", 400.0)], 0) == 60 + 45 + 10
    assert target(machine, [row("A", 0.0)], 0) == 0.0
    assert target(machine, [], 0) is None
    unpaced = parse(CONFIG.replace("ideal_cycle_time_s: 40, ", "")).machine("m1")
    assert target(unpaced, [row("none", 3600.0)], 0) is None
    telling = parse(CONFIG.replace("{state:", "{ideal_cycle_time: {item: c}, state:", 1)).machine("m1")
    told = {"produced_quantity": 10.0, "ideal_production_time_s": 500.0}
    assert target(telling, [row("none", 3600.0, **told)], 0) == 72
    assert target(telling, [row("none", 3600.0)], 0) == 90


class Silent(Shop):
    """Machines that fell silent: one an hour and more ago, one before anybody looked."""

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """Nothing from m1 for the last 100 minutes; nothing from m3 ever."""
        cut = {"m1": self.now - 100 * MINUTE_NS, "m3": 0}.get(machine, end_ns)
        found = [(a, min(b, cut), s) for a, b, s in super().timeline(machine, start_ns, end_ns) if a < cut]
        return [*found, (max(start_ns, cut), end_ns, "unknown")] if cut < end_ns else found


def test_a_silent_machine_is_unknown_since_it_fell_silent() -> None:
    """Found by looking further back until it was seen; a state that began in sight has its length."""
    screens = Silent()
    one, two, three = looked(screens).lines[0].machines
    assert (one.state, one.since_ns) == ("unknown", screens.now - 100 * MINUTE_NS)
    begin, _, state = screens.timeline("m2", START_NS, screens.now)[-1]
    assert (two.state, two.since_ns) == (state, begin)
    assert (three.state, three.since_ns) == ("unknown", None)
    html = wall.content(looked(screens), screens.site, "nl", QUIET)
    assert "Geen gegevens sinds 11:20" in html
    assert "Al meer dan een week" not in html.split("machine-m3")[0]
    assert html.count('data-state="unknown"') == 2


class Counted(Silent):
    """Remembers how far back it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_s: list[float] = []

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        """As it is."""
        self.asked_s.append((end_ns - start_ns) / NS)
        return super().timeline(machine, start_ns, end_ns)


def test_the_begin_of_a_long_state_is_not_looked_for_each_second() -> None:
    """Once, and again every five minutes, for late data may move it; a change is seen at once."""
    screens = Counted()
    screens.now -= 30 * NS
    cut = screens.now - 100 * MINUTE_NS
    found = []
    for _ in range(34):
        told = looked(screens).lines[0].machines
        fresh = FakeScreens().timeline("m2", START_NS, screens.now)[-1]
        found.append((told[0].since_ns, told[1].state, told[1].since_ns))
        assert found[-1][1:] == (fresh[2], fresh[0])
        screens.now += 10 * NS
    assert found[0][0] == cut
    assert {since for since, _, _ in found} <= {cut, cut + 300 * NS}
    assert sum(s > 60 for s in screens.asked_s) <= 3 * 2 * 4  # machines, searches, windows of one search


class Untold(Shop):
    """A company's: states are not in its bucket."""

    def timeline(self, machine: str, start_ns: int, end_ns: int) -> None:  # type: ignore[override]
        """Not told."""


def test_where_states_are_not_told_none_is_made_up() -> None:
    """Neither unknown nor a colour: the tile says that it is not shared."""
    screens = Untold()
    html = wall.content(looked(screens), screens.site, "en", QUIET)
    assert "data-state" not in html
    assert html.count("State is not shared") == 3


class Apart(Untold):
    """A company's machine, without the end of its line: no OEE of the line, nor its bottleneck."""

    def row(self, machines: Any, start: int, end: int, *, line: bool) -> dict[str, Any] | None:
        """The line's own figures are undefined."""
        found = super().row(machines, start, end, line=line)
        return found | {"oee_index": None, "line_good_quantity": None} if found and line else found


def test_a_line_without_its_end_shows_what_its_machines_did() -> None:
    """Under another name, for it is another figure; a count without a target has none."""
    screens = Apart()
    (row,) = screens.kpis(START_NS, screens.now, ("line", "shift_date", "shift"), ["m1", "m2", "m3"])
    now = looked(screens)
    html = wall.content(now, screens.site, "en", QUIET)
    assert "OEE of machines, this shift" in html
    assert f'data-testid="oee-milling" data-value="{row["machines_oee_index"]!r}"' in html
    machines = tuple(replace(m, target=None) for m in now.lines[0].machines)
    bare = replace(now, lines=(replace(now.lines[0], target=None, machines=machines),))
    html = wall.content(bare, screens.site, "en", QUIET)
    assert "target" not in html.replace("data-target", "")
    assert "Line: good<" in html


def test_what_is_wrong_is_said_before_any_figure() -> None:
    """A store that is away, data that stand still, figures that lag behind; nothing where all is well."""
    screens = Shop()
    now = looked(screens)
    assert "notice" not in wall.content(now, screens.site, "en", QUIET)
    away = wall.content(now, screens.site, "en", wall.Trouble("away"))
    assert "cannot be read right now. This is how it was at 13:00:00" in away
    assert 'data-old="yes"' in away
    assert "No new data since 13:00:00" in wall.content(now, screens.site, "en", wall.Trouble("still"))
    late = WallNow(now.period, now.now_ns, now.now_ns - 20 * MINUTE_NS, now.lines)
    assert "worked out up to 12:40" in wall.content(late, screens.site, "en", QUIET)
    assert "Waiting" in wall.content(None, screens.site, "en", QUIET)


def test_of_many_lines_each_lot_has_its_turn() -> None:
    """Seven lines: two at a time, the last alone, and then from the beginning."""
    line = "  - {id: l%d, machines: [{id: x%d, signals: {total_count: {item: t}}}]}\n"
    config = CONFIG.replace("lines:\n", "lines:\n" + "".join(line % (i, i) for i in range(6)))

    class Many(FakeScreens):
        def __init__(self) -> None:
            super().__init__()
            self._site = parse(config)

        def kpis(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
            return []

        losses = kpis  # type: ignore[assignment]

        def timeline(self, *_: Any) -> list[tuple[int, int, str]]:
            return []

    screens = Many()
    lots = [
        re.findall(
            r'data-testid="line-(\w+)"', wall.content(looked(screens), screens.site, "en", QUIET, turn)
        )
        for turn in range(5)
    ]
    assert lots == [["l0", "l1"], ["l2", "l3"], ["l4", "l5"], ["milling"], ["l0", "l1"]]
    assert "2 of 4" in wall.content(looked(screens), screens.site, "en", QUIET, 1)


def test_the_wall_is_drawn_from_the_catalogue() -> None:
    """Every figure on it is a panel that other screens have too."""
    others = {panel.id for screen in SCREENS for panel in screen.panels}
    assert {panel.id for panel in WALL.panels} <= others
    screens = Shop()
    html = wall.content(looked(screens), screens.site, "en", QUIET)
    for panel in WALL.section("oee"):
        assert panel.id == "coverage" or f'data-testid="{panel.id.removesuffix("_index")}-milling"' in html


def test_names_are_words_and_nothing_more() -> None:
    """Markup in a name is shown as it is written."""
    screens, name = Shop(), 'A "<i>" & 🛠️'
    machines = [m.model_copy(update={"name": name}) for m in screens.site.lines[0].machines]
    line = screens.site.lines[0].model_copy(update={"name": name, "machines": tuple(machines)})
    screens._site = screens.site.model_copy(update={"lines": (line,)})
    html = wall.content(looked(screens), screens.site, "nl", QUIET)
    assert "<i>" not in html
    assert html.count("A &quot;&lt;i&gt;&quot; &amp; 🛠️") == 5  # the line, three machines, the loss


def test_the_range_that_is_asked_is_whole() -> None:
    """A shift that begins now has no figures yet, and that is no error."""
    screens = Shop()
    screens.now = START_NS + 8 * HOUR_NS
    now = looked(screens)
    assert (now.period.name, now.lines[0].row) == ("late", None)
    assert Span(now.period.start_ns, now.period.until_ns).start_ns == screens.now
    assert "–" in wall.content(now, screens.site, "en", QUIET)
