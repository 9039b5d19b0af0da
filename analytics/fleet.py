"""Atoms of many machines in one call, from ragged arrays: readings in, atoms out, no store between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analytics import query
from analytics.fetch import Row
from analytics.fields import ATOM_FIELDS
from analytics.signals import Floats, Ints, Times
from fieldlab_configs import Site


@dataclass(frozen=True, slots=True)
class Ragged:
    """Readings of many series, one after the other.

    Attributes
    ----------
    series : sequence of (str, str)
        Machine and signal of each of k series; a signal may come more than once.
    offsets : ndarray of int64, shape (k + 1,)
        Series ``i`` is ``[offsets[i]:offsets[i + 1]]``; may be empty.
    time_ns : ndarray of int64, shape (n,)
        UTC nanoseconds, in any order within a series: of equal times the later arrival wins.
    value : ndarray of float64 or of object, shape (n,)
        Numbers, NaN where there is none; or texts.
    """

    series: Sequence[tuple[str, str]]
    offsets: Ints
    time_ns: Times
    value: npt.NDArray[np.generic]

    def check(self, site: Site) -> None:
        """Raise ValueError where the arrays do not fit together, or name what the site does not have."""
        if len(self.time_ns) != len(self.value):
            raise ValueError(f"time_ns has {len(self.time_ns)} entries and value {len(self.value)}")
        if len(self.offsets) != len(self.series) + 1:
            raise ValueError(
                f"offsets has {len(self.offsets)} entries; {len(self.series)} series need one more than that"
            )
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.time_ns) or (np.diff(self.offsets) < 0).any():
            raise ValueError(f"offsets must ascend from 0 to the {len(self.time_ns)} readings")
        if self.time_ns.dtype != np.int64:
            raise ValueError(f"time_ns is {self.time_ns.dtype}; it must be int64 nanoseconds")
        known = {m.id: m for m in site.machines()}
        for machine, signal in self.series:
            if machine not in known:
                raise ValueError(f'series: there is no machine "{machine}" in the config')
            if signal not in known[machine].signals:
                raise ValueError(f'series: machine "{machine}" has no signal "{signal}" in the config')


@dataclass(frozen=True, slots=True)
class Atoms:
    """Atoms of many machines, one machine after the other.

    Attributes
    ----------
    machines : list of str
        In the order of the config.
    offsets : ndarray of int64, shape (len(machines) + 1,)
        Those of machine ``i`` are ``[offsets[i]:offsets[i + 1]]``.
    cell_ns : ndarray of int64, shape (n,)
    line, shift, product : ndarray of object, shape (n,)
    values : ndarray of float64, shape (n, len(ATOM_FIELDS))
        In the order of :data:`analytics.fields.ATOM_FIELDS`; NaN: undefined.
    """

    machines: list[str]
    offsets: Ints
    cell_ns: Times
    line: npt.NDArray[np.object_]
    shift: npt.NDArray[np.object_]
    product: npt.NDArray[np.object_]
    values: Floats

    def column(self, name: str) -> Floats:
        """One field of all atoms; shape (n,)."""
        return self.values[:, ATOM_FIELDS.index(name)]


def atoms(site: Site, *readings: Ragged, start_ns: int, end_ns: int) -> Atoms:
    """Atoms of every machine of a site over ``[start_ns, end_ns)``.

    Parameters
    ----------
    site : Site
    *readings : Ragged
        Numbers and texts each in one of their own. What lies outside the range still gives state, product
        and counter base. Machines count as live throughout.
    start_ns, end_ns : int
        UTC nanoseconds.

    Returns
    -------
    Atoms

    Raises
    ------
    ValueError
        If arrays do not fit together, a series is not in the config, or the range is backwards.
    """
    for ragged in readings:
        ragged.check(site)
    if end_ns < start_ns:
        raise ValueError(f"the range ends ({end_ns}) before it starts ({start_ns})")
    made = query.compute(site, _Arrays(readings), start_ns=start_ns, end_ns=end_ns, whole=True)
    found = [result.fragments for result in made.results.values()]
    return Atoms(
        machines=[f.machine for f in found],
        offsets=np.concatenate(([0], np.cumsum([len(f.cell_ns) for f in found]))).astype(np.int64),
        cell_ns=np.concatenate([f.cell_ns for f in found]),
        line=np.concatenate([f.line for f in found]),
        shift=np.concatenate([f.shift for f in found]),
        product=np.concatenate([f.product for f in found]),
        values=np.concatenate([f.values for f in found]),
    )


@dataclass(frozen=True, slots=True)
class _Series:
    tags: Mapping[str, str]
    time_ns: Times
    columns: Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Ragged arrays as analytics asks a store, always for everything."""

    readings: Sequence[Ragged]
    _places: dict[str, list[tuple[str, Ragged, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for ragged in self.readings:
            for place, (machine, signal) in enumerate(ragged.series):
                self._places.setdefault(machine, []).append((signal, ragged, place))

    def read(
        self,
        bucket: str,
        measurement: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        where: Mapping[str, str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> list[_Series]:
        """The series of one machine."""
        del start_ns, end_ns, fields
        if (bucket, measurement) != ("raw", "machine") or where is None:
            return []
        found = []
        for signal, ragged, place in self._places.get(where["machine"], []):
            part = slice(int(ragged.offsets[place]), int(ragged.offsets[place + 1]))
            found.append(_Series(where, ragged.time_ns[part], {signal: ragged.value[part]}))
        return found

    def last_before(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Nothing: all there is has been read."""
        del bucket, measurement, time_ns, where
        return []

    def first_from(
        self, bucket: str, measurement: str, time_ns: int, *, where: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Nothing: all there is has been read."""
        del bucket, measurement, time_ns, where
        return []
