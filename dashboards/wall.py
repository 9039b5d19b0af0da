"""The wall as HTML: one screen that is read from five metres, without a pointer or a scroll bar."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dashboards import amounts, figures, moments
from dashboards.catalogue import BY_ID, WALL
from dashboards.figures import Figure
from dashboards.html import Markup, el, share, text
from dashboards.screens import Row
from dashboards.view import NS
from dashboards.wall_facts import LineNow, MachineNow, Period, WallNow
from dashboards.wall_icons import icon
from dashboards.wording import Language, say
from fieldlab_configs import Site

Theme = Literal["dark", "light"]
MOST_LINES: Final = 2
"""On one screen, read from five metres; of more, each lot has its turn."""
TURN_S: Final = 15
_FACTORS: Final = tuple(p.id for p in WALL.section("oee") if p.id not in ("oee_index", "coverage"))
_HARD, _JOIN = "\u00a0", "\u2060"  # a space, and nothing at all, at which no line breaks
_BEHIND_NS: Final = 180 * NS
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_SEEN_ALL: Final = 0.995
_LONG_NUMBER: Final = 5
_LONG: Final = 13  # letters of a count and its target that fit as large as the others


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong beside the figures: ``away`` (the store), ``still`` (nothing new), or nothing."""

    kind: Literal["", "away", "still"] = ""


def content(now: WallNow | None, site: Site, language: Language, trouble: Trouble, turn: int = 0) -> Markup:
    """Everything on the wall, for one moment.

    Parameters
    ----------
    now : WallNow or None
        None: nothing is known yet.
    site : Site
    language : str
    trouble : Trouble
    turn : int
        Where there are more lines than fit: which lot of them.
    """
    if now is None:
        return text(
            _top(site, "", "", ""), _notice(say("trouble.never" if trouble.kind else "wall.empty", language))
        )
    lots = max(1, math.ceil(len(now.lines) / MOST_LINES))
    lot = turn % lots
    lines = now.lines[lot * MOST_LINES : (lot + 1) * MOST_LINES]
    part = say("wall.part", language, n=str(lot + 1), all=str(lots)) if lots > 1 else ""
    at = moments.clock(site, now.now_ns)
    said = _words(now, site, language, trouble)
    return text(
        _top(site, _period(now.period, site, language), part, at, say("wall.updated", language, time=at)),
        _notice(said) if said else "",
        el(
            "main",
            [_line(line, now, site, language) for line in lines],
            class_="lines", data_lines=str(len(lines)), data_testid="wall",
            data_old="yes" if trouble.kind else None,
        ),
    )  # fmt: skip


def _top(site: Site, what: str, part: str, at: str, updated: str = "") -> Markup:
    return el(
        "header",
        el("div", el("h1", site.name or site.fieldlab), el("p", what, class_="shift", data_testid="shift")),
        el("p", part, class_="lot") if part else "",
        el("p", updated, class_="updated", data_testid="updated"),
        class_="top", data_until=at,
    )  # fmt: skip


def _notice(words: str) -> Markup:
    return el("p", words, class_="notice", role="status", data_testid="notice")


def _period(of: Period, site: Site, language: Language) -> str:
    day = moments.day(dt.datetime.combine(of.date, dt.time()), language)
    if of.kind == "day":
        return f"{say('wall.day', language)} · {day}"
    start, end = (f"{moments.local(site, ns):%H:%M}" for ns in (of.start_ns, of.end_ns))
    # Where the line is too long for the screen it breaks between its parts, not within one.
    when = f"{day.replace(' ', _HARD)} · {start}{_JOIN}–{_JOIN}{end}"
    return f"{say(f'wall.{of.kind}', language, name=of.name)} · {when}"


