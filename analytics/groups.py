"""Grouping: atoms of many machines summed by any mix of keys (MODEL section 7, ``--by``)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from analytics.atoms import Fragments, pick
from analytics.fields import ATOM_FIELDS, MEASURED_FIELDS
from analytics.kpis import of_group, of_machine
from analytics.schedule import local_date
from analytics.signals import NS, Floats
from fieldlab_configs import Site

KEYS: Final = (
    "machine", "line", "shift", "shift_date", "day", "hour", "cell", "product", "order", "experiment", "arm",
)  # fmt: skip
CELL_KEYS: Final = frozenset({"cell", "hour", "day", "experiment", "arm"})
"""Keys that are told from the cell of an atom."""
_HOUR_NS = 3600 * NS
_MEASURED = np.array([name in MEASURED_FIELDS for name in ATOM_FIELDS])
_CALENDAR = ATOM_FIELDS.index("calendar_time_s")

Row = dict[str, str | float | list[str] | None]


def group(site: Site, fragments: Sequence[Fragments], by: Sequence[str]) -> list[Row]:
    """Rows of keys, summed fields and KPIs, in the order of the site and of time.

    Parameters
    ----------
    site : Site
    fragments : sequence of Fragments
    by : sequence of str
        Any of `KEYS`; empty: one total.

    Returns
    -------
    list of dict
        The keys of `by`, every atom field, every KPI, and `flags`; undefined is None.

    Raises
    ------
    ValueError
        If a key is not one of `KEYS`.
    """
    keys, index, values = keyed(site, fragments, by)
    rows: list[Row] = []
    for key, total in zip(keys, add(index, values, len(keys)), strict=True):
        named = dict(zip(ATOM_FIELDS, total.tolist(), strict=True))
        finer = "machine" in by
        kpis = of_machine(named, site.convention) if finer else of_group(named, site.convention)
        row: Row = dict(zip(by, key, strict=True))
        row |= {name: _plain(name, value) for name, value in (named | kpis).items()}
        row["flags"] = _flags(kpis)
        rows.append(row)
    return rows


def keyed(
    site: Site, fragments: Sequence[Fragments], by: Sequence[str]
) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int64], Floats]:
    """Which group each atom belongs to.

    Parameters
    ----------
    site : Site
    fragments : sequence of Fragments
    by : sequence of str

    Returns
    -------
    keys : list of tuple of str
        Of each group, in the order of the site and of time.
    index : ndarray of int64, shape (n,)
        The group of each atom that holds.
    values : ndarray of float64, shape (n, len(ATOM_FIELDS))
        Those atoms; in a grouping by experiment one may come twice.

    Raises
    ------
    ValueError
        If a key is not one of `KEYS`.
    """
    columns, values = labelled(site, fragments, by)
    some = values[:, _CALENDAR] > 0  # overwritten with zeros: no longer holds
    values = values[some]
    spelled = list(zip(*(c[some] for c in columns), strict=True)) if by else [()] * len(values)
    distinct = in_order(site, by, set(spelled))
    position = {key: i for i, key in enumerate(distinct)}
    index = np.fromiter((position[k] for k in spelled), np.int64, len(spelled))
    return distinct, index, values


def labelled(
    site: Site, fragments: Sequence[Fragments], by: Sequence[str]
) -> tuple[list[npt.NDArray[np.object_]], Floats]:
    """A column of labels for each key of `by`, and the values that they belong to."""
    found = _labelled(site, fragments, by)
    if not found:
        return [np.empty(0, object) for _ in by], np.empty((0, len(ATOM_FIELDS)))
    columns = [np.concatenate([labels[i] for _, labels in found]) for i in range(len(by))]
    return columns, np.concatenate([f.values for f, _ in found])


def split(site: Site, f: Fragments, by: Sequence[str]) -> dict[tuple[str, ...], list[Fragments]]:
    """A machine's atoms by group, in the order of the site and of time; of two experiments, in both."""
    parts: dict[tuple[str, ...], list[Fragments]] = {}
    for each, labels in _labelled(site, [f], by):
        spelled = list(zip(*labels, strict=True)) if by else [()] * len(each.cell_ns)
        position = {key: i for i, key in enumerate(dict.fromkeys(spelled))}
        index = np.fromiter((position[key] for key in spelled), np.int64, len(spelled))
        for key, i in position.items():
            parts.setdefault(key, []).append(pick(each, index == i))
    return {key: parts[key] for key in in_order(site, by, parts)}


def keys_of(site: Site, f: Fragments, by: Sequence[str]) -> list[list[tuple[str, ...]]]:
    """The groups that each of a machine's atoms lies in: of experiments none, or more than one."""
    found: list[dict[tuple[str, ...], None]] = [{} for _ in f.cell_ns]
    # Its number stands for an atom's values, and so tells which of them a label belongs to.
    numbered = replace(f, values=np.arange(len(found), dtype=float)[:, None])
    for each, labels in _labelled(site, [numbered], by):
        spelled = zip(*labels, strict=True) if by else [()] * len(each.cell_ns)
        for number, key in zip(each.values[:, 0].astype(int).tolist(), spelled, strict=True):
            found[number][key] = None
    return [list(keys) for keys in found]


