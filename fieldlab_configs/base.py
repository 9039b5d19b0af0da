"""What every class of the model has in common: frozen, strict, and able to say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

Fault = tuple[tuple[str | int, ...], str]
"""Keys from the value itself down to what is wrong, and the message."""


class Model(BaseModel):
    """Frozen and strict: a key nobody knows is an error, not a silence.

    A class says with `Annotated` how each of its fields is read from the text (see `kinds`); the reader
    knows no class by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    short_for: ClassVar[str | None] = None
    """The key that a bare text in place of the mapping stands for."""
    refusal: ClassVar[str | None] = None
    """What is said of a bare text in place of the mapping, without repeating it: it may be a secret."""

    @classmethod
    def prepare(cls, values: dict[str, Any]) -> None:
        """Fill in what follows from other values; called before construction."""

    def faults(self) -> Iterator[Fault]:
        """What is wrong with this value though each of its parts is right."""
        yield from ()
