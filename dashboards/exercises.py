"""What the guided exercises need to know, and whom they ask: the demo alone has somebody to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from urllib.parse import urlencode

from dashboards import amounts
from dashboards.wording import Language, say
from fieldlab_configs import Site

Task = Literal["loss", "stops", "weeks"]
TASKS: Final[tuple[Task, ...]] = ("loss", "stops", "weeks")
PATH: Final = "/exercises"
SCOPE_EXERCISES: Final = "fieldlab.exercises"
SCOPE_BOARDS: Final = "fieldlab.exercises.boards"
"""Where a request's scope holds them; None on a real fieldlab."""
LOSSES: Final = ("breakdown", "setup", "minor_stop", "speed", "quality", "starved", "blocked")
PREDICTIONS: Final = ("more", "same", "less")

Kind = Literal["percent", "points", "seconds", "kwh", "machine", "loss", "week", "text"]
Amount = tuple[Kind, float | str]
"""A value and how it is told, in whatever language."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of an answer.

    Attributes
    ----------
    right : bool
    key : str
        The words, below ``exercise.``.
    values : mapping of str to Amount
        What fills their blanks.
    given : mapping of str to str
        What was answered.
    """

    right: bool
    key: str
    values: Mapping[str, Amount] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LossTask:
    """The first: which machine loses most, and to what.

    Attributes
    ----------
    from_ns, to_ns : int
        The stretch that is asked about.
    wait_s : float or None
        Until it is over, by the wall clock; None: it is.
    machines : tuple of str
    """

    from_ns: int
    to_ns: int
    wait_s: float | None
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A machine over a stretch, as ``fieldlab kpi`` tells it; None is undefined."""

    from_ns: int
    to_ns: int
    oee: float | None
    minor_stop_s: float | None
    breakdown_s: float | None
    setup_s: float | None
    good: float | None
    planned_s: float | None


@dataclass(frozen=True, slots=True)
class StopsTask:
    """The second: the same hours with and without half of the micro stops' time.

    Attributes
    ----------
    machine : str
    wait_s : float or None
        Until the next thing happens, by the wall clock; None: nothing is waited for.
    phase : str
        ``waiting`` for the first stretch, ``ready`` for the button, ``running``, ``done``.
    done : float
        Share of the repetition that is over.
    before, after : Stretch or None
    """

    machine: str
    wait_s: float | None
    phase: Literal["waiting", "ready", "running", "done"]
    done: float = 0.0
    before: Stretch | None = None
    after: Stretch | None = None


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """One week as the product tells it: KPIs, and held against the energy baseline [kWh]."""

    start_ns: int
    energy_kwh: float
    good: float
    per_good_kwh: float
    expected_kwh: float | None = None
    saved_kwh: float | None = None
    low_kwh: float | None = None
    high_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class WeeksTask:
    """The third: which week saved energy.

    Attributes
    ----------
    site : Site
        Of the weeks.
    usual : WeekFigures
        A mean week of those before.
    weeks : tuple of WeekFigures
    base_kw, part_kwh : float
        The baseline's law: so much an hour, so much a part.
    command : str
        What to type to see the first week judged.
    """

    site: Site
    usual: WeekFigures
    weeks: tuple[WeekFigures, ...]
    base_kw: float
    part_kwh: float
    command: str


@dataclass(frozen=True, slots=True)
class Board:
    """All there is to show now; None: not yet."""

    loss: LossTask | None = None
    stops: StopsTask | None = None
    weeks: WeeksTask | None = None


class Exercises(Protocol):
    """Whoever has the simulated line, and its truth."""

    @property
    def site(self) -> Site:
        """Of the line."""
        ...

    @property
    def answers(self) -> Mapping[Task, Answer]:
        """The last answer to each; kept as long as the demo runs."""
        ...

    def board(self) -> Board:
        """Everything as it is now; may block."""
        ...

    def halve(self, prediction: str) -> Answer | None:
        """Halve the micro stops of the running line; something to say only where that cannot be."""
        ...

    def answer(self, task: Task, given: Mapping[str, str]) -> Answer:
        """Hold an answer against the truth; may block."""
        ...


def solved(exercises: Exercises) -> int:
    """How many are done."""
    return sum(answer.right for answer in exercises.answers.values())


def address(language: str, theme: str, path: str = PATH) -> str:
    """The link to the page."""
    return f"{path}?" + urlencode({"lang": language} | ({"theme": theme} if theme != "auto" else {}))


def overview(language: str, theme: str) -> str:
    """The link back to the first page."""
    return address(language, theme, "/")


def told(answer: Answer, site: Site, language: Language) -> str:
    """An answer in words."""
    names: dict[str, str] = {m.id: m.name or m.id for m in site.machines()}
    values = {name: _amount(kind, value, names, language) for name, (kind, value) in answer.values.items()}
    return say(f"exercise.{answer.key}", language, **values)


def _amount(kind: Kind, value: float | str, names: Mapping[str, str], language: Language) -> str:
    if isinstance(value, str):
        if kind == "loss":
            return say(f"loss.{value}", language).lower()
        return names.get(value, value) if kind == "machine" else value
    if kind == "percent":
        return amounts.percent(value, language)
    if kind == "seconds":
        return amounts.duration(value, language)
    if kind == "week":
        return say("exercise.weeks.named", language, number=f"{value:.0f}")
    return signed(value, 1 if kind == "points" else 0, language)


def signed(value: float, digits: int, language: Language) -> str:
    """A number with a minus sign, not a hyphen."""
    return amounts.decimal(value, digits, language).replace("-", "−")
