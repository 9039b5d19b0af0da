"""What stands on pages: made once of each moment for all that look alike, and told by what is different.

Twenty pages of one view are to cost little more than one. So nothing here is made per page: a page only
remembers what stands on it, and sends on the text that leads from there to what is to stand there.
"""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final
from weakref import WeakKeyDictionary

from dashboards import moments, palette
from dashboards.boards import boards, first_cards
from dashboards.nodes import Change, Node, changes, inside, node, pictures
from dashboards.poller import Poller
from dashboards.scene import Look, Scene
from dashboards.snapshot import Snapshot
from dashboards.view import View
from fieldlab_configs import Site

_MOST: Final = 16
"""Views that are kept; those who look at one are all told before those who look at the next."""
_MOST_BEFORE: Final = 8
"""What can be led from to one moment: the last, other ranges, machines and themes."""
_numbers = itertools.count()


class Shown:
    """What stands in the places of a page that change with time.

    Parameters
    ----------
    places : mapping of str to Node
        By name; an element of the page with that ``data-host`` has the node's attributes, text and children.
    """

    def __init__(self, places: Mapping[str, Node]) -> None:
        self.places = places
        self._number = next(_numbers)
        self._since: OrderedDict[int, str] = OrderedDict()

    def since(self, old: Shown) -> str:
        """JavaScript that makes a page that shows `old` show this; empty where they are alike."""
        if old._number not in self._since:
            found = {name: list(changes(old.places[name], new)) for name, new in self.places.items()}
            self._since[old._number] = _told(found)
            while len(self._since) > _MOST_BEFORE:
                self._since.popitem(last=False)
        return self._since[old._number]

    @property
    def pictures(self) -> str:
        """JavaScript that draws the pictures of a page that was sent with everything else."""
        return _told({name: list(pictures(place)) for name, place in self.places.items()})

    def inside(self, name: str) -> str:
        """What stands in a place, as HTML."""
        place = self.places[name]
        return inside(place.children) or place.text


def _told(changed: Mapping[str, Iterable[Change]]) -> str:
    some = {name: each for name, each in changed.items() if each}
    return f"fieldlab.show({json.dumps(some, ensure_ascii=False, separators=(',', ':'))})" if some else ""


class Showing:
    """Makes what stands on pages.

    Parameters
    ----------
    site : Site
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: OrderedDict[tuple[View, Look], tuple[Snapshot, Shown]] = OrderedDict()

    def of(self, snapshot: Snapshot, look: Look) -> Shown:
        """What stands on the pages of a moment."""
        key = (snapshot.view, look)
        if key not in self._made or self._made[key][0] is not snapshot:
            self._made[key] = (snapshot, Shown(_places(Scene(snapshot, self._site, look))))
        self._made.move_to_end(key)
        while len(self._made) > _MOST:
            self._made.popitem(last=False)
        return self._made[key][1]


_showing: WeakKeyDictionary[Poller, Showing] = WeakKeyDictionary()


def showing(poller: Poller) -> Showing:
    """What all pages of a poller share."""
    if poller not in _showing:
        _showing[poller] = Showing(poller.screens.site)
    return _showing[poller]


def _places(scene: Scene) -> dict[str, Node]:
    """Every place of a page; while there is no data, nothing but that is said."""
    snapshot, at = scene.snapshot, scene.snapshot.span
    found = {
        "until": node("span"),
        "period": node("p"),
        "waiting": node("p", text=scene.say("waiting"), hidden=at is not None),
        "figures": node("div"),
        "first": node("div"),
        "boards": node("div"),
    }
    if snapshot.view.screen in ("line", "energy"):
        for machine in scene.site.machines():
            found[f"latest-{machine.id}"] = _latest(scene, machine.id)
    if at is None:
        return found
    time = moments.dated_clock(scene.site, at.end_ns, scene.language)
    return found | {
        # Of a range of one's own the end says nothing of how fresh the data are.
        "until": node("span", text=scene.say("until", time=time), hidden=snapshot.view.range == "custom"),
        "period": node("p", text=scene.shown),
        "figures": node(
            "div",
            data_start_ns=str(at.start_ns),
            data_end_ns=str(at.end_ns),
            data_machine=snapshot.view.machine or "",
            data_line=snapshot.view.line,
        ),
        "first": node("div", "", first_cards(scene)),
        "boards": node("div", "", boards(scene)),
    }


def _latest(scene: Scene, machine: str) -> Node:
    """A machine's state as the button says it that chooses the machine."""
    state = scene.snapshot.latest.get(machine)
    style = f"--c: {palette.STATE_COLOURS[state]}" if state else None
    words = scene.say(f"state.{state}") if state else ""
    return node(
        "span",
        "",
        node("i", "dot", aria_hidden="true", hidden=state is None, style=style),
        node("span", text=words, data_testid=f"latest-{machine}", data_value=state),
    )
