"""Long ranges from InfluxDB 3 Core, which reads only so many files for one question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from ingest.line_protocol import MAX_NS, MIN_NS
from ingest.store import StoreUnavailable

_TOO_WIDE: Final = re.compile(r"file limit|parquet files", re.IGNORECASE)
_SHORTEST_NS: Final = 600 * 1_000_000_000
"""A file holds ten minutes: a shorter range does not need fewer of them."""
T = TypeVar("T")


class TooWide(StoreUnavailable):
    """The range asked about lies in more files than the server reads for one question."""


def is_too_wide(error: str) -> bool:
    """Whether a server's error says so."""
    return _TOO_WIDE.search(error) is not None


def in_parts(
    ask: Callable[[int | None, int | None], T], start_ns: int | None, end_ns: int | None
) -> Iterator[T]:
    """Ask about a range; where it is too wide, about its halves, the earlier one first.

    Parameters
    ----------
    ask : callable
        Gives what lies in ``[start_ns, end_ns)``, or raises TooWide.
    start_ns, end_ns : int or None
        None: no bound.

    Yields
    ------
    object
        What `ask` gave, in the order of time.
    """
    try:
        found = ask(start_ns, end_ns)
    except TooWide:
        low = MIN_NS if start_ns is None else start_ns
        high = MAX_NS + 1 if end_ns is None else end_ns
        if high - low < _SHORTEST_NS:
            raise
        middle = (low + high) // 2
        yield from in_parts(ask, low, middle)
        yield from in_parts(ask, middle, high)
    else:
        yield found
