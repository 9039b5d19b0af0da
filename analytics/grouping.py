"""From elementary intervals to atoms: which belong together, and their sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.signals import Bools, Floats, Ints, Times


@dataclass(frozen=True, slots=True)
class Groups:
    """Intervals gathered by cell, shift, product, order and line; one group is one fragment of an atom.

    Most neighbours belong together, so runs of them are summed first, and then the few runs.

    Attributes
    ----------
    shown : slice
        The intervals that belong to any group.
    begins : ndarray of int64, shape (r,)
        Where each run of equal keys begins, within `shown`.
    group : ndarray of int64, shape (r,)
        The group of each run.
    cell_ns, shift, product, order, line : ndarray of int64, shape (n,)
        The keys of each group, sorted by them in this order.
    """

    shown: slice
    begins: Ints
    group: Ints
    cell_ns: Times
    shift: Ints
    product: Ints
    order: Ints
    line: Ints

    @classmethod
    def of(cls, shown: Bools, *keys: Ints) -> Groups:
        """Gather.

        Parameters
        ----------
        shown : ndarray of bool, shape (n,)
            One unbroken stretch.
        *keys : five ndarray of int64, shape (n,)
            Cell, shift, product, order, line.
        """
        where = np.flatnonzero(shown)
        part = slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0)
        inside = [key[part] for key in keys]
        new = np.zeros(len(inside[0]), dtype=bool)
        new[:1] = True
        for key in inside:
            new[1:] |= key[1:] != key[:-1]
        begins = np.flatnonzero(new)
        of_runs = np.stack([key[begins] for key in inside])
        order = np.lexsort(of_runs[::-1])
        in_order = of_runs[:, order]
        first = np.ones(len(begins), dtype=bool)
        first[1:] = (in_order[:, 1:] != in_order[:, :-1]).any(axis=0)
        group = np.empty(len(begins), dtype=np.int64)
        group[order] = np.cumsum(first) - 1
        return cls(part, begins, group, *in_order[:, first])

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self.cell_ns)

    def sum(self, values: Floats) -> Floats:
        """The sum of each group; shape of the groups."""
        return self.sum_shown(values[self.shown])

    def sum_shown(self, values: Floats) -> Floats:
        """The same of values of the intervals shown alone."""
        if len(self) == 0:
            return np.zeros(0)
        of_runs = np.add.reduceat(values, self.begins)
        if len(of_runs) == len(self):
            sums: Floats = np.empty_like(of_runs)
            sums[self.group] = of_runs
            return sums
        return np.bincount(self.group, weights=of_runs, minlength=len(self)).astype(float, copy=False)

    def keys(self, kind: Ints, kinds: int) -> Ints:
        """One number for group and kind of each interval shown, below ``len(self) * kinds``."""
        length = np.diff(np.append(self.begins, self.shown.stop - self.shown.start))
        return np.repeat(self.group * kinds, length) + kind[self.shown]

    def table(self, keys: Ints, values: npt.NDArray[np.generic], kinds: int) -> Floats:
        """The sum for each kind and group, of anything that has their key; shape (kinds, groups)."""
        sums = np.bincount(keys, weights=values, minlength=len(self) * kinds)
        # Neighbours have their sums side by side while they are made; what follows goes by kind.
        return np.ascontiguousarray(sums.astype(float, copy=False).reshape(len(self), kinds).T)
