"""From a store's tables to one machine's readings: the only place that knows how raw data is laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from analytics.readings import Readings
from analytics.signals import NS, Times, all_finite, heartbeat_life, union
from analytics.view import COUNTERS
from fieldlab_configs import Machine, Site

BEATS_A_HEARTBEAT_LASTS = 2.5
_REACHES_NS = (3600 * NS, 86_400 * NS, None)
_SPANNING = frozenset({*COUNTERS, "energy", "power"})
_TEXT = "_text"

Row = tuple[str, tuple[tuple[str, str], ...], str, int, float | int | str]


class Table(Protocol):
    """One series as columns."""

    @property
    def tags(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def time_ns(self) -> Times: ...  # noqa: D102
    @property
    def columns(self) -> Mapping[str, npt.NDArray[np.generic]]: ...  # noqa: D102


class Source(Protocol):
    """What analytics asks of a store that it reads raw data from."""

    def read(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> Sequence[Table]:
        """Every series of a measurement in ``[start_ns, end_ns)``."""
        ...

    def last_before(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> Sequence[Row]:
        """The last row of every series and field strictly before a time."""
        ...

    def first_from(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> Sequence[Row]:
        """The first row of every series and field at or after a time."""
        ...


class _Gathering:
    """Readings collected from tables and carry-in rows, per signal."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[tuple[Times, npt.NDArray[np.generic]]]] = {}
        self.texts: dict[str, list[tuple[Times, npt.NDArray[np.generic]]]] = {}

    def add(self, field: str, time: Times, values: npt.NDArray[np.generic]) -> None:
        text = values.dtype == object
        if text:
            told = np.array([v is not None for v in values], dtype=bool)
        elif all_finite(values):
            told = None
        else:
            told = ~np.isnan(values.astype(float, copy=False))
        if told is not None and not told.all():
            time, values = time[told], values[told]
        if len(time):
            into = self.texts if text else self.numbers
            into.setdefault(field.removesuffix(_TEXT) if text else field, []).append((time, values))

    @staticmethod
    def joined(
        parts: dict[str, list[tuple[Times, npt.NDArray[np.generic]]]],
    ) -> dict[str, tuple[Times, npt.NDArray[np.generic]]]:
        return {
            name: found[0]
            if len(found) == 1
            else (np.concatenate([t for t, _ in found]), np.concatenate([v for _, v in found]))
            for name, found in parts.items()
        }


def state_readings(store: Source, site: Site, machine: Machine, start_ns: int, end_ns: int) -> Readings:
    """What the rules need to know of a machine that tells its state itself, for no more than that state.

    Parameters
    ----------
    store : Source
    site : Site
    machine : Machine
    start_ns, end_ns : int
        UTC nanoseconds.
    """
    return _readings(store, site, machine, (start_ns, end_ns), signal="state")


def readings(
    store: Source, site: Site, machine: Machine, start_ns: int | None = None, end_ns: int | None = None
) -> Readings:
    """Everything the rules need to know of one machine over a range.

    Parameters
    ----------
    store : Source
    site : Site
    machine : Machine
    start_ns, end_ns : int, optional
        The range; None: everything. Neighbouring readings on either side are brought along: a range
        only clips what is shown (MODEL section 1, Recompute).

    Returns
    -------
    Readings
    """
    return _readings(store, site, machine, neighbourhood(store, machine, start_ns, end_ns))


def _readings(
    store: Source,
    site: Site,
    machine: Machine,
    reach: tuple[int | None, int | None],
    signal: str | None = None,
) -> Readings:
    """Readings of a range, and what was in force when it began; of one signal where one is named."""
    low, high = reach
    where = {"machine": machine.id}
    fields = None if signal is None else (signal, signal + _TEXT)
    found, bad = _Gathering(), _Gathering()
    carried = store.last_before("raw", "machine", low, where=where) if low is not None else ()
    for _, _, name, time, value in carried:
        if fields is None or name in fields:
            found.add(name, np.array([time], np.int64), _one(value))
    for table in store.read("raw", "machine", start_ns=low, end_ns=high, where=where, fields=fields):
        for name, column in table.columns.items():
            found.add(name, table.time_ns, column)
    of_signal = where if signal is None else where | {"signal": signal}
    carried = store.last_before("raw", "quality", low, where=of_signal) if low is not None else ()
    for _, tags, name, time, value in carried:
        if name == "code":
            bad.add(dict(tags)["signal"], np.array([time], np.int64), _one(value))
    for table in store.read("raw", "quality", start_ns=low, end_ns=high, where=of_signal):
        if "code" in table.columns:
            bad.add(table.tags["signal"], table.time_ns, table.columns["code"])
    is_bad = {
        signal: (time, np.array([str(code)[:3].lower() == "bad" for code in codes], dtype=bool))
        for signal, (time, codes) in _Gathering.joined(bad.texts).items()
    }
    numbers = {
        name: (t, v.astype(float, copy=False)) for name, (t, v) in _Gathering.joined(found.numbers).items()
    }
    texts = {
        name: (t, v.astype(object, copy=False)) for name, (t, v) in _Gathering.joined(found.texts).items()
    }
    for name, known in machine.signals.items():
        for told in (numbers, texts):
            if known.since_ns is not None and name in told:
                since = told[name][0] >= known.since_ns
                told[name] = told[name][0][since], told[name][1][since]
    return Readings(numbers, texts, is_bad, _life(store, site, where, low, high))


