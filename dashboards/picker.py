"""A range by shift, or from one moment to another, on the fieldlab's own clock."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from analytics.schedule import schedule
from dashboards import kit, moments
from dashboards.kit import Box, Text
from dashboards.view import DAY_NS, NS, View, sound
from dashboards.wording import Language, say
from fieldlab_configs import Site

_BACK_NS: Final = 14 * DAY_NS
_VALUE: Final = "(e) => emit(e.target.value)"
_FORMAT: Final[dict[Language, str]] = {"nl": "%d-%m-%Y %H:%M", "en": "%Y-%m-%d %H:%M"}
_TYPED: Final = re.compile(r"(\d{4}-\d\d?-\d\d?|\d\d?-\d\d?-\d{4})(?:[T ]+(\d\d?)[:.](\d\d))?")

# A field for dates of the browser's own is in the browser's language, whatever the page's is. So the field is
# plain text; the browser's calendar opens beside it, and writes into it as the page's language writes a date.
_OPEN: Final = """(e) => {
  const native = e.currentTarget.nextElementSibling, typed = e.currentTarget.previousElementSibling;
  const told = typed.value.replace(/^(\\d\\d?)-(\\d\\d?)-(\\d{4})/, '$3-$2-$1').trim().replace(' ', 'T');
  native.value = told;
  native.showPicker();
}"""
_PICKED: Final = """(e) => {
  const typed = e.target.parentElement.querySelector('input');
  const [day, time] = e.target.value.split('T');
  if (!day) return;
  typed.value = (DUTCH ? day.split('-').reverse().join('-') : day) + ' ' + time;
  typed.dispatchEvent(new Event('change'));
}"""

Choose = Callable[[int, int], None]


class Picker:
    """The shifts of the last two weeks, and a beginning and an end.

    Parameters
    ----------
    site : Site
    language : str
    now_ns : callable
        The horizon of the data; None while there is none.
    choose : callable
        Given begin and end in UTC nanoseconds.
    """

    def __init__(
        self, site: Site, language: Language, now_ns: Callable[[], int | None], choose: Choose
    ) -> None:
        self.site, self.language, self._now_ns, self._choose = site, language, now_ns, choose
        self._ends = ["", ""]
        self._view: View | None = None
        with Box("details", "picker"):
            Text("summary", say("choose.own", language), "tool", data_testid="choose-own")
            with Box("div", "picked"):
                self._shifts()
                for i, key in enumerate(("choose.from", "choose.to")):
                    self._end(i, key)
                button = Text(
                    "button", say("choose.show", language), "tool", type="button", data_testid="choose-show"
                )
                button.on("click", self._show)
                self.said = Text("span", "", "said", role="status", data_testid="choose-said")

    def _end(self, which: int, key: str) -> None:
        name = say(key, self.language)
        with Box("div", "field inline", role="group", aria_label=name):
            Text("span", name)
            box = Box(
                "input", "", type="text", autocomplete="off", size="16", aria_label=name,
                placeholder=say("choose.format", self.language), data_testid=key.replace(".", "-"),
            )  # fmt: skip
            box.on("change", lambda e: self._set(which, str(e.args)), js_handler=_VALUE)
            calendar = Text(
                "button", "", "calendar", type="button", title=say("choose.calendar", self.language),
                aria_label=f"{name}: {say('choose.calendar', self.language)}",
            )  # fmt: skip
            calendar.on("click", js_handler=_OPEN)
            native = Box("input", "native", type="datetime-local", tabindex="-1", aria_hidden="true")
            native.on("change", js_handler=_PICKED.replace("DUTCH", str(self.language == "nl").lower()))

    def _shifts(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}
        self._next_ns = 0
        with Box("label", "field inline") as self._label:
            Text("span", say("choose.shift", self.language))
            self._select = Box("select", "", value="", data_testid="choose-shift")
        self._select.on("change", lambda e: self._pick(str(e.args)), js_handler=_VALUE)
        kit.hide(self._label, hidden=True)
        self.catch_up()

    def catch_up(self) -> None:
        """Offer each shift that has begun: a page may stay open for days, or be there before any data."""
        now_ns = self._now_ns()
        if now_ns is None or self.site.shifts is None or now_ns < self._next_ns:
            return
        found = schedule(self.site, now_ns - _BACK_NS, now_ns + DAY_NS).occurrences
        self._next_ns = min((o.start_ns + 1 for o in found if o.start_ns >= now_ns), default=now_ns + DAY_NS)
        past = [o for o in reversed(found) if now_ns - _BACK_NS <= o.start_ns < now_ns]
        # A name may come twice on one date, and a shift is cut in two where other shifts begin to hold.
        self._known = {str(o.start_ns): (o.start_ns, o.end_ns) for o in past}
        times = Counter((o.date, o.name) for o in past)
        self._select.clear()
        with self._select:
            # Nothing to choose: whoever looks at a shift would be told to look at none.
            Text("option", say("choose.shift.none", self.language), value="", disabled="disabled")
            for o in past:
                day = moments.day(dt.datetime.combine(o.date, dt.time()), self.language)
                begin = f" {moments.local(self.site, o.start_ns):%H:%M}" if times[o.date, o.name] > 1 else ""
                Text("option", f"{day} · {o.name}{begin}", value=str(o.start_ns))
        kit.hide(self._label, hidden=False)
        if self._view is not None:
            self.mark(self._view)

    def mark(self, view: View) -> None:
        """Show which shift is looked at; none, so that the last one can be chosen again."""
        self._view, ends = view, (view.from_ns, view.to_ns)
        kit.put(self._select, value=next((key for key, of in self._known.items() if of == ends), ""))

    def _pick(self, key: str) -> None:
        if key in self._known:
            self._choose(*self._known[key])

    def _set(self, which: int, text: str) -> None:
        self._ends[which] = text

    def _show(self) -> None:
        try:
            start_ns, end_ns = (self._instant(text) for text in self._ends)
        except (ValueError, OverflowError):
            start_ns = end_ns = 0
        good = sound(start_ns, end_ns)
        kit.write(self.said, "" if good else say("choose.bad", self.language, example=self._example()))
        if good:
            self._choose(start_ns, end_ns)

    def _example(self) -> str:
        return dt.datetime(2026, 11, 24, 6).strftime(_FORMAT[self.language])  # noqa: DTZ001 - only to be shown

    def _instant(self, text: str) -> int:
        zone = ZoneInfo(self.site.timezone.latest)
        return round(typed(text).replace(tzinfo=zone).timestamp()) * NS


def typed(text: str) -> dt.datetime:
    """A date and a time of day as somebody writes them; without a time, the day's beginning.

    Raises
    ------
    ValueError
        Where it is neither year-month-day nor day-month-year.

    Examples
    --------
    >>> str(typed("24-11-2026 6:00")), str(typed("2026-11-24 06:00")), str(typed(" 1-2-2026 "))
    ('2026-11-24 06:00:00', '2026-11-24 06:00:00', '2026-02-01 00:00:00')
    """
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    date, hour, minute = found.groups(default="0")
    parts = [int(part) for part in date.split("-")]
    year, month, day = parts if parts[0] > 31 else reversed(parts)  # noqa: PLR2004 - no month has more days
    return dt.datetime(year, month, day, int(hour), int(minute))  # noqa: DTZ001 - the zone is the fieldlab's
