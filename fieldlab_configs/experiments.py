"""Companies and their experiments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.kinds import Id, OneOf, Text, nearest
from fieldlab_configs.reading import Key
from fieldlab_configs.time_kinds import Moment

ARMS = ("baseline", "trial")


class Company(Model):
    """A company that visits the fieldlab."""

    id: Annotated[str, Id()]
    name: str = ""


class Window(Model):
    """A window of an experiment's arm; UTC nanoseconds, half-open, on cell edges."""

    start_ns: Annotated[int, Key("start"), Moment()]
    end_ns: Annotated[int, Key("end"), Moment()]  # a date ends at its first moment: it is not in the window

    def faults(self) -> Iterator[Fault]:
        """An end that is not after the start."""
        if self.end_ns <= self.start_ns:
            yield ("end",), "must be after start; an end that is a date is not itself in the window"


class Experiment(Model):
    """A question, two arms, the machines it is asked of."""

    id: Annotated[str, Id()]
    company: str | None = None
    question: Annotated[str, Text(lines=True)] = ""
    machines: tuple[str, ...]
    arms: dict[str, tuple[Window, ...]]
    match: tuple[Annotated[str, OneOf(("product", "shift"))], ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Arms missing, empty or of another name; no machine; windows over one another."""
        if not self.machines:
            yield ("machines",), "must name at least one machine"
        for keys in ("machines", "match"):
            values: tuple[str, ...] = getattr(self, keys)
            for number, value in enumerate(values):
                if value in values[:number]:
                    yield (keys, number), f'names "{value}" twice'
        for arm in self.arms:
            if arm not in ARMS:
                yield ("arms", arm), f"must be baseline or trial{nearest(arm, ARMS)}"
        for arm in ARMS:
            if not self.arms.get(arm):
                yield ("arms",), f"the arm {arm} is missing; it needs at least one window {{start, end}}"
        yield from self._overlaps()

    def _overlaps(self) -> Iterator[Fault]:
        seen: list[tuple[str, Window]] = []
        for arm, windows in self.arms.items():
            for number, window in enumerate(windows):
                for other_arm, other in seen:
                    if window.start_ns < other.end_ns and other.start_ns < window.end_ns:
                        yield ("arms", arm, number), f"overlaps another window, of the arm {other_arm}"
                seen.append((arm, window))