def _labelled(
    site: Site, fragments: Sequence[Fragments], by: Sequence[str]
) -> list[tuple[Fragments, list[npt.NDArray[np.object_]]]]:
    """Atoms, and for each key of `by` a column of labels of them."""
    for key in by:
        if key not in KEYS:
            raise ValueError(f"--by {key}: there is no such group; choose from {', '.join(KEYS)}")
    labels: list[dict[str, npt.NDArray[np.object_]]] = [{} for _ in fragments]
    if "experiment" in by or "arm" in by:
        fragments, labels = _by_experiment(site, fragments, by)
    return [
        (f, [known[k] if k in known else _column(site, f, k) for k in by])
        for f, known in zip(fragments, labels, strict=True)
    ]


def _by_experiment(
    site: Site, fragments: Sequence[Fragments], by: Sequence[str]
) -> tuple[list[Fragments], list[dict[str, npt.NDArray[np.object_]]]]:
    """Fragments inside each arm's windows; one that lies in two experiments counts in both."""
    found: list[Fragments] = []
    labels: list[dict[str, npt.NDArray[np.object_]]] = []
    for experiment in site.experiments:
        for arm, windows in experiment.arms.items():
            for f in fragments:
                if f.machine not in experiment.machines:
                    continue
                inside = np.zeros(len(f.cell_ns), dtype=bool)
                for w in windows:
                    inside |= (f.cell_ns >= w.start_ns) & (f.cell_ns < w.end_ns)
                found.append(pick(f, inside))
                n = int(inside.sum())
                label = {"experiment": experiment.id, "arm": arm}
                labels.append({k: np.full(n, label[k], dtype=object) for k in by if k in label})
    return found, labels


def _column(site: Site, f: Fragments, key: str) -> npt.NDArray[np.object_]:
    if key == "machine":
        return np.full(len(f.cell_ns), f.machine, dtype=object)
    if key == "hour":
        return _spelled(f.cell_ns // _HOUR_NS, lambda hour: _rfc3339(hour * _HOUR_NS))
    if key == "cell":
        return _spelled(f.cell_ns, _rfc3339)
    if key == "day":
        return local_days(site, f.cell_ns)
    column: npt.NDArray[np.object_] = getattr(f, key)
    return column


def local_days(site: Site, cell_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """The local date of each cell."""
    # Cells divide a quarter of an hour, and so does every zone's offset: no cell spans two days.
    quarter_ns = 900 * NS

    def day(quarter: int) -> str:
        time_ns = quarter * quarter_ns
        return local_date(time_ns, ZoneInfo(site.timezone.at(time_ns))).isoformat()

    return _spelled(cell_ns // quarter_ns, day)


def _spelled(index: npt.NDArray[np.int64], spell: Callable[[int], str]) -> npt.NDArray[np.object_]:
    """The text of each index, worked out once per distinct one."""
    distinct, inverse = np.unique(index, return_inverse=True)
    names = np.empty(len(distinct), dtype=object)
    names[:] = [spell(int(i)) for i in distinct]
    spelled: npt.NDArray[np.object_] = names[inverse]
    return spelled


def _rfc3339(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // NS, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def add(index: npt.NDArray[np.int64], values: Floats, size: int) -> Floats:
    """Sum rows of atoms into groups.

    Parameters
    ----------
    index : ndarray of int64, shape (n,)
        Group of each row.
    values : ndarray of float64, shape (n, len(ATOM_FIELDS))
    size : int
        Number of groups.

    Returns
    -------
    ndarray of float64, shape (size, len(ATOM_FIELDS))
        What is measured by some (energy, material, rework) is summed over those; every other
        undefined field makes its sum undefined.
    """
    sums = np.empty((size, values.shape[1]))
    for i in range(values.shape[1]):
        column = values[:, i]
        if _MEASURED[i]:
            told = ~np.isnan(column)
            total = np.bincount(index[told], weights=column[told], minlength=size)
            tellers = np.bincount(index[told], minlength=size)
            sums[:, i] = np.where(tellers > 0, total, np.nan)
        else:
            sums[:, i] = np.bincount(index, weights=column, minlength=size)
    return sums


def in_order(site: Site, by: Sequence[str], keys: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Machines and lines in the order of the file, everything else by its text."""
    order = {
        "machine": {m.id: i for i, m in enumerate(site.machines())},
        "line": {line.id: i for i, line in enumerate(site.lines)},
    }

    def rank(key: tuple[str, ...]) -> list[tuple[int, str]]:
        return [(order.get(name, {}).get(part, 0), str(part)) for name, part in zip(by, key, strict=True)]

    return sorted(keys, key=rank)


def _plain(name: str, value: float) -> float | None:
    """A number for people and JSON: undefined is None, and the dust of adding floats is swept off.

    Counts and seconds are told to nine decimals, all else to twelve digits: far below what is measured,
    and one figure then is the same however its atoms were added.
    """
    if math.isnan(value) or math.isinf(value):
        return None
    if name.endswith(("_quantity", "_s")):
        return round(value, 9) + 0.0
    return float(f"{value:.12g}") + 0.0


def _flags(kpis: dict[str, float]) -> list[str]:
    """What looks wrong and is shown all the same: never clipped (MODEL section 4)."""
    return [
        f"{name} above 1"
        for name in ("effectiveness", "quality_ratio", "oee_index", "machines_effectiveness")
        if kpis.get(name, 0.0) > 1.0 + 1e-9
    ]
