"""What can be asked of the demo."""

from __future__ import annotations

import sys
from dataclasses import dataclass

START_NS = 1_767_596_400_000_000_000
"""Monday 2026-01-05, 08:00 in Amsterdam: a fixed day, so that a seed always gives the same run."""
DAY_NS = 86_400_000_000_000
STEP_NS = DAY_NS // 96
"""Where that is no working time, the first quarter of an hour that is."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of the demo."""

    seconds: float | None
    speed: float
    seed: int
    faults: tuple[str, ...]
    port: int
    browser: bool
    as_json: bool
    start_ns: int = START_NS
    own: bool = True
    """Whether the line is the demo's own, and no other example."""

    @property
    def planned_s(self) -> float | None:
        """How long the line will run [simulated s]; None: until it is stopped."""
        return self.seconds * self.speed if self.seconds else None

    @property
    def exercises(self) -> bool:
        """Whether there are exercises: on the line they were made for, with no fault to hide anything."""
        return self.own and not self.faults

    def say(self, text: str) -> None:
        """A line for people; with ``--json`` standard output is the object alone."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)
