"""Writing to an InfluxDB: posts of lines, what each answer means, and which lines are to blame."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from ingest.frame_lines import body_of
from ingest.frames import Frame
from ingest.influx_http import Answer, InfluxHttp
from ingest.line_protocol import encode, encode_frame
from ingest.store import Rejected, Row, StoreUnavailable

_LINES: Final = 5000
_BYTES: Final = 4_000_000
_BAD_LINES: Final = frozenset({400, 422})
_TOO_LARGE: Final = 413
_HOLD: Final = {
    401: "check the token",
    403: "give the token the right to this bucket",
    404: "make its buckets with: fieldlab store setup",
}
# How many of the lines both versions say they dropped (tsdb.PartialWriteError of InfluxDB 1.x and 2.x).
_DROPPED: Final = re.compile(r"dropped=(\d+)")
# 3 Core has room for five databases; the lines are not to blame.
_NO_ROOM: Final = re.compile(r"new database would exceed")


class InfluxWriter:
    """Writes lines to the databases of one InfluxDB.

    Parameters
    ----------
    http : InfluxHttp
    """

    def __init__(self, http: InfluxHttp) -> None:
        self._http = http

    def write(self, database: str, rows: Sequence[Row]) -> list[Rejected]:
        """Write rows; stored when this returns, but for those that it returns."""
        lines, said, rejected = encode(rows)
        for begin, end in _portions(lines):
            rejected += self._post(database, lines[begin:end], said[begin:end])
        return rejected

    def write_frames(self, database: str, frames: Sequence[Frame], extra: Sequence[Row]) -> list[Rejected]:
        """Write frames of the spool, and some rows, in as few posts as may be.

        The next lines are made while the server has those before, never out of order.
        """
        rejected: list[Rejected] = []
        under_way: tuple[Future[Answer], Callable[[Answer], list[Rejected]]] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="influx") as poster:
            for frame in frames:
                body, odd = body_of(frame)
                rejected += [Rejected(frame.rows[place], problem) for place, problem in odd.items()]
                if under_way is not None:
                    rejected += under_way[1](under_way[0].result())
                    under_way = None
                if len(body) > _BYTES or len(frame.index) > _LINES:
                    rejected += self._in_portions(database, frame, odd)
                elif body:
                    meaning = functools.partial(self._meaning, database, frame, odd)
                    under_way = poster.submit(self._http.post, database, body), meaning
            if under_way is not None:
                rejected += under_way[1](under_way[0].result())
        return [*rejected, *self.write(database, extra)]

    def _meaning(self, database: str, frame: Frame, odd: Mapping[int, str], answer: Answer) -> list[Rejected]:
        """What an answer means for a frame; bad rows are rare, so each gets a line of its own only then."""
        if answer.written:
            return []
        return self._found(database, answer, *_line_by_line(frame, odd))

    def _in_portions(self, database: str, frame: Frame, odd: Mapping[int, str]) -> list[Rejected]:
        """A frame that is too much for one post."""
        lines, rows = _line_by_line(frame, odd)
        return [
            rejected
            for begin, end in _portions(lines)
            for rejected in self._post(database, lines[begin:end], rows[begin:end])
        ]

    def _post(self, database: str, lines: list[str], rows: list[Row]) -> list[Rejected]:
        """Post lines; those that are refused are found by halving."""
        return self._found(database, self._http.post(database, "\n".join(lines).encode()), lines, rows)

    def _found(self, database: str, answer: Answer, lines: list[str], rows: list[Row]) -> list[Rejected]:
        """What an answer means for the lines that were posted."""
        if answer.written:
            return []
        # 1.x and 3 have kept the good lines, 2.x may have kept none: writing them again changes nothing.
        bad = answer.status in _BAD_LINES and answer.about_lines and not _NO_ROOM.search(answer.message)
        if not bad and answer.status != _TOO_LARGE:
            raise self._unavailable(database, answer)
        dropped = _DROPPED.search(answer.message)
        if len(lines) == 1 or (dropped is not None and int(dropped[1]) == len(lines)):
            reason = answer.message or f"refused with status {answer.status}"
            return [Rejected(Row(*row), reason) for row in rows]
        half = len(lines) // 2
        return [
            *self._post(database, lines[:half], rows[:half]),
            *self._post(database, lines[half:], rows[half:]),
        ]

    def _unavailable(self, database: str, answer: Answer) -> StoreUnavailable:
        hint = f" ({_HOLD[answer.status]})" if answer.status in _HOLD else ""
        return StoreUnavailable(
            f"{self._http.url} answers {answer.status} to a write to {database}{hint}: {answer.message}",
            answer.retry_after_s,
        )


def _line_by_line(frame: Frame, odd: Mapping[int, str]) -> tuple[list[str], list[Row]]:
    """The lines of a frame that can be said, and their rows."""
    lines, _ = encode_frame(frame)
    return lines, [row for place, row in enumerate(frame.rows) if place not in odd]


def _portions(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of lines to post at once, bounded by number and size."""
    for begin in range(0, len(lines), _LINES):
        end = min(begin + _LINES, len(lines))
        size = sum(map(len, lines[begin:end]))
        if size <= _BYTES:
            yield begin, end
            continue
        size, first = 0, begin
        for at in range(begin, end):
            if at > first and size + len(lines[at]) > _BYTES:
                yield first, at
                size, first = 0, at
            size += len(lines[at]) + 1
        yield first, end
