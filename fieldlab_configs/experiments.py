"""Companies and their experiments."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ExperimentModel(BaseModel):
    """Frozen and strict."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Company(ExperimentModel):
    """A company that visits the fieldlab."""

    id: str
    name: str = ""


class Window(ExperimentModel):
    """A window of an experiment's arm; UTC nanoseconds, half-open, on cell edges."""

    start_ns: int
    end_ns: int


class Experiment(ExperimentModel):
    """A question, two arms, the machines it is asked of."""

    id: str
    company: str | None = None
    question: str = ""
    machines: tuple[str, ...]
    arms: dict[str, tuple[Window, ...]]
    match: tuple[str, ...] = ()
