"""InfluxDB's line protocol, written by ourselves: names by allow-list, values with every escape.

References
----------
.. [1] InfluxDB 1.x and 2.x, line protocol reference; the parser is `models/points.go` of InfluxDB.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ingest.columns import kind_of_field
from ingest.frames import Frame
from ingest.store import Rejected, Row, Tags

MIN_NS, MAX_NS = -(2**63) + 2, 2**63 - 2
"""Times that InfluxDB can hold; the ones outside are its own sentinels."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_LONGEST_TEXT = 65_535  # of a string field, in bytes; 1.x refuses longer ones
# A backslash before one of these cannot be told from the escape of it, and one at the end would
# escape the separator; neither has an escape of its own in tags.
_TAG_UNSAYABLE = re.compile(r"\\(?=[,= \\]|\Z)|[\x00-\x1f\x7f]")
_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


def encode(rows: Sequence[Row]) -> tuple[list[str], list[Row], list[Rejected]]:
    """Rows as lines, each with nanoseconds.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    lines : list of str
        One per row that can be said, in their order.
    said : list of Row
        The rows of these lines.
    rejected : list of Rejected
    """
    lines: list[str] = []
    odd: dict[int, str] = {}
    # Rows of one series mostly share one object for their tags, and neighbours their time: both are
    # quicker to recognise than to say again.
    heads: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
    told_ns, tail = MAX_NS + 1, ""
    add, said_as = lines.append, repr
    for measurement, tags, field, time_ns, value in rows:
        if time_ns != told_ns:
            told_ns, tail = time_ns, f" {time_ns}" if MIN_NS <= time_ns <= MAX_NS else ""
        known = heads[field].get(id(tags))
        if known is None or known[0] != measurement:
            known = heads[field][id(tags)] = measurement, head_of(measurement, tags, field) or ""
        head = known[1]
        if head and tail and type(value) is float and value - value == 0.0:
            add(head + said_as(value) + tail)
            continue
        line, problem = carefully(measurement, tags, field, time_ns, value)
        if problem is None:
            add(line)
        else:
            odd[len(lines) + len(odd)] = problem
    if not odd:
        return lines, rows if isinstance(rows, list) else list(rows), []
    said = [row for place, row in enumerate(rows) if place not in odd]
    return lines, said, [Rejected(Row(*rows[place]), problem) for place, problem in odd.items()]


def encode_frame(frame: Frame) -> tuple[list[str], dict[int, str]]:
    """The rows of a frame as lines, column by column.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    lines : list of str
        One per row that can be said, in their order.
    odd : dict of int to str
        Rows that cannot, by number, and why.
    """
    heads = [head_of(*series) or "" for series in frame.series]
    time_ns, values = frame.time_ns, frame.values
    new = np.flatnonzero(np.diff(time_ns, prepend=time_ns[:1] - 1))
    tails = np.array([f" {t}" for t in time_ns[new].tolist()], dtype=object)
    tail = np.repeat(tails, np.diff(np.append(new, len(time_ns)))).tolist()
    head = map(heads.__getitem__, frame.index.tolist())
    lines = [h + repr(v) + t for h, v, t in zip(head, values, tail, strict=True)]
    odd: dict[int, str] = {}
    for place in delicate(frame, heads).tolist():
        measurement, tags, field = frame.series[frame.index[place]]
        line, problem = carefully(measurement, tags, field, int(time_ns[place]), values[place])
        lines[place] = line
        if problem is not None:
            odd[place] = problem
    return [line for place, line in enumerate(lines) if place not in odd] if odd else lines, odd


def delicate(frame: Frame, heads: Sequence[str]) -> npt.NDArray[np.intp]:
    """The rows that are no plain number of a series that can be said, at a time that can."""
    plain = np.array(
        [bool(head) and kind == "f" for head, kind in zip(heads, frame.kinds, strict=True)], bool
    )
    fine = plain[frame.index] & (frame.time_ns >= MIN_NS) & (frame.time_ns <= MAX_NS)
    fine &= np.isfinite(frame.bits.view(np.float64))
    return np.flatnonzero(~fine)


def carefully(
    measurement: str, tags: Tags, field: str, time_ns: int, value: float | str
) -> tuple[str, str | None]:
    """One line of any kind; or what is wrong with it."""
    problem = _problem(measurement, tags, field)
    if problem is None and not MIN_NS <= time_ns <= MAX_NS:
        problem = "its time is beyond what InfluxDB can hold"
    if problem is not None:
        return "", problem
    try:
        return f"{_named(measurement, tags, field)}{_value(field, value)} {time_ns}", None
    except ValueError as error:
        return "", str(error)


def head_of(measurement: str, tags: Tags, field: str) -> str | None:
    """The beginning of a series' lines up to a number; None where it takes more care than that."""
    if field.endswith("_ns") or _problem(measurement, tags, field) is not None:
        return None
    return _named(measurement, tags, field)


def _named(measurement: str, tags: Tags, field: str) -> str:
    pairs = (f"{name}={value.translate(_TAG_ESCAPES)}" for name, value in sorted(tags))
    return f"{','.join([measurement, *pairs])} {field}="


def _problem(measurement: str, tags: Tags, field: str) -> str | None:
    """What is wrong with the names or tags of a series."""
    names = (measurement, field, *(name for name, _ in tags))
    problems = (*map(name_problem, names), *(tag_problem(name, value) for name, value in tags))
    return next((problem for problem in problems if problem is not None), None)


def name_problem(name: str) -> str | None:
    """Why something cannot be the name of a measurement, tag or field; None where it can."""
    if name == "time":
        return "time is no name for a field or tag"
    return None if _NAME.match(name) else f"{name[:40]!r} is no name: letters, digits, _ . - only"


def tag_problem(name: str, value: str) -> str | None:
    """Why a text cannot be a tag's value; None where it can."""
    if not value:
        return f"tag {name} is empty"
    if _TAG_UNSAYABLE.search(value) or not encodable(value):
        return (
            f"tag {name} cannot hold {value[:40]!r}: a backslash before a separator, or a control character"
        )
    return None


def encodable(text: str) -> bool:
    """Whether a text is Unicode that can be sent; half of a surrogate pair is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _value(field: str, value: float | str) -> str:
    """A field's value; ValueError where the protocol has no way to say it."""
    kind = kind_of_field(field, value)
    if isinstance(value, str):
        if not encodable(value):
            raise ValueError("the text is not Unicode")
        if len(value.encode()) > _LONGEST_TEXT:
            raise ValueError(f"the text is longer than {_LONGEST_TEXT} bytes")
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind == "i":
        return f"{int(value)}i"
    number = float(value)
    if number - number != 0.0:
        raise ValueError(f"{value} is not a number that can be stored")
    return repr(number)