def _words(now: WallNow, site: Site, language: Language, trouble: Trouble) -> str:
    """What has to be said before any figure is believed."""
    at = moments.clock(site, now.now_ns)
    if trouble.kind:
        return say(f"wall.{trouble.kind}", language, time=at)
    if now.period.until_ns - now.counted_ns > _BEHIND_NS and any(line.row for line in now.lines):
        return say("wall.behind", language, time=f"{moments.local(site, now.counted_ns):%H:%M}")
    return ""


def _line(line: LineNow, now: WallNow, site: Site, language: Language) -> Markup:
    name = next(each.name or each.id for each in site.lines if each.id == line.id)
    tiles = [_tile(m, now, site, language) for m in line.machines]
    return el(
        "section",
        el("div", el("h2", name), _oee(line, now.period, language), _factors(line, language),
           class_="figures"),
        el("ul", tiles, class_="tiles", data_count=str(len(tiles))),
        el("div", _parts(line, language), _loss(line, site, language), class_="strip"),
        class_="line", data_testid=f"line-{line.id}",
    )  # fmt: skip


def _oee(line: LineNow, of: Period, language: Language) -> Markup:
    key, shown = "wall.oee", figures.figure(BY_ID["oee_index"], line.row, language, line=True)
    pooled = (line.row or {}).get("machines_oee_index")
    if shown.value is None and pooled is not None:
        # A company's line may be without its output machine: its own machines then speak for themselves.
        key = "wall.pooled"
        shown = figures.figure(BY_ID["oee_index"], {"oee_index": pooled}, language, line=True)
    covered = (line.row or {}).get("coverage")
    seen = ""
    if covered is not None and covered < _SEEN_ALL:
        seen = say("wall.seen", language, coverage=amounts.percent(covered, language, 0))
    return el(
        "div",
        el("p", say(f"{key}.day" if of.kind == "day" else key, language), class_="title"),
        _number(shown, f"oee-{line.id}", "oee"),
        _bar(shown.value, shown.level),
        el("p", shown.why or seen, class_="said"),
        class_="hero",
    )  # fmt: skip


def _factors(line: LineNow, language: Language) -> Markup:
    rows = []
    for name in _FACTORS:
        shown = figures.figure(BY_ID[name], line.row, language, line=True)
        number = _number(shown, f"{name}-{line.id}", "factor")
        rows.append(el("div", el("p", say(name, language), class_="title"), number, _bar(shown.value)))
    return el("div", rows, class_="factors")


def _number(shown: Figure, testid: str, class_: str) -> Markup:
    whole, mark, unit = shown.text.rpartition("\u202f")
    return el(
        "p", whole or unit, el("span", mark + unit, class_="unit") if mark else "",
        data_long="yes" if len(whole) > _LONG_NUMBER else None,
        class_=f"number {class_}", data_testid=testid, data_value=shown.exact, data_level=shown.level or None,
    )  # fmt: skip


def _bar(ratio: float | None, level: str = "") -> Markup:
    """A bar of 0 to 100 %, drawn without a style of its own: the page's policy allows none."""
    return el(
        "svg",
        el("rect", class_="track", width="100%", height="100%"),
        el("rect", class_="fill", width=share(ratio), height="100%") if ratio is not None else "",
        class_="bar", data_level=level or None, aria_hidden="true",
    )  # fmt: skip


def _tile(machine: MachineNow, now: WallNow, site: Site, language: Language) -> Markup:
    name = next(m.name or m.id for m in site.machines() if m.id == machine.id)
    state = machine.state
    silent = state == "unknown"
    words = say(f"state.{state}", language) if state else ""
    since = "" if state else say("wall.no_state", language)
    if silent:
        since = _silent(machine, now, site, language)
    elif state and machine.since_ns is not None:
        since = lasted((now.now_ns - machine.since_ns) / NS, language)
    return el(
        "li",
        el("div", icon(state), class_="badge") if state else "",
        el(
            "div",
            el("h3", name),
            el("p", el("b", words) if state else "", el("span", since, class_="since") if since else "",
               class_="state silent" if silent else "state"),
            _count(machine, language),
            class_="body",
        ),
        class_="tile", data_state=state or None, data_testid=f"machine-{machine.id}",
    )  # fmt: skip


