"""What a guided exercise may do with a simulated line: halve the micro stops, and know what came of it.

The simulator can do what no factory can: live through the same hours twice. The machine that is taught on
repeats its first stretch with the same orders, breakdowns, waits and rejects, but every micro stop is over in
half of the time; so what differs between the two stretches comes of that alone, and not of chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fieldlab_configs import Site
from simulator.plan import SECOND_NS
from simulator.plant import Plant
from simulator.truth import Figures, Truth, kpis

STRETCH_S: Final = 3 * 3600.0
"""How much of the run is looked at, and repeated [simulated s]."""
SHORTER: Final = 0.5
"""How long a micro stop lasts in the repetition, as a share of what it did."""

Tell = Callable[[dict[str, Any]], None]


class Lesson:
    """Two stretches of one machine, from part to part; and the first, in whole cells, of all machines.

    Parameters
    ----------
    site : Site
    plant : Plant
        Of that site, not yet moved.
    tell : callable
        Given what is known, whenever there is more; see :meth:`told`.
    """

    def __init__(self, site: Site, plant: Plant, tell: Tell) -> None:
        self._site, self._plant, self._tell = site, plant, tell
        self._cell_ns = site.cell_s * SECOND_NS
        self._machine: Final = site.lines[0].bottleneck
        self._model: Final = plant.models[self._machine]
        self._start_ns = plant.now_ns
        self._end_ns = -(-(plant.now_ns + round(STRETCH_S * SECOND_NS)) // self._cell_ns) * self._cell_ns
        self._all: dict[str, Truth] = {}
        self._asked = False
        self._before: tuple[int, int, Truth] | None = None
        self._begun: tuple[int, Truth] | None = None
        self._said: dict[str, Any] = {}
        self._model.nobody_in_breaks = True
        self._model.watched = lambda: self._model.now_ns >= self._end_ns

    def shorten(self) -> None:
        """From the next whole cell on, repeat the first stretch with shorter micro stops; once."""
        self._asked = True

    def cuts(self, from_ns: int, to_ns: int) -> list[int]:
        """The instants in ``(from_ns, to_ns]`` at which :meth:`reach` is to be called."""
        first = from_ns // self._cell_ns + 1
        return [cell * self._cell_ns for cell in range(first, to_ns // self._cell_ns + 1)]

    def reach(self, now_ns: int) -> None:
        """A whole cell is over."""
        if not self._all and now_ns >= self._end_ns:
            self._all = {name: m.truth.mark() for name, m in self._plant.models.items()}
        if self._before is None and self._model.seen is not None:
            self._before, self._model.seen = self._model.seen, None
        elif self._before is not None and self._begun is None and self._asked:
            self._begun = (now_ns, self._model.truth.mark())
            self._model.begin_again(micro=SHORTER)
            _, cycles, _ = self._before
            self._model.watched = lambda: self._model.cycles >= cycles
        told = self.told()
        if told != self._said:
            self._said = told
            self._tell(told)

    def told(self) -> dict[str, Any]:
        """What is known by now.

        Returns
        -------
        dict
            ``machine``: whose micro stops can be halved. ``end_ns``: when the first stretch is over. Then
            ``all``: that stretch, of all machines; ``before``: the same of the one machine, up to the end of
            a part. ``after``: its repetition, up to the same part; without figures as long as it goes on.
            Each has ``from_ns``, ``to_ns`` and, by machine, the true ``figures``: fields and KPIs.
        """
        told: dict[str, Any] = {"machine": self._machine, "end_ns": self._end_ns}
        # A stop in progress at the end is a minor one or not by its whole length, which is yet to come.
        if self._all and not any(self._plant.models[n].truth.open(m) for n, m in self._all.items()):
            figures = {name: self._between(None, mark) for name, mark in self._all.items()}
            told["all"] = _stretch(self._start_ns, self._end_ns, figures)
        if self._before is not None:
            until_ns, _, mark = self._before
            told["before"] = _stretch(self._start_ns, until_ns, {self._machine: self._between(None, mark)})
        if self._begun is not None:
            from_ns, begun = self._begun
            told["after"] = _stretch(from_ns, None, {})
            if self._model.seen is not None:
                until_ns, _, mark = self._model.seen
                told["after"] = _stretch(from_ns, until_ns, {self._machine: self._between(begun, mark)})
        return told

    def _between(self, begin: Truth | None, end: Truth) -> Figures:
        before, after = begin.figures() if begin else {}, end.figures()
        sums: Figures = {
            name: None if value is None else value - (before.get(name) or 0.0)
            for name, value in after.items()
        }
        return {**sums, **kpis(sums, self._site.convention)}


def _stretch(from_ns: int, to_ns: int | None, figures: dict[str, Figures]) -> dict[str, Any]:
    return {"from_ns": from_ns, "to_ns": to_ns, "figures": figures}
