"""Encoding to line protocol: ours, beside influxdb-client's Point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from benchmarks.readings import rows
from benchmarks.rows import Budget, Row, rate
from ingest import frames
from ingest.frame_lines import body_of
from ingest.frames import SAMPLE, decode
from ingest.line_protocol import encode

BATCH = 5000
POINT: Any = Point  # the library is not typed


def measure() -> list[Row]:
    """Batches of 5,000 values of 36 series to encoded bytes; what they say is compared first."""
    batch = rows(BATCH)
    frame = decode(frames.encode(batch, [SAMPLE] * BATCH))

    def from_columns() -> bytes:
        body, odd = body_of(frame)
        if odd:
            raise RuntimeError(f"the encoder refused {odd}")
        return body

    def from_rows() -> bytes:
        lines, _, rejected = encode(batch)
        if rejected:
            raise RuntimeError(f"the encoder refused {rejected[0]}")
        return "\n".join(lines).encode()

    def theirs() -> bytes:
        lines = []
        for measurement, tags, field, time_ns, value in batch:
            point = POINT(measurement)
            for name, text in tags:
                point.tag(name, text)
            point.field(field, value).time(time_ns, WritePrecision.NS)
            lines.append(point.to_line_protocol())
        return "\n".join(lines).encode()

    said = parsed(theirs())
    if parsed(from_columns()) != said or parsed(from_rows()) != said:
        raise RuntimeError("the encoders do not say the same")
    columns, ours, peer = map(_rate, (from_columns, from_rows, theirs))
    told = f"influxdb-client's Point: {peer:,.0f} values/s"
    return [
        Row(
            "encoding to line protocol, from columns, as gateways do",
            columns,
            "values/s",
            told,
            columns / peer,
            Budget("ratio", "least", 10),
        ),
        Row("the same, row by row", ours, "values/s", told, ours / peer),
    ]


def _rate(work: Callable[[], bytes]) -> float:
    return rate(lambda: len(work()) and BATCH)


def parsed(text: bytes) -> list[tuple[bytes, bytes, bytes, float]]:
    """Series, time, field and value, sorted: values may share lines, and numbers be written anyhow."""
    found = []
    for line in text.strip().split(b"\n"):
        series, pairs, time = line.split(b" ")
        for pair in pairs.split(b","):
            field, _, value = pair.partition(b"=")
            found.append((series, time, field, float(value)))
    return sorted(found)