def _silent(machine: MachineNow, now: WallNow, site: Site, language: Language) -> str:
    if machine.since_ns is None:
        return say("wall.silent.long", language)
    at = moments.local(site, machine.since_ns)
    today = at.date() == moments.local(site, now.now_ns).date()
    time = f"{at:%H:%M}" if today else f"{moments.day(at, language)} {at:%H:%M}"
    return say("wall.silent", language, time=time)


def lasted(seconds: float, language: Language) -> str:
    """How long a state has lasted, to the minute.

    Examples
    --------
    >>> [lasted(s, "en") for s in (30, 754, 8000, 200_000)]
    ['just now', '12 min', '2 h 13 min', '2 days']
    """
    if seconds < _MINUTE_S:
        return say("wall.just", language)
    if seconds < _HOUR_S:
        return say("wall.minutes", language, n=str(int(seconds // _MINUTE_S)))
    if seconds < _DAY_S:
        hours, minutes = divmod(int(seconds // _MINUTE_S), 60)
        return say("wall.hours", language, h=str(hours), n=f"{minutes:02d}")
    return say("wall.days", language, n=str(int(seconds // _DAY_S)))


def _count(machine: MachineNow, language: Language) -> Markup:
    row = machine.row or {}
    good, made = row.get("good_quantity"), row.get("produced_quantity")
    kind = "good" if good is not None else "made" if made is not None else "no_counter"
    number = good if good is not None else made
    only = "" if machine.target or number is None else ".only"
    return _against(
        number, machine.target, say(f"wall.{kind}{only}", language), f"count-{machine.id}", language
    )


def _against(
    number: float | None, target: float | None, words: str, testid: str, language: Language
) -> Markup:
    """A count against what the planned time was good for, in numbers and as a bar."""
    ratio = number / target if number is not None and target else None
    # A machine that waits for the line's bottleneck makes less than it can: that is no alarm of its own.
    level = "" if words else figures.level(BY_ID["oee_index"], ratio)
    counted = amounts.count(number, language)
    of = f"/ {amounts.decimal(target, 0, language)}" if target and number is not None else ""
    return el(
        "div",
        el("p", words, class_="words") if words else "",
        el(
            "p", el("b", counted), el("span", of, class_="of") if of else "",
            class_="count", data_testid=testid, data_value="" if number is None else repr(float(number)),
            data_target="" if target is None else repr(target),
            data_long="yes" if len(counted + of) > _LONG else None,
        ),
        _bar(ratio, level) if target else "",
        class_="against",
    )  # fmt: skip


def _parts(line: LineNow, language: Language) -> Markup:
    good = (line.row or {}).get("line_good_quantity")
    return el(
        "div",
        el("p", say("wall.line_good" if line.target else "wall.line_good.only", language), class_="title"),
        _against(good, line.target, "", f"good-{line.id}", language),
        class_="parts",
    )  # fmt: skip


def _loss(line: LineNow, site: Site, language: Language) -> Markup:
    return el(
        "div",
        el("p", say("wall.loss", language), class_="title"),
        *_loss_words(line.loss, site, language),
        class_="loss", data_testid=f"loss-{line.id}",
    )  # fmt: skip


def _loss_words(loss: Row | None, site: Site, language: Language) -> Sequence[Markup]:
    if loss is None:
        return (el("p", say("wall.loss.none", language), class_="what"),)
    machine = next((m.name or m.id for m in site.machines() if m.id == loss["machine"]), str(loss["machine"]))
    return (
        el("p", say(f"loss.{loss['loss']}", language), class_="what"),
        el("p", f"{machine} · {amounts.decimal(loss['minutes'], 0, language)} min", class_="said"),
    )
