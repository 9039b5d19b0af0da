"""InfluxDB as a store: 1.x, 2.x, 3. Lines in, InfluxQL out."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from ingest.columns import Column, Values, array_of, settle, tables
from ingest.frames import Frame
from ingest.influx_company import remove
from ingest.influx_erase import erase
from ingest.influx_http import Answer, InfluxHttp
from ingest.influx_setup import kept, set_up
from ingest.line_protocol import encode, encode_frame, name_problem
from ingest.store import Bucket, Rejected, Row, StoreUnavailable, Table, Tags

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
_NO_DATABASE: Final = re.compile(r"database not found|bucket .*not found", re.IGNORECASE)


class InfluxStore:
    """A store in an InfluxDB. See :class:`ingest.store.Store` for its methods.

    Parameters
    ----------
    url : str
    fieldlab : str
        Its buckets are ``<fieldlab>_raw``, ``<fieldlab>_kpi`` and ``<company>_shared``.
    token, org : str or None
        Token for 1.x with accounts ``user:password``.
    retention_s : mapping of bucket to seconds
        Used by :meth:`setup`.
    companies : sequence of str
        Whose buckets :meth:`setup` makes.
    timeout_s : float
    """

    def __init__(
        self,
        url: str,
        fieldlab: str,
        *,
        token: str | None = None,
        org: str | None = None,
        retention_s: Mapping[str, int] | None = None,
        companies: Sequence[str] = (),
        timeout_s: float = 10.0,
    ) -> None:
        self.fieldlab = fieldlab
        self._http = InfluxHttp(url, token, org, timeout_s)
        self._retention_s = dict(retention_s or {})
        self._companies = tuple(companies)

    def database(self, bucket: Bucket) -> str:
        """InfluxDB's name of a bucket."""
        kind, _, company = bucket.partition(":")
        name = f"{company}_shared" if kind == "shared" else f"{self.fieldlab}_{kind}"
        problem = name_problem(name)
        if problem is not None:
            raise ValueError(problem)
        return name

    def setup(self) -> None:
        """Make the databases or buckets that are not there yet, and set how long they keep data."""
        buckets = ["raw", "kpi", *(f"shared:{company}" for company in self._companies)]
        set_up(self._http, {self.database(b): self._retention_s.get(b) for b in buckets})

    @property
    def url(self) -> str:
        """Where it is."""
        return self._http.url

    @property
    def server_version(self) -> tuple[int, int]:
        """Major and minor version, as the server tells it."""
        return self._http.version

    def kept_s(self) -> dict[str, int | None] | None:
        """How long each database or bucket keeps its data [s], None for ever; None where nobody can tell."""
        return kept(self._http)

    def write(self, bucket: Bucket, rows: Iterable[Row]) -> list[Rejected]:
        """Write rows; stored when this returns, but for those that it returns."""
        database = self.database(bucket)
        lines, said, rejected = encode(list(rows))
        for begin, end in _portions(lines):
            rejected += self._post(database, lines[begin:end], said[begin:end])
        return rejected

    def write_frames(self, bucket: Bucket, frames: Sequence[Frame], extra: Sequence[Row]) -> list[Rejected]:
        """Write frames of the spool, and some rows, in as few posts as may be.

        The next lines are made while the server has those before, never out of order.
        """
        database = self.database(bucket)
        rejected: list[Rejected] = []
        under_way: tuple[Future[Answer], Callable[[Answer], list[Rejected]]] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="influx") as poster:
            for frame in frames:
                lines, odd = encode_frame(frame)
                rejected += [Rejected(frame.rows[place], problem) for place, problem in odd.items()]
                for begin, end in _portions(lines):
                    part = lines[begin:end]
                    body = "\n".join(part).encode()
                    if under_way is not None:
                        rejected += under_way[1](under_way[0].result())
                    meaning = functools.partial(self._meaning, database, part, frame, odd, begin)
                    under_way = poster.submit(self._http.post, database, body), meaning
            if under_way is not None:
                rejected += under_way[1](under_way[0].result())
        return [*rejected, *self.write(bucket, extra)]

    def _meaning(
        self,
        database: str,
        lines: list[str],
        frame: Frame,
        odd: Mapping[int, str],
        begin: int,
        answer: Answer,
    ) -> list[Rejected]:
        """What an answer means for some lines of a frame; bad ones are rare, so rows are made only then."""
        if answer.written:
            return []
        rows = [row for place, row in enumerate(frame.rows) if place not in odd]
        return self._found(database, answer, lines, rows[begin : begin + len(lines)])

    def _post(self, database: str, lines: list[str], rows: list[Row]) -> list[Rejected]:
        """Post lines; those that are refused are found by halving."""
        return self._found(database, self._http.post(database, "\n".join(lines).encode()), lines, rows)

    def _found(self, database: str, answer: Answer, lines: list[str], rows: list[Row]) -> list[Rejected]:
        """What an answer means for the lines that were posted."""
        if answer.written:
            return []
        # 1.x and 3 have kept the good lines, 2.x may have kept none: writing them again changes nothing.
        divisible = answer.status == _TOO_LARGE or (answer.status in _BAD_LINES and answer.about_lines)
        if not divisible:
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

    def read(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Table]:
        """Every series of a measurement in ``[start_ns, end_ns)``."""
        return tables(
            self.columns(bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where, fields=fields)
        )

    def columns(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[Column]:
        """Every field of every series of a measurement in ``[start_ns, end_ns)``, with what it has of it."""
        what = "*::field" if fields is None else ", ".join(_name(field) for field in fields)
        bounds = [f"time >= {start_ns}"] if start_ns is not None else []
        bounds += [f"time < {end_ns}"] if end_ns is not None else []
        query = f"SELECT {what} FROM {_name(measurement)}{_where(where, bounds)} GROUP BY *"  # noqa: S608 - quoted
        return self._columns(bucket, query) if what else []

    def measurements(self, bucket: Bucket) -> list[str]:
        """The measurements that a bucket has."""
        found = self._series(bucket, "SHOW MEASUREMENTS")
        return sorted(row[0] for series in found for row in series.get("values", []))

    def last_before(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its last row strictly before `time_ns`."""
        return self._edge(bucket, measurement, "last", f"time < {time_ns}", where)

    def first_from(
        self, bucket: Bucket, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """For every series and field, its first row at or after `time_ns`."""
        return self._edge(bucket, measurement, "first", f"time >= {time_ns}", where)

    def remove(self, bucket: Bucket) -> list[str]:
        """Delete a bucket, and the users or tokens that open it alone; their names."""
        return remove(self._http, self.database(bucket))

    def clear(self, bucket: Bucket) -> None:
        """Delete everything in a bucket."""
        erase(self._http, self.database(bucket))

    def delete(
        self,
        bucket: Bucket,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a measurement's rows in ``[start_ns, end_ns)``, of series with these tags."""
        _name(measurement)
        erase(self._http, self.database(bucket), measurement, start_ns=start_ns, end_ns=end_ns, where=where)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _edge(
        self, bucket: Bucket, measurement: str, which: str, bound: str, where: Mapping[str, str] | None
    ) -> list[Row]:
        # One statement per field: only then does each come with its own time.
        among = f"FROM {_name(measurement)}{_where(where, [bound])} GROUP BY *"
        query = ";".join(
            f"SELECT {which}({_name(f)}) AS {_name(f)} {among}" for f in self._fields(bucket, measurement)
        )
        columns = self._columns(bucket, query) if query else []
        return sorted((c.row(measurement, 0) for c in columns), key=lambda row: (row.tags, row.field))

    def _fields(self, bucket: Bucket, measurement: str) -> list[str]:
        query = f"SHOW FIELD KEYS FROM {_name(measurement)}"
        return sorted({row[0] for series in self._series(bucket, query) for row in series.get("values", [])})

    def _columns(self, bucket: Bucket, query: str) -> list[Column]:
        """The answer's columns, parts of a series joined."""
        parts: dict[tuple[Tags, str], list[tuple[Values, Values]]] = defaultdict(list)
        for series in self._series(bucket, query):
            tags = tuple(sorted((k, v) for k, v in series.get("tags", {}).items() if v))
            names, values = series["columns"], list(zip(*series["values"], strict=True))
            time = np.array(values[names.index("time")], np.int64)
            for name, told in zip(names, values, strict=True):
                if name != "time":
                    column = _told(name, time, told)
                    if column is not None:
                        parts[tags, name].append(column)
        return [
            Column(tags, name, *settle(np.concatenate([t for t, _ in p]), np.concatenate([v for _, v in p])))
            for (tags, name), p in parts.items()
        ]

    def _series(self, bucket: Bucket, query: str) -> Iterator[dict[str, Any]]:
        for result in self._http.ask(self.database(bucket), query):
            error = result.get("error")
            if error and not _NO_DATABASE.search(error):
                raise StoreUnavailable(f"{self._http.url} cannot answer {query[:200]}: {error}")
            yield from result.get("series", [])


def _told(field: str, time: Values, values: tuple[Any, ...]) -> tuple[Values, Values] | None:
    """A field's times and values where it has any: InfluxDB answers null where another field has one."""
    first = next((v for v in values if v is not None), None)
    if first is None:
        return None
    kind = "s" if isinstance(first, str) else "i" if field.endswith("_ns") else "f"
    if kind == "f":
        numbers = np.array(values, dtype=np.float64)  # null becomes NaN, which InfluxDB cannot hold itself
        has = ~np.isnan(numbers)
        return time[has], numbers[has]
    column = array_of("s", values)
    has = np.array([v is not None for v in values], dtype=bool)
    return time[has], column[has] if kind == "s" else column[has].astype(np.int64)


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


def _name(name: str) -> str:
    """A name in InfluxQL; only those that can have been written."""
    problem = name_problem(name)
    if problem is not None:
        raise ValueError(problem)
    return f'"{name}"'


def _where(where: Mapping[str, str] | None, bounds: Sequence[str]) -> str:
    conditions = [*bounds, *(f"{_name(tag)} = {_quoted(value)}" for tag, value in (where or {}).items())]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
