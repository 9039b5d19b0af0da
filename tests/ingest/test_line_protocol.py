"""Line protocol: what is written is what a parser of others reads."""

from __future__ import annotations

import math
import uuid
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.frame_lines import body_of
from ingest.frames import SAMPLE, decode
from ingest.frames import encode as frame_of
from ingest.influx import InfluxStore
from ingest.line_protocol import MAX_NS, MIN_NS, encode
from ingest.store import Row
from tests.ingest.contract import flat
from tests.servers import InfluxServer

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda n: n != "time")
SPICED = st.text(
    st.one_of(st.sampled_from(",= \\\"#'\n\t/{}öλ日😀"), st.characters(codec="utf-8")), max_size=12
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.builds(
    lambda m, tags, f, t, v: Row(m, tuple(sorted(tags.items())), f, t, v),
    NAMES,
    st.dictionaries(NAMES, SPICED, max_size=3),
    NAMES.filter(lambda n: not n.endswith("_ns")),
    st.integers(MIN_NS, MAX_NS),
    st.one_of(FLOATS, SPICED),
)

READINGS = st.builds(
    lambda f, t, v: Row("machine", (("machine", "m1"),), f, t, v),
    st.sampled_from(["x", "y"]),
    st.integers(1_795_000_000_000_000_000, 1_795_000_000_000_000_003),
    st.integers(-(10**9), 10**9).map(lambda n: n / 1000),
)


def parsed(line: str) -> Row:
    """A line of one field."""
    (row,) = fields_of(line)
    return row


def fields_of(line: str) -> list[Row]:
    """A line read by the grammar of InfluxDB's documentation, character by character."""
    at = 0

    def until(stops: str) -> str:
        nonlocal at
        out = ""
        while line[at] not in stops:
            if line[at] == "\\" and line[at + 1] in ",= ":
                at += 1
            out += line[at]
            at += 1
        return out

    measurement, tags = until(", "), {}
    while line[at] == ",":
        at += 1
        key = until("=")
        at += 1
        tags[key] = until(", ")
    found: list[tuple[str, float | int | str]] = []
    while not found or line[at] == ",":
        at += 1
        field = until("=")
        at += 1
        value: float | int | str
        if line[at] == '"':
            at, text = at + 1, ""
            while line[at] != '"':
                if line[at] == "\\" and line[at + 1] in '"\\':
                    at += 1
                text += line[at]
                at += 1
            at, value = at + 1, text
        else:
            number = until(", ")
            value = int(number[:-1]) if number.endswith("i") else float(number)
        found.append((field, value))
    assert line[at] == " "
    time_ns = int(line[at + 1 :])
    assert len({field for field, _ in found}) == len(found)
    return [Row(measurement, tuple(sorted(tags.items())), field, time_ns, value) for field, value in found]


@given(st.lists(ROWS, max_size=5))
@settings(max_examples=300, deadline=None)
def test_lines_parse_back_to_the_rows_they_were_made_of(rows: list[Row]) -> None:
    """Whatever is said is said exactly; whatever cannot be said is rejected, and nothing else is."""
    lines, said, rejected = encode(rows)
    assert [repr(parsed(line)) for line in lines] == [repr(Row(*row)) for row in said]
    assert len(said) + len(rejected) == len(rows)
    for row, _ in rejected:
        # Only a tag that InfluxDB has no way to hold is a reason.
        assert any(v == "" or "\\" in v or any(ord(c) < 32 or ord(c) == 127 for c in v) for _, v in row.tags)


@given(st.lists(st.one_of(ROWS, READINGS), max_size=12))
@settings(max_examples=400, deadline=None)
def test_a_frame_at_once_says_what_its_rows_say_one_by_one(rows: list[Row]) -> None:
    """The same rows, the same reasons; numbers first, and the rows of one series in their order."""
    body, odd = body_of(decode(frame_of(rows, [SAMPLE] * len(rows))))
    lines, said, rejected = encode(rows)
    assert not body or body.endswith(b"\n")
    found = [row for line in split(body.decode()) for row in fields_of(line)]
    assert Counter(map(repr, found)) == Counter(repr(parsed(line)) for line in lines)
    for series in {(row.measurement, row.tags, row.field, type(row.value)) for row in said}:
        in_order = [repr(r) for r in found if (r.measurement, r.tags, r.field, type(r.value)) == series]
        assert in_order == [
            repr(Row(*r)) for r in said if (r.measurement, r.tags, r.field, type(r.value)) == series
        ]
    assert [rows[place] for place in sorted(odd)] == [r.row for r in rejected]
    assert [odd[place] for place in sorted(odd)] == [r.reason for r in rejected]


def split(body: str) -> list[str]:
    """The lines of a body: a text may hold ends of lines of its own, between quotes."""
    lines, line, quoted, escaped = [], "", False, False
    for c in body:
        if c == "\n" and not quoted:
            lines.append(line)
            line = ""
            continue
        # Outside of a text a quote is one only where a value begins.
        if c == '"' and not escaped and (quoted or line.endswith("=")) and (quoted or _at_value(line)):
            quoted = not quoted
        escaped = c == "\\" and not escaped
        line += c
    return lines


def _at_value(line: str) -> bool:
    """Whether a line goes on with its value: after the one space that is not escaped."""
    return " " in line.replace("\\ ", "")


NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 5e-324, 1e11, 1e22, 2.0**53, 99999999999.999, 9999.9995, 1e15, -1e-6]),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.builds(lambda n, d: n / 10**d, st.integers(-(10**17), 10**17), st.integers(0, 9)),
    st.integers(-(10**12), 10**12).map(float),
    st.floats(),
)


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.integers(10**18, MAX_NS))
@settings(max_examples=400, deadline=None)
def test_every_number_of_a_frame_is_read_back_to_the_last_bit(numbers: list[float], time_ns: int) -> None:
    """However it is written: with a few decimals, or as Python does; what is none is told."""
    rows = [Row("machine", (("machine", "m1"),), "x", time_ns, value) for value in numbers]
    body, odd = body_of(decode(frame_of(rows, [SAMPLE] * len(rows))))
    found = [parsed(line) for line in body.decode().splitlines()]
    assert [repr(row.value) for row in found] == [repr(v) for v in numbers if math.isfinite(v)]
    assert {row.time_ns for row in found} <= {time_ns}
    assert set(odd) == {place for place, v in enumerate(numbers) if not math.isfinite(v)}


