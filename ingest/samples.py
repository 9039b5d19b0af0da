"""The sample: the value that flows from a machine to the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Clock = Literal["source", "server", "gateway"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of one signal of one machine.

    Attributes
    ----------
    machine, signal : str
        Ids of the configuration.
    time_ns : int
        UTC nanoseconds.
    value : float, str or None
        As the machine gave it, unmapped and unscaled; None where there is only a quality to tell
        (a value under Bad quality is not a value).
    quality : str
        ``good``, ``uncertain``, ``bad``, or an OPC UA name such as ``BadSensorFailure``; its
        beginning, case aside, says which of the three it is.
    clock : str
        Whose clock `time_ns` is from.
    """

    machine: str
    signal: str
    time_ns: int
    value: float | str | None
    quality: str = "good"
    clock: Clock = "source"


def is_bad(quality: str) -> bool:
    """Whether a quality text is of the Bad class; Uncertain keeps its value."""
    return quality[:3].lower() == "bad"
