"""Encoding to line protocol: ours, beside influxdb-client's Point."""

from __future__ import annotations

from typing import Any

from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from benchmarks.readings import rows
from benchmarks.rows import Budget, Row, rate
from ingest.line_protocol import encode

BATCH = 5000
POINT: Any = Point  # the library is not typed


def measure() -> list[Row]:
    """Batches of 5,000 values of 36 series to encoded bytes, both ways; the bytes are compared first."""
    batch = rows(BATCH)

    def ours() -> bytes:
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

    if parsed(ours()) != parsed(theirs()):
        raise RuntimeError("the two encoders do not say the same")
    value, peer = rate(lambda: len(ours()) and BATCH), rate(lambda: len(theirs()) and BATCH)
    return [
        Row(
            "encoding to line protocol",
            value,
            "values/s",
            f"influxdb-client's Point: {peer:,.0f} values/s",
            value / peer,
            Budget("ratio", "least", 10),
        )
    ]


def parsed(text: bytes) -> list[tuple[bytes, bytes, float, bytes]]:
    """Series, field, value and time of each line: numbers may be written in more than one way."""
    found = []
    for line in text.split(b"\n"):
        series, pair, time = line.split(b" ")
        field, _, value = pair.partition(b"=")
        found.append((series, field, float(value), time))
    return found
