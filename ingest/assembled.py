"""What samples became, as columns, until it goes into the spool as batches."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingest.account import DeadLetter
from ingest.batches import Batch
from ingest.columns import Kind, kind_of_field
from ingest.frames import PLAIN, REPLACES, SAMPLE, encode_columns
from ingest.store import Row, Tags

BATCH_ROWS: Final = 5000
"""At most so many rows in one batch of the spool."""

KindOfSeries = tuple[str, Tags, str, Kind]
"""Measurement, tags, field, and what the field holds."""


class Numbers:
    """A number for each series, given at first sight."""

    def __init__(self) -> None:
        self.series: list[KindOfSeries] = []
        self._known: dict[KindOfSeries, int] = {}

    def of(self, measurement: str, tags: Tags, name: str, kind: Kind = "f") -> int:
        """The number of a series."""
        key = measurement, tags, name, kind
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.series)
            self.series.append(key)
        return number


@dataclass(slots=True)
class Assembled:
    """Rows as columns, all of the same length.

    Attributes
    ----------
    numbers : Numbers
    index : array of uint32
        The series of each row.
    times : array of int64
    values : array of float64
        Numbers; 0 where there is a text.
    marks : bytearray
        Per row, see :mod:`ingest.frames`.
    texts : dict of int to str
        By the place of the row.
    samples, replaced : int
        How many samples are in here (some write no row), how many replace an earlier one.
    dead : list of DeadLetter
    """

    numbers: Numbers
    index: array[int] = field(default_factory=lambda: array("I"))
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    marks: bytearray = field(default_factory=bytearray)
    texts: dict[int, str] = field(default_factory=dict)
    samples: int = 0
    replaced: int = 0
    dead: list[DeadLetter] = field(default_factory=list)

    def add(self, row: Row, mark: int = PLAIN) -> None:
        """One more row, of a float or a text."""
        measurement, tags, name, time_ns, value = row
        if isinstance(value, str):
            self.texts[len(self.index)] = value
            value = 0.0
            kind: Kind = "s"
        else:
            kind = kind_of_field(name, value)
        if kind == "i":
            raise TypeError(f"{name}: no sample holds a bound in nanoseconds")
        self.index.append(self.numbers.of(measurement, tags, name, kind))
        self.times.append(time_ns)
        self.values.append(value)
        self.marks.append(mark)

    def batches(self) -> list[Batch]:
        """All of it as batches of the spool; samples that write no row are counted with the first."""
        if not self.samples and not self.index:
            return []
        found = []
        samples, replaced = self.samples, self.replaced
        for begin in reversed(range(0, max(len(self.index), 1), BATCH_ROWS)):
            marks = self.marks[begin : begin + BATCH_ROWS]
            replacing = marks.count(REPLACES)
            counted = replacing + marks.count(SAMPLE)
            if begin == 0:
                counted, replacing = samples, replaced
            found.append(self._batch(begin, bytes(marks), counted, replacing))
            samples, replaced = samples - counted, replaced - replacing
        return found[::-1]

    def _batch(self, begin: int, marks: bytes, counted: int, replacing: int) -> Batch:
        end = begin + len(marks)
        time_ns = np.array(self.times[begin:end], np.int64)
        bits = np.array(self.values[begin:end], np.float64).view(np.uint64)
        texts: dict[str, int] = {}
        if self.texts:
            for place, text in self.texts.items():
                if begin <= place < end:
                    bits[place - begin] = texts.setdefault(text, len(texts))
        # Only the series that these rows are of, numbered anew.
        index = np.array(self.index[begin:end], np.uint32)
        used = np.bincount(index, minlength=len(self.numbers.series)) > 0
        series = [self.numbers.series[number] for number in np.flatnonzero(used).tolist()]
        index = (np.cumsum(used, dtype=np.uint32) - np.uint32(1))[index]
        payload = encode_columns(series, index, marks, time_ns, bits, list(texts))
        first, last = (int(time_ns.min()), int(time_ns.max())) if len(time_ns) else (0, 0)
        return Batch(counted, replacing, first, last, payload)
