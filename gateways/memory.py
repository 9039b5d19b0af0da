"""What a source must know after its process was killed: a small file beside the spool."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from gateways.small_file import SmallFile


@dataclass(frozen=True, slots=True)
class Owed:
    """A time that was missed and is not yet filled or told as a gap.

    Attributes
    ----------
    start_ns, end_ns : int
        By the gateway's clock.
    server_start_ns, server_end_ns : int
        The same by the server's.
    reason : str
        Of the gap, where it cannot be filled.
    count : int
        What is known to be missing; 0 where nobody knows.
    """

    start_ns: int
    end_ns: int
    server_start_ns: int
    server_end_ns: int
    reason: str
    count: int = 0


@dataclass(slots=True)
class Subscribed:
    """A subscription that may still live on the server.

    Attributes
    ----------
    number : int
        Its id there.
    next_message : int
        Sequence number of the first message that was not handed over.
    items : str
        Fingerprint of what it watches.
    keep_alive_s : float
        How often it says at least that it is there. [s]
    missing : list of int
        Handles of what it should watch and could not.
    """

    number: int
    next_message: int
    items: str
    keep_alive_s: float
    missing: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Known:
    """How far a source has come.

    Attributes
    ----------
    heard_ns, server_ns : int or None
        When the server was last heard, by the gateway's clock and by its own.
    owed : list of Owed
    subscribed : Subscribed or None
    stays : bool
        Whether the server lets a subscription be taken over.
    session : dict or None
        Of the connection; the driver knows what it is.
    """

    heard_ns: int | None = None
    server_ns: int | None = None
    owed: list[Owed] = field(default_factory=list)
    subscribed: Subscribed | None = None
    stays: bool = True
    session: dict[str, Any] | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """As read from a file; any error in it is one of KeyError, TypeError, ValueError."""
        subscribed = told["subscribed"]
        return cls(
            None if told["heard_ns"] is None else int(told["heard_ns"]),
            None if told["server_ns"] is None else int(told["server_ns"]),
            [Owed(**owed) for owed in told["owed"]],
            None if subscribed is None else Subscribed(**subscribed),
            bool(told["stays"]),
            None if told["session"] is None else dict(told["session"]),
        )


class Memory:
    """Keeps what is known in a file.

    It is written after the spool has committed, and without fsync: after a loss of power it may lag behind,
    and then more is asked of the server again, or told as a gap, than was missed; never less.

    Parameters
    ----------
    path : Path or None
        None keeps it in this process alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = SmallFile(path)
        self.known = Known()
        self.lasts = path is not None
        try:
            told = self._file.read()
            if told is not None:
                self.known = Known.of(cast("dict[str, Any]", told))
        except (OSError, KeyError, TypeError, ValueError) as error:
            self._file.unreadable(error)

    def keep(self) -> None:
        """Write it, whole or not at all."""
        if self.lasts:
            self._file.write(asdict(self.known))
