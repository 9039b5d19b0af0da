"""Bringing dashboards to a Grafana, without ever losing what somebody changed there by hand."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from typing import Any, Final, Literal

from dashboards.build import as_json
from dashboards.errors import GrafanaTrouble
from dashboards.grafana_api import Grafana, changed_meanwhile

State = Literal["new", "unchanged", "updated", "edited", "overwritten"]
_MARK: Final = re.compile(r"fl-([0-9a-f]{12})-([0-9a-f]{12})")
_GRAFANA_S_OWN: Final = ("id", "version", "iteration")
_MOST_LINES: Final = 60


def bring(grafana: Grafana, wanted: dict[str, Any], folder: str, *, force: bool) -> tuple[State, list[str]]:
    """Make a dashboard what it should be.

    Parameters
    ----------
    grafana : Grafana
        In the organisation that gets it.
    wanted : dict
        See :func:`dashboards.grafana.render`.
    folder : str
        Uid of its folder.
    force : bool
        Overwrite what was edited by hand.

    Returns
    -------
    state : str
    difference : list of str
        Of a dashboard that was edited by hand: from what is wanted to what is there.

    Notes
    -----
    A tag keeps two fingerprints: of what was wanted when it was pushed, and of what Grafana then kept. What
    it keeps now is compared with the second: so a hand is told from a change of the config.
    """
    there = grafana.get("dashboards", "uid", wanted["uid"])
    if there is None:
        _save(grafana, wanted, folder, None)
        return "new", []
    current = there["dashboard"]
    asked, kept = _marks(current)
    by_hand = kept != _fingerprint(current)
    placed = there["meta"].get("folderUid") == folder
    if not by_hand and asked == _fingerprint(wanted) and placed:
        return "unchanged", []
    if by_hand and not force:
        return "edited", _difference(wanted, current)
    try:
        _save(grafana, wanted, folder, current["version"])
    except GrafanaTrouble as trouble:
        if not changed_meanwhile(trouble):
            raise
        newer = grafana.get("dashboards", "uid", wanted["uid"])
        return "edited", _difference(wanted, newer["dashboard"])
    return ("overwritten", _difference(wanted, current)) if by_hand else ("updated", [])


def _save(grafana: Grafana, wanted: dict[str, Any], folder: str, version: int | None) -> None:
    asked = _fingerprint(wanted)
    marked = _marked(wanted, asked, asked)
    _post(grafana, marked, folder, version)
    current = grafana.get("dashboards", "uid", wanted["uid"])["dashboard"]
    kept = _fingerprint(current)
    if kept != asked:  # a Grafana that writes things its own way: remember that way
        _post(grafana, _marked(current, asked, kept), folder, current["version"])


def _post(grafana: Grafana, content: dict[str, Any], folder: str, version: int | None) -> None:
    board = {key: value for key, value in content.items() if key not in _GRAFANA_S_OWN}
    if version is not None:
        board["version"] = version
    body = {"dashboard": board, "folderUid": folder, "overwrite": False}
    grafana.post("dashboards", "db", body={**body, "message": "fieldlab dashboards push"})


def _marks(board: dict[str, Any]) -> tuple[str, str]:
    for tag in board.get("tags", ()):
        found = _MARK.fullmatch(tag)
        if found:
            return found[1], found[2]
    return "", ""


def _marked(board: dict[str, Any], asked: str, kept: str) -> dict[str, Any]:
    tags = [tag for tag in board.get("tags", ()) if not _MARK.fullmatch(tag)]
    return {**board, "tags": [*tags, f"fl-{asked}-{kept}"]}


def _plain(board: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in board.items() if key not in _GRAFANA_S_OWN}
    return {**kept, "tags": [tag for tag in board.get("tags", ()) if not _MARK.fullmatch(tag)]}


def _fingerprint(board: dict[str, Any]) -> str:
    text = json.dumps(_plain(board), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _difference(wanted: dict[str, Any], current: dict[str, Any]) -> list[str]:
    before, after = (as_json(_plain(each)).splitlines() for each in (wanted, current))
    lines = list(difflib.unified_diff(before, after, "of the config", "in Grafana", n=1, lineterm=""))
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"... and {more} more lines"]
