"""What recordings hold, as columns: rows sorted by machine and signal, typed, the later of equal times."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldlab_configs import Site
from ingest.columns import Column, Times, settle
from ingest.errors import RecordingError
from ingest.recording_files import read_file
from ingest.recording_raw import DeadLine, Raw
from ingest.rows import LINK, MachineSeries, Untypable, field_of, is_bad, quality_code, typed, untyped, wants
from ingest.samples import Clock

UNAVAILABLE = "UNAVAILABLE"
"""MTConnect's word for: nobody knows. In any signal it is a Bad row."""
_CLOCK: Clock = "source"
_DEAD_KEPT = 10_000
_NAMED = 10
_BAD, _NUMBER, _TEXT, _DEAD = range(4)
_Group = list[tuple[Raw, npt.NDArray[np.intp]]]
"""Parts of files that belong to one signal, in the order of arrival."""


class Reading:
    """The content of recordings, as columns."""

    def __init__(self, site: Site, inputs: Sequence[tuple[str | None, Path]]) -> None:
        self.columns: dict[str, list[Column]] = defaultdict(list)
        self.dead: list[DeadLine] = []
        self.said: list[str] = []
        self.dead_by_reason: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[str] = Counter()
        self.machines: set[str] = set()
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._series = {m.id: MachineSeries.of(site, m) for m in site.machines()}
        items: dict[str, dict[str, list[str]]] = {m.id: defaultdict(list) for m in site.machines()}
        for machine in site.machines():
            for name, signal in machine.signals.items():
                if signal.item:
                    items[machine.id][signal.item].append(name)
        groups: dict[tuple[str, str], _Group] = defaultdict(list)
        for asked, path in inputs:
            with uncollected():
                raw = read_file(path, asked, items)
            for dead in raw.dead:
                self._bury(path, dead)
            self.said += raw.said
            self._sort_out(raw, asked, groups)
        for (machine_id, signal_name), parts in groups.items():
            self._add(self._series[machine_id], signal_name, parts)
        if self.first_ns is None and inputs:
            files = ", ".join(str(path) for _, path in inputs)
            first = (
                f"; the first problem is at {self.dead[0].where}: {self.dead[0].reason}" if self.dead else ""
            )
            found = sorted(self.unknown)
            told = f", but {', '.join(found[:_NAMED])}" + (" and more" if len(found) > _NAMED else "")
            raise RecordingError(
                f"{files}: no sample of any signal in the configuration{told if found else ''}{first}"
            )

    def _bury(self, path: Path, dead: DeadLine) -> None:
        self.dead_by_reason[dead.reason, str(path)] += 1
        if len(self.dead) < _DEAD_KEPT:
            self.dead.append(dead)

    def _sort_out(self, raw: Raw, asked: str | None, groups: dict[tuple[str, str], _Group]) -> None:
        """One file's rows by machine and signal."""
        index: dict[tuple[str, str | None], int] = {}
        pairs = zip(raw.machines, raw.signals, strict=True)
        codes = np.fromiter((index.setdefault(pair, len(index)) for pair in pairs), np.intp, len(raw.time_ns))
        order = np.argsort(codes, kind="stable")
        parts = np.split(order, np.searchsorted(codes[order], np.arange(1, len(index))))
        seen = False
        for (machine, signal), part in zip(index, parts, strict=False):
            series = self._series.get(machine)
            if asked is not None and machine != asked:
                continue
            if series is None:
                self.unknown[f"{raw.path}: machine {machine!r}"] += len(part)
                continue
            seen = True
            if signal is None or not series.knows(signal):
                if signal is not None:
                    self.unknown[f"{raw.path}: signal {signal!r} of machine {machine}"] += len(part)
                continue
            groups[machine, signal].append((raw, part))
        if not seen:
            self._nothing(raw, asked)

    def _nothing(self, raw: Raw, asked: str | None) -> None:
        names = sorted(set(raw.machines))
        if not names:
            first = f": {raw.dead[0].where}: {raw.dead[0].reason}" if raw.dead else ""
            raise RecordingError(f"{raw.path} holds no row that can be read{first}")
        known = asked or ", ".join(self._series) or "none"
        raise RecordingError(
            f"{raw.path} holds nothing of machine {known}, but of {', '.join(names[:10])}:"
            " name them in the configuration, or give another file"
        )

    def _reach(self, machine: str, time_ns: Times) -> None:
        if len(time_ns):
            low, high = int(time_ns.min()), int(time_ns.max())
            self.first_ns = low if self.first_ns is None else min(self.first_ns, low)
            self.last_ns = high if self.last_ns is None else max(self.last_ns, high)
            self.machines.add(machine)

    def _add(self, series: MachineSeries, signal: str, parts: _Group) -> None:
        """One signal's rows as columns: typed, the later of equal times, quality on change."""
        found = [(raw.time_ns[part], *self._typed(signal, raw, part)) for raw, part in parts]
        times, values, codes, kinds = (np.concatenate(column) for column in zip(*found, strict=True))
        alive = np.flatnonzero(kinds != _DEAD)
        time, places = settle(times[alive], alive)
        value, code, kind = values[places], codes[places], kinds[places]
        self._reach(series.machine, time)
        if signal == LINK:
            up = np.where(kind == _BAD, 0.0, np.where(kind == _BAD, 0.0, value) != 0).astype(float)
            self._put("link", Column(series.link_tags(), "up", time, up))
            return
        changed = np.append(True, code[1:] != code[:-1])[: len(code)]
        clocks = np.full(len(code), _CLOCK, dtype=object)
        for line, era in _eras(series, time):
            when = era & changed
            tags = series.quality_tags(line, signal)
            self._put("quality", Column(tags, "code", time[when], code[when]))
            self._put("quality", Column(tags, "clock", time[when], clocks[when]))
            numbers, texts = era & (kind == _NUMBER), era & (kind == _TEXT)
            tags = series.tags(line)
            self._put(
                "machine", Column(tags, field_of(signal, 0.0), time[numbers], value[numbers].astype(float))
            )
            self._put("machine", Column(tags, field_of(signal, ""), time[texts], value[texts]))

    def _put(self, measurement: str, column: Column) -> None:
        if len(column.time_ns):
            self.columns[measurement].append(column)

    def _typed(
        self, signal: str, raw: Raw, part: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.int8]]:
        """Values, quality codes, and what each row is: bad, number, text or dead."""
        values, said = raw.values[part], raw.qualities[part]
        codes, bad = said.copy(), np.zeros(len(part), dtype=bool)
        for quality in set(said.tolist()):
            here = said == quality
            code = quality_code(str(quality))
            codes[here] = code
            bad |= here & is_bad(code)
        absent = (values == UNAVAILABLE) & ~bad
        codes[absent] = "bad"
        bad |= absent
        kinds = np.where(bad, _BAD, _NUMBER).astype(np.int8)
        told = np.flatnonzero(~bad)
        whole = _all_numbers(signal, values[told])
        if whole is not None:
            values[told] = whole
            return values, codes, kinds
        for i, value in zip(told.tolist(), values[told].tolist(), strict=True):
            try:
                values[i] = _value(signal, value)
                kinds[i] = _TEXT if isinstance(values[i], str) else _NUMBER
            except Untypable as error:
                kinds[i] = _DEAD
                where = f"{raw.path}:{raw.lines[part[i]]}"
                self._bury(raw.path, DeadLine(f"{signal}: {error.kind}", where, str(value or "")[:100]))
        return values, codes, kinds


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking, again and again, through millions of rows being made."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _value(signal: str, value: float | str | None) -> float | str:
    if value is None or value == "":
        raise Untypable("no value", kind="no value, and no Bad quality")
    if isinstance(value, str) and wants(signal) == "either":
        value = untyped(value)
    return typed(signal, value)


def _all_numbers(signal: str, values: npt.NDArray[np.object_]) -> npt.NDArray[np.float64] | None:
    """All values at once where all are plain numbers and may be; None where they need a closer look."""
    if wants(signal) == "text":
        return None
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        return None
    # What float() takes and typed() does not: underscores, and digits of other scripts.
    texts = "".join(v for v in values.tolist() if isinstance(v, str))
    plain = texts.isascii() and "_" not in texts
    return numbers if plain and bool(np.isfinite(numbers).all()) else None


def _eras(series: MachineSeries, time: Times) -> Iterable[tuple[str, npt.NDArray[np.bool_]]]:
    """Per line that the machine stood in, which of the times."""
    edges = series.line.edges
    if not edges:
        return [(series.line.latest, np.ones(len(time), dtype=bool))]
    place = np.searchsorted(np.array(edges, np.int64), time, side="right")
    lines = [line for _, line in series.line.entries]
    return [
        (line, np.isin(place, [i for i, at in enumerate(lines) if at == line]))
        for line in dict.fromkeys(lines)
    ]