def test_readings_of_one_message_share_a_line() -> None:
    """Of one machine and time; another machine, another time or the same field again begins a new one."""
    one, other = (("machine", "m1"),), (("machine", "m2"),)
    t = 1_795_000_000_000_000_000
    rows = [Row("m", one, "a", t, 1.0), Row("m", one, "b", t, 2.5), Row("m", other, "a", t, 3.0)]
    rows += [
        Row("m", other, "b", t + 1, 4.0),
        Row("n", other, "b", t + 1, 5.0),
        Row("m", one, "a", t + 2, 6.0),
    ]
    body, _ = body_of(decode(frame_of(rows, [SAMPLE] * len(rows))))
    assert body.decode().splitlines() == [
        f"m,machine=m1 a=1,b=2.5 {t}", f"m,machine=m2 a=3 {t}", f"m,machine=m2 b=4 {t + 1}",
        f"n,machine=m2 b=5 {t + 1}", f"m,machine=m1 a=6 {t + 2}",
    ]  # fmt: skip
    again = [rows[0], rows[1], rows[0]._replace(value=7.0)]
    body, _ = body_of(decode(frame_of(again, [SAMPLE] * 3)))
    assert body.decode().splitlines() == [f"m,machine=m1 {x} {t}" for x in ("a=1", "b=2.5", "a=7")]


@pytest.mark.parametrize(
    "row",
    [
        Row("machine", (), "power", 1, math.nan),
        Row("machine", (), "power", 1, math.inf),
        Row("machine", (), "power", 2**63 - 1, 1.0),
        Row("machine", (), "time", 1, 1.0),
        Row("#machine", (), "power", 1, 1.0),
        Row("mach ine", (), "power", 1, 1.0),
        Row("machine", (), "power,x=1", 1, 1.0),
        Row("machine", (("a b", "x"),), "power", 1, 1.0),
        Row("machine", (("a", "x\\"),), "power", 1, 1.0),
        Row("machine", (("a", "x\ny"),), "power", 1, 1.0),
        Row("machine", (("a", ""),), "power", 1, 1.0),
        Row("machine", (), "x_text", 1, "\ud800"),
        Row("machine", (), "x_text", 1, "x" * 65_536),
    ],
)
def test_what_the_protocol_cannot_say_is_rejected(row: Row) -> None:
    """Nothing is bent to fit: it is told, with a reason."""
    lines, said, rejected = encode([row])
    assert (lines, said) == ([], [])
    assert [r.row for r in rejected] == [row]
    assert rejected[0].reason


def test_numbers_keep_their_kind() -> None:
    """A whole float stays a float, whatever Python calls it; only nanosecond bounds are integers."""
    rows = [Row("m", (), "a", 1, 5), Row("m", (), "a", 1, True), Row("m", (), "to_ns", 1, 5)]  # noqa: FBT003 - a value
    assert encode(rows)[0] == ["m a=5.0 1", "m a=1.0 1", "m to_ns=5i 1"]


@pytest.mark.service
@given(st.lists(ROWS.filter(lambda r: r.tags), min_size=1, max_size=8))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_real_influxdb_reads_back_what_was_written(influx_server: InfluxServer, rows: list[Row]) -> None:
    """Hostile values come back from the server as they were, in the series meant, and no other."""
    store = InfluxStore(
        influx_server.url, f"lab{uuid.uuid4().hex[:10]}", token=influx_server.token, org=influx_server.org
    )
    store.setup()
    typed = [  # one kind per field, and one measurement, so that no row can be in another's way
        r._replace(
            measurement="m", field="x_text" if isinstance(r.value, str) else "x", time_ns=r.time_ns // 10**6
        )
        for r in rows
    ]
    rejected = {r.row for r in store.write("raw", typed)}
    want = {(r.tags, r.field, r.time_ns): r.value for r in typed if r not in rejected}
    assert flat(store.read("raw", "m")) == want
    store.close()
