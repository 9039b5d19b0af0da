"""Births that edge nodes owe us: which, and when each is asked for its own. Nothing here knows a broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

_LONGEST: Final = 64  # times `rebirth_s`, between two requests to a node that does not answer


class _Asked(NamedTuple):
    """A request for births: when it was made, how long until the next, and whether the node talks."""

    at_s: float
    wait_s: float
    talks: bool = False


class Owed:
    """The nodes that owe births.

    A node that is silent is asked ever more seldom. When it talks before its birth it is there, and is asked
    as soon as one may again; from then on more seldom too, for it may be one that does not answer.

    Parameters
    ----------
    rebirth_s : float
        At most once in so long a node is asked.
    clock_s : callable
        A clock that only goes forward.
    """

    def __init__(self, rebirth_s: float, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._rebirth_s = rebirth_s
        self._clock_s = clock_s
        self._due: set[str] = set()
        self._asked: dict[str, _Asked] = {}

    def begin(self, nodes: Iterable[str]) -> None:
        """A new connection: all may have said their births when nobody listened."""
        self._asked.clear()
        self._due.update(nodes)

    def add(self, node: str) -> None:
        """A node has to say its births again."""
        self._due.add(node)

    def talks(self, node: str) -> None:
        """Something came of which the birth has not been heard."""
        self._due.add(node)
        asked = self._asked.get(node)
        if asked is not None and not asked.talks:
            self._asked[node] = asked._replace(wait_s=self._rebirth_s, talks=True)

    def born(self, node: str) -> None:
        """It has said its birth."""
        self._due.discard(node)
        self._asked.pop(node, None)

    def died(self, node: str) -> None:
        """It is gone, and owes nothing until it is back."""
        self._due.discard(node)

    def to_ask(self) -> list[str]:
        """Who is to be asked now; counts as asked."""
        now_s = self._clock_s()
        asked = {node: self._asked.get(node) for node in sorted(self._due)}
        now = [node for node, last in asked.items() if last is None or now_s >= last.at_s + last.wait_s]
        for node in now:
            last, wait_s = asked[node], self._rebirth_s
            if last is not None:
                wait_s = min(last.wait_s * 2, self._rebirth_s * _LONGEST)
            self._asked[node] = _Asked(now_s, wait_s, talks=last is not None and last.talks)
        return now
