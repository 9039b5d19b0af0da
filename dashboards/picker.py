"""A range by shift, or from one moment to another, on the fieldlab's own clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from analytics.schedule import schedule
from dashboards import kit, moments
from dashboards.kit import Box, Text
from dashboards.view import DAY_NS, NS
from dashboards.wording import Language, say
from fieldlab_configs import Site

_BACK_NS: Final = 14 * DAY_NS
_VALUE: Final = "(e) => emit(e.target.value)"

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
        self.site, self.language, self._choose = site, language, choose
        self._ends = ["", ""]
        with Box("details", "picker"):
            Text("summary", say("choose.own", language), "tool", data_testid="choose-own")
            with Box("div", "picked"):
                self._shifts(now_ns())
                for i, key in enumerate(("choose.from", "choose.to")):
                    with Box("label", "field inline"):
                        Text("span", say(key, language))
                        box = Box("input", "", type="datetime-local", data_testid=key.replace(".", "-"))
                        box.on("change", lambda e, i=i: self._set(i, str(e.args)), js_handler=_VALUE)
                button = Text(
                    "button", say("choose.show", language), "tool", type="button", data_testid="choose-show"
                )
                button.on("click", self._show)
                self.said = Text("span", "", "said", role="status", data_testid="choose-said")

    def _shifts(self, now_ns: int | None) -> None:
        if now_ns is None or self.site.shifts is None:
            return
        calendar = schedule(self.site, now_ns - _BACK_NS, now_ns)
        past = [o for o in calendar.occurrences if now_ns - _BACK_NS <= o.start_ns < now_ns]
        self._known = {f"{o.date.isoformat()}/{o.name}": (o.start_ns, o.end_ns) for o in reversed(past)}
        with Box("label", "field inline"):
            Text("span", say("choose.shift", self.language))
            select = Box("select", "", data_testid="choose-shift")
            with select:
                Text("option", say("choose.shift.none", self.language), value="")
                for o in reversed(past):
                    day = moments.day(dt.datetime.combine(o.date, dt.time()), self.language)
                    Text("option", f"{day} · {o.name}", value=f"{o.date.isoformat()}/{o.name}")
        select.on("change", lambda e: self._pick(str(e.args)), js_handler=_VALUE)

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
        good = 0 < start_ns < end_ns
        kit.write(self.said, "" if good else say("choose.bad", self.language))
        if good:
            self._choose(start_ns, end_ns)

    def _instant(self, text: str) -> int:
        zone = ZoneInfo(self.site.timezone.latest)
        return round(dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * NS
