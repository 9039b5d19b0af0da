"""Asking why a machine stood still: large buttons for a thumb, kept under a code that is no name."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Final

from nicegui import Client

from dashboards import amounts, kit, moments
from dashboards.errors import ReasonRefused
from dashboards.kit import Box, Text
from dashboards.screens import Row
from dashboards.wording import Language, one_line, say
from fieldlab_configs import Site

log = logging.getLogger(__name__)

CHOICES: Final = ("material", "tool", "jam", "quality", "setup", "staff", "cleaning", "electric")
MOST_LETTERS: Final = 80
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_VALUE: Final = "(e) => emit(e.target.value)"

Keep = Callable[[str, int, str, str], None]
"""Machine, start of the stop, reason, by whom."""


class ReasonForm:
    """The question, below the stops' heading; out of sight until it is asked.

    Parameters
    ----------
    language : str
    site : Site
    client : Client
    keep : callable
        Writes what was answered; OSError where that fails, ReasonRefused where it always will.
    code : str
        Of whoever is logged in; empty: the form asks for it.
    """

    def __init__(self, language: Language, site: Site, client: Client, keep: Keep, code: str) -> None:
        self.language, self.site, self.client = language, site, client
        self._keep, self._code, self._other = keep, code, ""
        self._of: Row | None = None
        with Box("section", "card asking", role="dialog", data_testid="asking") as self.box:
            self.box.on("keydown.escape", lambda _: self._close())
            self.question = Text("h2", "", id="asking-title")
            kit.put(self.box, aria_labelledby="asking-title")
            if not code:
                with Box("label", "field"):
                    Text("span", say("assign.by", language))
                    code_box = Box("input", "", type="text", maxlength="32", autocomplete="off")
                    kit.put(code_box, data_testid="assign-by")
                    code_box.on("input", lambda e: setattr(self, "_code", str(e.args)), js_handler=_VALUE)
            with Box("div", "reasons"):
                for choice in CHOICES:
                    # Kept in the fieldlab's own language, so that one reason is one bar of the Pareto.
                    kept = say(f"choice.{choice}", site.language)
                    button = Text("button", say(f"choice.{choice}", language), "reason", type="button")
                    kit.put(button, data_testid=f"choice-{choice}")
                    button.on("click", lambda _, kept=kept: self._answer(kept))
            with Box("div", "other"):
                with Box("label", "field"):
                    Text("span", say("assign.other", language))
                    other = Box(
                        "input", "", type="text", maxlength=str(MOST_LETTERS), data_testid="assign-other"
                    )
                    other.on("input", lambda e: setattr(self, "_other", str(e.args)), js_handler=_VALUE)
                save = Text(
                    "button",
                    say("assign.save", language),
                    "main-button",
                    type="button",
                    data_testid="assign-save",
                )
                save.on("click", lambda _: self._answer(self._other))
                cancel = Text("button", say("assign.cancel", language), "tool", type="button")
                kit.put(cancel, data_testid="assign-cancel")
                cancel.on("click", lambda _: self._close())
            self.said = Text("p", "", "said", role="status", data_testid="assign-said")
        kit.hide(self.box, hidden=True)

    def ask(self, stop: Row) -> None:
        """Ask for the reason of a stop."""
        self._of = stop
        name = self.site.machine(stop["machine"]).name or stop["machine"]
        words = say(
            "assign.of",
            self.language,
            machine=name,
            time=moments.moment(self.site, stop["start_ns"], self.language),
            duration=amounts.duration((stop["end_ns"] - stop["start_ns"]) / 1e9, self.language),
        )
        kit.write(self.question, words)
        kit.write(self.said, "")
        kit.hide(self.box, hidden=False)
        self.client.run_javascript(
            "document.querySelector(\"[data-testid='asking']\").scrollIntoView({block: 'center'});"
            "document.querySelector(\"[data-testid='asking'] button.reason\").focus({preventScroll: true})"
        )

    def _close(self) -> None:
        """Back to the button that asked, where it is still there."""
        kit.hide(self.box, hidden=True)
        if self._of is not None:
            asked = f"[data-testid='assign-{self._of['machine']}-{self._of['start_ns']}']"
            self.client.run_javascript(f"document.querySelector({json.dumps(asked)})?.focus()")

    async def _answer(self, text: str) -> None:
        reason = one_line(text)
        if self._of is None:
            return
        if not _CODE.fullmatch(self._code.strip()):
            self._say("assign.no_code")
        elif not 0 < len(reason) <= MOST_LETTERS:
            self._say("assign.no_reason")
        else:
            of, code = self._of, self._code.strip()
            try:
                await asyncio.to_thread(self._keep, of["machine"], of["start_ns"], reason, code)
            except ReasonRefused as error:
                log.warning("not kept: %s", error)
                self._say("assign.refused")
            except OSError as error:
                log.warning("a reason for %s at %d is not kept: %s", of["machine"], of["start_ns"], error)
                self._say("assign.failed")
            else:
                self._say("assign.done", reason=reason)

    def _say(self, key: str, **values: str) -> None:
        kit.write(self.said, say(key, self.language, **values))
