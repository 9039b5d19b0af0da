"""Factors to kW, kWh, s and kg."""

from __future__ import annotations

import pytest

from fieldlab_configs import factor


@pytest.mark.parametrize(
    ("role", "unit", "expected"),
    [
        ("power", None, 1), ("power", "W", 0.001), ("power", "kW", 1), ("power", "MW", 1000),
        ("energy", "Wh", 0.001), ("energy", "MWh", 1000), ("energy", "MJ", 1 / 3.6),
        ("energy", "GJ", 277.7777777777778),
        ("energy", "kJ", 1 / 3600), ("energy", "J", 1 / 3_600_000),
        ("ideal_cycle_time", "ms", 0.001), ("ideal_cycle_time", "min", 60), ("ideal_cycle_time", "h", 3600),
        ("material", "g", 0.001), ("material", "t", 1000), ("total_count", "pcs", 1),
        ("spindle_c", "degC", 1), ("spindle_c", "furlong", 1), ("state", None, 1),
    ],
)  # fmt: skip
def test_a_unit_has_its_factor(role: str, unit: str | None, expected: float) -> None:
    """A measurement is never converted."""
    assert factor(role, unit) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("role", "unit"), [("power", "kWh"), ("energy", "kw"), ("state", "kW"), ("material", "m3")]
)
def test_a_unit_that_does_not_fit_is_refused(role: str, unit: str) -> None:
    """Case counts: mW is not MW."""
    with pytest.raises(ValueError, match=r"unit|must be one of"):
        factor(role, unit)
