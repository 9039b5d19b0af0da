"""Codes and texts as numbers: an index into the list of those that occur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fieldlab_configs.states import code_text

_TABLE: Final = 65_536
"""So far apart at most may whole numbers lie to be found by looking them up."""
_NEAR: Final = 32
"""So far apart at most may they lie for every number between to get a name, whether it occurs or not."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Texts as numbers.

    Attributes
    ----------
    index : ndarray of int64, shape (n,)
        Of each in `names`.
    names : list of str
        The distinct texts; not each need occur.
    """

    index: npt.NDArray[np.int64]
    names: list[str]


def coded(values: npt.NDArray[np.generic]) -> Codes:
    """Texts, or numbers as the texts they print as (``11``, never ``11.0``).

    Parameters
    ----------
    values : ndarray of object or float64, shape (n,)
        Numbers are finite.

    Returns
    -------
    Codes
    """
    if values.dtype == object:
        position = {value: i for i, value in enumerate(dict.fromkeys(values.tolist()))}
        index = np.fromiter(map(position.__getitem__, values), np.int64, len(values))
        return _distinct(index, [str(value) for value in position])
    numbers = values.astype(float, copy=False)
    if len(numbers) == 0:
        return Codes(np.empty(0, np.int64), [])
    low, high = float(numbers.min()), float(numbers.max())
    if high - low < _TABLE and abs(low) < 2**52:
        whole = numbers.astype(np.int64)
        if (whole == numbers).all():
            if low:
                whole -= int(low)
            if high - low < _NEAR:
                return Codes(whole, [code_text(low + n) for n in range(int(high - low) + 1)])
            there = np.flatnonzero(np.bincount(whole))
            place = np.zeros(int(there[-1]) + 1, dtype=np.int64)
            place[there] = np.arange(len(there))
            return Codes(place[whole], [code_text(float(n + int(low))) for n in there])
    found, index = np.unique(numbers, return_inverse=True)
    return _distinct(index.astype(np.int64), [code_text(float(n)) for n in found])


def _distinct(index: npt.NDArray[np.int64], texts: list[str]) -> Codes:
    """Codes of texts that may name one thing twice, as 11 and "11" do."""
    place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    if len(place) < len(texts):
        index = np.array([place[text] for text in texts], dtype=np.int64)[index]
    return Codes(index, list(place))


def together(first: Codes, second: Codes) -> Codes:
    """Both, one after the other."""
    index = np.concatenate((first.index, second.index + len(first.names)))
    return _distinct(index, [*first.names, *second.names])
