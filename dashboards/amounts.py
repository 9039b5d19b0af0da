"""Numbers for people: decimals by size, a decimal comma in Dutch, a dash for what cannot be told."""

from __future__ import annotations

import math
from typing import Final

from dashboards.wording import Language, say

UNDEFINED: Final = "–"
_NARROW: Final = "\u202f"  # a narrow space that does not break
_MINUS: Final = "\u2212"
_KILO: Final = 1000.0
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def decimal(value: float, digits: int, language: Language) -> str:
    r"""A number with a fixed count of decimals.

    Examples
    --------
    >>> decimal(1234.5, 1, "nl").replace("\u202f", " "), decimal(1234.5, 1, "en").replace("\u202f", " ")
    ('1 234,5', '1 234.5')
    """
    text = f"{value:,.{digits}f}".replace(",", _NARROW)
    if float(text.replace(_NARROW, "")) == 0:
        text = text.lstrip("-")
    text = text.replace("-", _MINUS)
    return text.replace(".", ",") if language == "nl" else text


def percent(ratio: float | None, language: Language, digits: int = 1) -> str:
    r"""A ratio as a percentage.

    Examples
    --------
    >>> percent(0.6234, "en"), percent(None, "en")
    ('62.3\u202f%', '–')
    """
    if ratio is None:
        return UNDEFINED
    return f"{decimal(ratio * 100, digits, language)}{_NARROW}%"


def count(value: float | None, language: Language) -> str:
    """A quantity; whole where it is whole.

    Examples
    --------
    >>> count(12.0, "nl"), count(12.26, "nl")
    ('12', '12,3')
    """
    if value is None:
        return UNDEFINED
    return decimal(value, 0 if abs(value - round(value)) < 0.05 else 1, language)  # noqa: PLR2004 - shown as whole


def significant(value: float, language: Language, digits: int = 3) -> str:
    """A number with three significant digits.

    Examples
    --------
    >>> significant(0.04567, "en"), significant(45.67, "en"), significant(0.0, "en")
    ('0.0457', '45.7', '0')
    """
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return decimal(value, min(decimals, 9), language)


def reads_small(value: float | None) -> bool:
    """Whether an amount reads better in thousandths of its unit: from 0.1 on, three digits read well.

    Examples
    --------
    >>> reads_small(0.0999), reads_small(0.1), reads_small(0.0), reads_small(None)
    (True, False, False, False)
    """
    return value is not None and 0 < abs(value) < 0.1  # noqa: PLR2004 - said above


def energy(value_kwh: float | None, language: Language, *, per_unit: bool = False) -> tuple[str, str]:
    """An amount of energy and its unit: Wh where that reads better than kWh.

    Examples
    --------
    >>> energy(0.0123, "en", per_unit=True)
    ('12.3', 'Wh per part')
    """
    return _in_thousandths(value_kwh, ("wh", "kwh"), language, per_unit=per_unit)


def money(value_eur: float | None, language: Language, *, whole: bool = False, sign: bool = True) -> str:
    r"""Euros: cents up to a hundred, three digits below ten cents; whole ones where it is an estimate.

    Without a sign where what stands above says what it is.

    Examples
    --------
    >>> money(129.3, "nl").replace("\u202f", " "), money(129.3, "en"), money(-4.5, "en"), money(0.0405, "en")
    ('€ 129', '€129', '−€4.50', '€0.0405')
    """
    if value_eur is None:
        return UNDEFINED
    size = abs(value_eur)
    digits = 0 if whole or size >= 100 else 2  # noqa: PLR2004 - said above
    small = 0 < size < 0.1 and not whole  # noqa: PLR2004
    text = significant(size, language) if small else decimal(size, digits, language)
    euro = "" if not sign else f"€{_NARROW}" if language == "nl" else "€"
    # What is told as nothing is not less than nothing.
    minus = _MINUS if value_eur < 0 and any(c in "123456789" for c in text) else ""
    return f"{minus}{euro}{text}"


def mass(value_kg: float | None, language: Language, *, per_unit: bool = False) -> tuple[str, str]:
    """A mass and its unit: grams where that reads better, as :func:`energy`.

    Examples
    --------
    >>> mass(0.0486, "nl", per_unit=True), mass(155.1, "nl")
    (('48,6', 'g per stuk'), ('155', 'kg'))
    """
    return _in_thousandths(value_kg, ("g", "kg"), language, per_unit=per_unit)


def _in_thousandths(
    value: float | None, units: tuple[str, str], language: Language, *, per_unit: bool
) -> tuple[str, str]:
    """A value and its unit, in the small one of the two (a thousandth) where that reads better."""
    small = reads_small(value)
    unit = say(f"unit.{units[0] if small else units[1]}{'_per_unit' if per_unit else ''}", language)
    if value is None:
        return UNDEFINED, unit
    return significant(value * _KILO if small else value, language), unit


def duration(seconds: float, language: Language) -> str:
    """A length of time in its two largest units, without the second where it is nothing.

    Examples
    --------
    >>> duration(3725, "en"), duration(3725, "nl"), duration(12.4, "en"), duration(86_400, "en")
    ('1 h 02 min', '1 u 02 min', '12 s', '24 h')
    """
    hour = "u" if language == "nl" else "h"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return _two(whole // _MINUTE_S, "min", whole % _MINUTE_S, "s")
    if whole < 2 * _DAY_S:
        return _two(whole // _HOUR_S, hour, whole % _HOUR_S // _MINUTE_S, "min")
    return _two(whole // _DAY_S, "d", whole % _DAY_S // _HOUR_S, hour)


def _two(many: int, unit: str, rest: int, of_rest: str) -> str:
    return f"{many} {unit} {rest:02d} {of_rest}" if rest else f"{many} {unit}"
