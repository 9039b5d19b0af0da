"""Recordings of random plants, fed row by row into a store in memory."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

from ingest.rows import Untypable, field_of, is_bad, typed

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def nanoseconds(text):
    """RFC 3339 or integer nanoseconds, exactly."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    whole, fraction, offset = re.fullmatch(r"(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text).groups()
    moment = dt.datetime.fromisoformat(whole + offset.replace("Z", "+00:00")) - EPOCH
    return (moment.days * 86_400 + moment.seconds) * 10**9 + int((fraction or "0").ljust(9, "0")[:9])


def samples(csv_text):
    """``(time_ns, machine, signal, value or None for Bad)`` of every row that is not a dead letter."""
    for row in csv.DictReader(io.StringIO(csv_text)):
        time = nanoseconds(row["time"])
        if is_bad(row.get("quality") or "") or row["value"] == "UNAVAILABLE":
            yield time, row["machine"], row["signal"], None
            continue
        value = row["value"]
        try:
            value = typed(row["signal"], value)
            if row["signal"] == "state" and re.fullmatch(r"\d+(\.\d+)?", str(value)):
                value = float(value)
        except Untypable:
            continue
        yield time, row["machine"], row["signal"], value


def write(store, time, machine, signal, value):
    """One sample as the rows a gateway would write; the later arrival wins, whatever its type."""
    if signal == "link":
        tags = (("fieldlab", "lab"), ("gateway", "g"), ("machine", machine), ("source", "none"))
        store.write("raw", [("link", tags, "up", time, value)])
        return
    tags = (("fieldlab", "lab"), ("line", "any"), ("machine", machine))
    for field in (signal, f"{signal}_text"):
        store.rows.pop(("raw", "machine", tags, field, time), None)
    quality = "bad" if value is None else "good"
    rows = [("quality", (*tags, ("signal", signal)), "code", time, quality)]
    if value is not None:
        rows.append(("machine", tags, field_of(signal, value), time, value))
    store.write("raw", rows)


def deliver(store, number, machine, times):
    """The delivery note of a batch."""
    tags = (("fieldlab", "lab"), ("gateway", "g"), ("machine", machine))
    rows = [("from_ns", min(times)), ("to_ns", max(times) + 1), ("samples", float(len(times)))]
    store.write("raw", [("delivery", tags, field, number, value) for field, value in rows])
