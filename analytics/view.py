"""One machine as the rules see it: its raw readings turned into step functions and increments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics import energy as energies
from analytics.counters import Increments, increments
from analytics.energy import Energy
from analytics.readings import Readings, Signals, combine
from analytics.signals import NS, Floats, Steps, scaled
from analytics.states import state_steps
from fieldlab_configs import Machine
from fieldlab_configs.units import factor

COUNTERS = ("total_count", "good_count", "scrap_count", "rework_count", "material")


@dataclass(frozen=True, slots=True)
class View:
    """A machine, seen by the rules of MODEL section 5.

    Attributes
    ----------
    machine : Machine
    state : Steps of int64
        Index into STATE_CLASSES; unknown wherever it cannot be believed.
    product, order : Steps of int64
        Index into `products`, `orders`; -1 for none.
    pri : Steps of float64
        Planned run time per item [s]; NaN where there is none.
    counters : dict of str to Increments
        In parts (material: kg), scaled.
    live : dict of str to Steps of bool
        Per counter: whether its readings can be believed.
    energy : Energy or None
        None where nothing is configured to tell it.
    unknown_codes : Counter of str
        State codes that no map knows, and how often each was read.
    span : (int, int)
        First and last time of any reading.
    """

    machine: Machine
    state: Steps
    product: Steps
    products: list[str]
    order: Steps
    orders: list[str]
    pri: Steps
    counters: dict[str, Increments]
    live: dict[str, Steps]
    energy: Energy | None
    unknown_codes: Counter[str]
    span: tuple[int, int] | None


@np.errstate(over="ignore", invalid="ignore")  # what overflows is undefined, and said so as a figure
def view(machine: Machine, readings: Readings) -> View:
    """Apply the rules of states, products, cycle times, counts and energy to one machine's readings."""
    signals = Signals(machine, readings)
    product, products = signals.held_text("product")
    order, orders = signals.held_text("order")
    pri = _pri(signals, product, products)
    counters, live = _counters(signals)
    power = _power(signals)
    state, unknown_codes = state_steps(signals, counters, power, pri)
    return View(
        machine=machine,
        state=state,
        product=product,
        products=products,
        order=order,
        orders=orders,
        pri=pri,
        counters=counters,
        live=live,
        energy=_energy(signals, power),
        unknown_codes=unknown_codes,
        span=_span(readings),
    )


def _span(readings: Readings) -> tuple[int, int] | None:
    times = [t for t, _ in (*readings.numbers.values(), *readings.texts.values()) if len(t)]
    times += [t for t, _ in readings.bad.values() if len(t)]
    if not times:
        return None
    return min(int(t.min()) for t in times), max(int(t.max()) for t in times)


def _pri(signals: Signals, product: Steps, products: list[str]) -> Steps:
    """Planned run time per item: the signal's, else the product's, else the machine's [s]."""
    machine = signals.machine
    time, value = signals.numbers("ideal_cycle_time")
    told = combine(
        lambda v, is_bad: np.where(is_bad.astype(bool) | ~(v.astype(float) > 0), np.nan, v),
        Steps(time, value, before=np.nan),
        signals.bad("ideal_cycle_time"),
    )
    named = [machine.products.get(name) for name in products]
    dated = [p.ideal_cycle_time_s if p else None for p in named] + [None]  # -1 finds the last: none
    edges = sorted({e for d in [*dated, machine.ideal_cycle_time_s] if d for e in d.edges})
    eras = Steps(np.array(edges, np.int64), np.arange(1, len(edges) + 1), before=0)
    at = [edges[0] - 1 if edges else 0, *edges]
    table = np.array([[d.at(t) if d else np.nan for d in dated] for t in at], dtype=float)
    own = np.array([machine.ideal_cycle_time_s.at(t) if machine.ideal_cycle_time_s else np.nan for t in at])

    def choose(*parts: npt.NDArray[np.generic]) -> Floats:
        signal, in_hand, era = parts[0].astype(float), parts[1].astype(int), parts[2].astype(int)
        of_product = table[era, in_hand]
        return np.where(~np.isnan(signal), signal, np.where(~np.isnan(of_product), of_product, own[era]))

    return combine(choose, told, product, eras)


def _counters(signals: Signals) -> tuple[dict[str, Increments], dict[str, Steps]]:
    found: dict[str, Increments] = {}
    live: dict[str, Steps] = {}
    for role in COUNTERS:
        signal = signals.machine.signals.get(role)
        if signal is None:
            continue
        time, value = signals.numbers(role)
        unit = factor(role, signal.unit.latest) if role == "material" and signal.unit else 1.0
        rollover = signal.rollover * unit if signal.rollover else None
        raw = increments(time, value, rollover=rollover)
        amount = scaled(raw.amount, signal.scale * signal.per_count)
        found[role] = Increments(raw.before, raw.at, amount, raw.reset, raw.first)
        live[role] = signals.live(role)
    return found, live


def _power(signals: Signals) -> Steps | None:
    """Power as a step function [kW], NaN where nobody knows it; None where it is not configured."""
    signal = signals.machine.signals.get("power")
    if signal is None:
        return None
    time, value = signals.numbers("power")
    max_hold_ns = round(signal.max_hold_s * NS)
    if signal.sampled:
        return energies.sampled_power(time, scaled(value, signal.scale), max_hold_ns=max_hold_ns)
    hold = None if signals.has_link else max_hold_ns
    return energies.held_power(time, scaled(value, signal.scale), signals.live("power"), max_hold_ns=hold)


def _energy(signals: Signals, power: Steps | None) -> Energy | None:
    """A register outranks power; None where neither is configured."""
    register = signals.machine.signals.get("energy")
    if register is not None:
        time, value = signals.numbers("energy")
        if len(time) or power is None:
            unit = factor("energy", register.unit.latest) if register.unit else 1.0
            rollover = register.rollover * unit * register.scale if register.rollover else None
            return energies.from_register(
                time, scaled(value, register.scale), rollover=rollover, max_power_kw=register.max_power_kw
            )
    signal = signals.machine.signals.get("power")
    if signal is None or power is None:
        return None
    if signal.sampled:
        time, value = signals.numbers("power")
        return energies.from_sampled_power(
            time, scaled(value, signal.scale), max_hold_ns=round(signal.max_hold_s * NS)
        )
    return energies.from_held_power(power)
