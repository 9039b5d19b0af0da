"""Money, masses, lengths of time, dates that somebody types, and weeks as they are called."""

from __future__ import annotations

import pytest

from dashboards import amounts
from dashboards.moments import window
from dashboards.picker import typed
from dashboards.report_period import week
from fieldlab_configs import parse

SITE = parse("fieldlab: x\ntimezone: Europe/Amsterdam\nlines: []\n")
HOUR_NS = 3600 * 10**9
MONDAY_NS = 1_767_567_600 * 10**9
"""2026-01-05 00:00 in Amsterdam."""


@pytest.mark.parametrize(
    ("value", "nl", "en"),
    [
        (129.3, "€ 129", "€129"),
        (12.5, "€ 12,50", "€12.50"),
        (0.0405, "€ 0,0405", "€0.0405"),
        (1234.5, "€ 1 234", "€1 234"),
        (-4.5, "−€ 4,50", "−€4.50"),
        (0.0, "€ 0,00", "€0.00"),
        (None, "–", "–"),
    ],
)
def test_money_has_its_sign_where_its_language_puts_it(value, nl, en) -> None:
    """Dutch: with a space; cents up to a hundred, three digits of what is less than ten cents."""
    assert [amounts.money(value, language).replace("\u202f", " ") for language in ("nl", "en")] == [nl, en]


def test_money_of_an_estimate_has_no_cents() -> None:
    """Nor a sign, where the column says what it is."""
    assert amounts.money(12.6, "en", whole=True) == "€13"
    assert amounts.money(0.881, "nl", sign=False) == "0,88"
    assert [amounts.money(value, "en", whole=True) for value in (-0.3, -0.7)] == ["€0", "−€1"]


def test_a_small_mass_is_in_grams() -> None:
    """As energy is in Wh."""
    assert amounts.mass(0.0486, "nl", per_unit=True) == ("48,6", "g per stuk")
    assert amounts.mass(155.1, "en") == ("155", "kg")


def test_a_length_of_time_has_no_part_that_is_nothing() -> None:
    """Neither 0 s nor 00 h; days from two on."""
    told = [amounts.duration(s, "nl") for s in (0, 12.4, 600, 90, 3720, 86_400, 90_000, 180_000, 172_800)]
    assert told == ["0 s", "12 s", "10 min", "1 min 30 s", "1 u 02 min", "24 u", "25 u", "2 d 02 u", "2 d"]


@pytest.mark.parametrize(
    "text", ["24-11-2026 06:00", "2026-11-24 6:00", "2026-11-24T06:00", " 24-11-2026 6.00 "]
)
def test_a_moment_is_read_as_it_is_written(text) -> None:
    """Day first or year first: neither can be taken for the other."""
    assert typed(text).isoformat() == "2026-11-24T06:00:00"


@pytest.mark.parametrize("text", ["", "24-11", "11/24/2026 06:00", "31-11-2026", "2026-11-24 25:00", "nu"])
def test_what_is_no_moment_is_refused(text) -> None:
    """Month first is not guessed at."""
    with pytest.raises(ValueError):
        typed(text)


@pytest.mark.parametrize(
    ("from_h", "to_h", "said"),
    [
        (0, 7 * 24, "ma 5 jan – zo 11 jan 2026"),
        (0, 24, "ma 5 jan 2026"),
        (-7 * 24, 24, "ma 29 dec 2025 – ma 5 jan 2026"),
        (6, 14, "ma 5 jan 2026 06:00 – 14:00"),
        (18, 30, "ma 5 jan 2026 18:00 – di 6 jan 2026 06:00"),
    ],
)
def test_whole_days_are_said_by_their_dates(from_h, to_h, said) -> None:
    """The last of them is the last that counts."""
    assert window(SITE, MONDAY_NS + from_h * HOUR_NS, MONDAY_NS + to_h * HOUR_NS, "nl") == said


def test_a_week_is_called_by_its_number() -> None:
    """Without the zero that sorts it."""
    assert (week("2026-W02", "nl"), week("2026-W53", "en")) == ("2 van 2026", "53 of 2026")
