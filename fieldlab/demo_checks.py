"""Answers to the guided exercises, held against what the simulator knows, never against analytics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboards.exercises import Amount, Answer
from simulator.weeks import Week

NEAR_SHARE, NEAR_S = 0.05, 60.0
"""A loss that is so little smaller than the largest is as good an answer."""
WITHIN_POINTS: Final = 0.3
WAITS: Final = ("starved", "blocked")

Figures = Mapping[str, Any]


def own_losses(figures: Figures) -> dict[str, float]:
    """Seconds of planned time that a machine lost by itself, by loss."""
    ideal = figures["ideal_production_time_s"]
    return {
        "breakdown": figures["breakdown_s"],
        "setup": figures["actual_unit_setup_time_s"],
        "minor_stop": figures["minor_stop_s"],
        "speed": figures["actual_production_time_s"] - ideal,
        "quality": ideal - figures["ideal_good_time_s"],
    }


def check_loss(truth: Mapping[str, Figures], machine: str, loss: str, measured_s: float | None) -> Answer:
    """Whether a machine's loss is the largest of its line.

    Parameters
    ----------
    truth : mapping of str to mapping
        By machine, the simulator's figures.
    machine, loss : str
    measured_s : float or None
        What the product says of them [s].
    """
    given = {"machine": machine, "loss": loss}
    if machine not in truth or not loss:
        return wrong("loss.choose", {}, given)
    if loss in WAITS:
        lost_s = truth[machine][f"{loss}_s"]
        waited: dict[str, Amount] = {"machine": ("machine", machine), "mine": ("seconds", lost_s)}
        return wrong(f"loss.{loss}", waited, given)
    lost = {name: own_losses(figures) for name, figures in truth.items()}
    if loss not in lost[machine]:
        return wrong("loss.choose", {}, given)
    largest_s = max(max(by_loss.values()) for by_loss in lost.values())
    mine_s, here = lost[machine][loss], max(lost[machine], key=lost[machine].__getitem__)
    values: dict[str, Amount] = {
        "machine": ("machine", machine),
        "loss": ("loss", loss),
        "mine": ("seconds", mine_s),
        "here": ("loss", here),
        "here_s": ("seconds", lost[machine][here]),
        "largest": ("seconds", largest_s),
        "measured": ("seconds", mine_s if measured_s is None else measured_s),
    }
    if mine_s >= largest_s - max(NEAR_SHARE * largest_s, NEAR_S):
        return right("loss.right", values, given)
    return wrong("loss.elsewhere" if here == loss else "loss.not_here", values, given)


def right(key: str, values: Mapping[str, Amount], given: Mapping[str, str]) -> Answer:
    """An answer that holds."""
    return Answer(right=True, key=key, values=values, given=given)


def wrong(key: str, values: Mapping[str, Amount], given: Mapping[str, str]) -> Answer:
    """An answer that does not hold yet, and why."""
    return Answer(right=False, key=key, values=values, given=given)


def number(text: str) -> float | None:
    """A number as people type it, with a comma or a point; None where it is none."""
    try:
        value = float(text.strip().replace(",", ".").replace("−", "-").rstrip("% "))
    except ValueError:
        return None
    return value if abs(value) <= 100 else None  # noqa: PLR2004 - points of a percentage


def check_gain(
    before: Figures, after: Figures, text: str, prediction: str, measured: tuple[float | None, float | None]
) -> Answer:
    """By how many points OEE rose when the time of micro stops was halved.

    Parameters
    ----------
    before, after : mapping
        The simulator's figures of both stretches.
    text : str
        What was answered [points].
    prediction : str
        What was expected before: ``more``, ``same`` or ``less`` than the time that came free.
    measured : tuple of float or None
        OEE of both stretches as the product tells it.
    """
    given = {"points": text, "prediction": prediction}
    points = number(text)
    if points is None:
        return wrong("stops.number", {}, given)
    planned_s = before["planned_busy_time_s"]
    gain = 100 * (after["oee_index"] - before["oee_index"])
    micro = 100 * before["minor_stop_s"] / planned_s
    # Of so much longer hours as the repetition did not need.
    freed = micro - 100 * after["minor_stop_s"] / planned_s
    values: dict[str, Amount] = {
        "given": ("points", points),
        "gain": ("points", gain),
        "micro": ("points", micro),
        "freed": ("points", freed),
        "rest": ("points", freed - gain),
        "before": ("percent", before["oee_index"]),
        "after": ("percent", after["oee_index"]),
        "relative": ("points", 100 * (after["oee_index"] / before["oee_index"] - 1)),
        "measured_before": ("percent", measured[0] if measured[0] is not None else before["oee_index"]),
        "measured_after": ("percent", measured[1] if measured[1] is not None else after["oee_index"]),
    }
    if abs(points - gain) <= WITHIN_POINTS:
        expected = "less" if gain < freed else "same"
        key = "stops.right" if prediction == expected else f"stops.right.{prediction}"
        return right(key, values, given)
    return wrong(
        _why(points, gain, {n: float(v) for n, (k, v) in values.items() if k == "points"}), values, given
    )


def _why(points: float, gain: float, values: Mapping[str, float]) -> str:
    """Which other figure was taken for the gain."""
    taken = {name: values[name] for name in ("freed", "relative", "micro")}
    name = min(taken, key=lambda n: abs(points - taken[n]))
    if abs(points - taken[name]) <= WITHIN_POINTS:
        return f"stops.{name}"
    if abs(points + gain) <= WITHIN_POINTS:
        return "stops.sign"
    return "stops.high" if points > gain else "stops.low"


def check_week(
    truth: Sequence[Week], laws: Sequence[Mapping[str, Any]], usual: tuple[float, float], text: str
) -> Answer:
    """Which week really saved energy.

    Parameters
    ----------
    truth : sequence of Week
    laws : sequence of mapping
        Each week against the product's energy baseline, to set beside the truth.
    usual : tuple of float
        Energy [kWh] and good parts of a usual week.
    text : str
        What was answered: a number from 1 on.
    """
    given = {"week": text}
    if text not in {str(n + 1) for n in range(len(truth))}:
        return wrong("weeks.choose", {}, given)
    week, law = truth[int(text) - 1], laws[int(text) - 1]
    energy, good = usual
    values: dict[str, Amount] = {
        "week": ("week", int(text)),
        "energy": ("kwh", abs(week.energy_kwh - energy)),
        "parts": ("percent", abs(week.good / good - 1)),
        "per": ("percent", abs((week.energy_kwh / week.good) / (energy / good) - 1)),
        "true": ("kwh", week.saved_kwh),
        "saved": ("kwh", law["saved_kwh"] or 0.0),
        "low": ("kwh", law["saved_low_kwh"] or 0.0),
        "high": ("kwh", law["saved_high_kwh"] or 0.0),
    }
    low, high = law["saved_low_kwh"], law["saved_high_kwh"]
    if week.kind == "saving":
        key = "weeks.right" if low <= week.saved_kwh <= high else "weeks.right.outside"
        return right(key, values, given)
    # An interval of 95 % misses the truth now and then: that is said too.
    key = f"weeks.{week.kind}" if low <= 0 <= high else f"weeks.{week.kind}.outside"
    return wrong(key, values, given)