def _one(value: float | str) -> npt.NDArray[np.generic]:
    return np.array([value], dtype=object if isinstance(value, str) else float)


def neighbourhood(
    store: Source, machine: Machine, start_ns: int | None, end_ns: int | None
) -> tuple[int | None, int | None]:
    """A range widened to every reading that its counts and energy depend on.

    An amount lies between two readings, and what a drop means is told by the levels on either side of
    it: so, per counter, register and power, back to the last reading of the level before the last, and
    on to the first of the second level after. Where the state is made from sampled power, the last stretch
    of it is known by the reading that ends it: so on to that one too, or the counts would be spread over
    more silence than there was.

    Parameters
    ----------
    store : Source
    machine : Machine
    start_ns, end_ns : int, optional
        None: without end.

    Returns
    -------
    start_ns, end_ns : int or None
    """
    low, high = start_ns, end_ns
    where = {"machine": machine.id}
    if start_ns is not None:
        before = latest(store.last_before("raw", "machine", start_ns, where=where))
        low = min([start_ns, *(level_edge(store, before[n], start_ns, -1) for n in _SPANNING & set(before))])
    if end_ns is not None:
        after = latest(store.first_from("raw", "machine", end_ns, where=where), first=True)
        high = max([end_ns, *(level_edge(store, after[n], end_ns, +1) + 1 for n in _SPANNING & set(after))])
        if high > end_ns and _state_from_sampled_power(machine):
            beyond = latest(store.first_from("raw", "machine", high, where=where), first=True)
            high = beyond["power"][3] + 1 if "power" in beyond else high
    return low, high


def _state_from_sampled_power(machine: Machine) -> bool:
    power = machine.signals.get("power")
    made = machine.states is not None and any(rule.from_power for _, rule in machine.states.entries)
    return made and power is not None and power.sampled


def latest(rows: Sequence[Row], *, first: bool = False) -> dict[str, Row]:
    """Of each field the last row, or the first: a machine that has moved has a series per line."""
    way = -1 if first else 1
    return {row[2]: row for row in sorted(rows, key=lambda row: way * row[3])}


def level_edge(store: Source, row: Row, time_ns: int, way: int) -> int:
    """The nearest reading, that way from `row`, that differs from it; `row` itself if none does."""
    for reach_ns in _REACHES_NS:
        far = None if reach_ns is None else row[3] + way * reach_ns
        start_ns, end_ns = (far, time_ns) if way < 0 else (time_ns, far)
        where = {"machine": dict(row[1])["machine"]}
        found = []
        for table in store.read(
            "raw", "machine", start_ns=start_ns, end_ns=end_ns, where=where, fields=[row[2]]
        ):
            if row[2] in table.columns:
                column = table.columns[row[2]].astype(float)
                differs = np.flatnonzero(~np.isnan(column) & (column != row[4]))
                if len(differs):
                    found.append(int(table.time_ns[differs[-1 if way < 0 else 0]]))
        if found:
            return max(found) if way < 0 else min(found)
    return row[3]


def _life(
    store: Source, site: Site, where: Mapping[str, str], low: int | None, high: int | None
) -> dict[str, tuple[Times, Times]] | None:
    """When each source's link was up, over all gateways; None where nothing was ever said of a link."""
    lasts_ns = round(site.heartbeat_s * BEATS_A_HEARTBEAT_LASTS * NS)
    begin = None if low is None else low - lasts_ns
    spans: dict[str, list[tuple[Times, Times]]] = {}
    spoken = False
    for table in store.read("raw", "link", start_ns=begin, end_ns=high, where=where):
        up = table.columns["up"].astype(float)
        source = table.tags.get("source", "none")
        spans.setdefault("*" if source == "none" else source, []).append(
            heartbeat_life(table.time_ns, up, lasts_ns)
        )
        spoken = True
    if not spoken and begin is not None:
        spoken = bool(store.last_before("raw", "link", begin, where=where))
    if not spoken and high is not None:
        spoken = bool(store.first_from("raw", "link", high, where=where))
    if not spoken:
        return None
    return {
        source: union(np.concatenate([s for s, _ in found]), np.concatenate([e for _, e in found]))
        for source, found in spans.items()
    }
