"""One machine as the rules see it: its raw readings turned into step functions and increments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analytics import energy as energies
from analytics.counters import Increments, increments
from analytics.energy import Energy
from analytics.signals import NS, Floats, Steps, Times, in_order, intervals, texts
from fieldlab_configs import Machine, StateMap
from fieldlab_configs.states import STATE_CLASSES, code_text
from fieldlab_configs.units import factor

UNKNOWN = STATE_CLASSES.index("unknown")
PRODUCING = STATE_CLASSES.index("producing")
STOPPED = STATE_CLASSES.index("stopped")
OFF = STATE_CLASSES.index("off")
IDLE = STATE_CLASSES.index("idle")
COUNTERS = ("total_count", "good_count", "scrap_count", "rework_count", "material")

Objects = npt.NDArray[np.object_]
Numbers = tuple[Times, Floats]


@dataclass(frozen=True, slots=True)
class Readings:
    """What is stored of one machine, as arrays.

    Attributes
    ----------
    numbers : dict of str to (time, value)
        Numeric readings per signal, in order of arrival.
    texts : dict of str to (time, value)
        Text readings per signal.
    bad : dict of str to (time, is_bad)
        Changes of quality per signal.
    life : dict of str to (start, end), or None
        When each source's link to the machine was up; None: nothing was ever said of a link, the
        machine counts as live throughout. The key ``*`` stands for all sources.
    """

    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    texts: Mapping[str, tuple[Times, Objects]] = field(default_factory=dict)
    bad: Mapping[str, tuple[Times, npt.NDArray[np.bool_]]] = field(default_factory=dict)
    life: Mapping[str, tuple[Times, Times]] | None = None


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


def combine(make: Callable[..., npt.NDArray[np.generic]], *steps: Steps) -> Steps:
    """A step function of step functions: `make` is given their values on the union of their edges."""
    edges = np.unique(np.concatenate([s.time for s in steps]))
    before = make(*(np.array([s.before]) for s in steps))[0]
    return Steps(edges, make(*(s.at(edges) for s in steps)), before=before)


class _Signals:
    """Access to one machine's readings by role, with liveness and units applied."""

    def __init__(self, machine: Machine, readings: Readings) -> None:
        self.machine = machine
        self.readings = readings

    def numbers(self, role: str) -> Numbers:
        """Readings in canonical units, sorted."""
        none = np.empty(0, dtype=np.int64), np.empty(0)
        time, value = in_order(*self.readings.numbers.get(role, none))
        signal = self.machine.signals.get(role)
        scaled = value.astype(float)
        if signal is not None and role in {"power", "energy", "material", "ideal_cycle_time"} and signal.unit:
            scaled = scaled * factor(role, signal.unit)
        return time, scaled

    def codes(self, role: str) -> tuple[Times, Objects]:
        """Readings as texts, numeric ones included (``11``, never ``11.0``), sorted."""
        time, value = self.readings.numbers.get(role, (np.empty(0, np.int64), np.empty(0)))
        text_time, text = self.readings.texts.get(role, (np.empty(0, np.int64), np.empty(0, object)))
        as_text = np.array([code_text(float(v)) for v in value], dtype=object)
        times, codes = in_order(np.concatenate((time, text_time)), np.concatenate((as_text, text)))
        return times, codes.astype(object)

    def bad(self, role: str) -> Steps:
        """Whether the quality was Bad."""
        if role not in self.readings.bad:
            return Steps(np.empty(0, np.int64), np.empty(0, bool), before=False)
        return Steps(*in_order(*self.readings.bad[role]), before=False)

    @property
    def has_link(self) -> bool:
        """Whether anything was ever said of the machine's link."""
        return self.readings.life is not None

    def live(self, role: str) -> Steps:
        """Whether the signal can be believed: its link is up and its quality not Bad."""
        bad = self.bad(role)
        if self.readings.life is None:
            return Steps(bad.time, ~bad.value.astype(bool), before=True)
        signal = self.machine.signals.get(role)
        source = (signal.source if signal else None) or "*"
        none = np.empty(0, np.int64), np.empty(0, np.int64)
        spans = self.readings.life.get(source, self.readings.life.get("*", none))
        return combine(lambda up, is_bad: up.astype(bool) & ~is_bad.astype(bool), intervals(*spans), bad)

    def held_text(self, role: str) -> tuple[Steps, list[str]]:
        """A text that holds, as numbers; -1 under Bad quality and before the first reading."""
        time, codes = self.codes(role)
        index, names = texts(codes)
        held = combine(
            lambda code, is_bad: np.where(is_bad.astype(bool), -1, code),
            Steps(time, index, before=-1),
            self.bad(role),
        )
        return held, names


def view(machine: Machine, readings: Readings) -> View:
    """Apply the rules of states, products, cycle times, counts and energy to one machine's readings."""
    signals = _Signals(machine, readings)
    product, products = signals.held_text("product")
    order, orders = signals.held_text("order")
    pri = _pri(signals, product, products)
    counters, live = _counters(signals)
    power = _power(signals)
    state, unknown_codes = _state(signals, counters, power, pri)
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


def _pri(signals: _Signals, product: Steps, products: list[str]) -> Steps:
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


def _counters(signals: _Signals) -> tuple[dict[str, Increments], dict[str, Steps]]:
    found: dict[str, Increments] = {}
    live: dict[str, Steps] = {}
    for role in COUNTERS:
        signal = signals.machine.signals.get(role)
        if signal is None:
            continue
        time, value = signals.numbers(role)
        unit = factor(role, signal.unit) if role == "material" and signal.unit else 1.0
        rollover = signal.rollover * unit if signal.rollover else None
        raw = increments(time, value, rollover=rollover)
        parts = raw.amount * signal.scale * signal.per_count
        found[role] = Increments(raw.before, raw.at, parts, raw.reset, raw.first)
        live[role] = signals.live(role)
    return found, live


def _power(signals: _Signals) -> Steps | None:
    """Power as a step function [kW], NaN where nobody knows it; None where it is not configured."""
    signal = signals.machine.signals.get("power")
    if signal is None:
        return None
    time, value = signals.numbers("power")
    max_hold_ns = round(signal.max_hold_s * NS)
    if signal.sampled:
        return energies.sampled_power(time, value * signal.scale, max_hold_ns=max_hold_ns)
    hold = None if signals.has_link else max_hold_ns
    return energies.held_power(time, value * signal.scale, signals.live("power"), max_hold_ns=hold)


def _energy(signals: _Signals, power: Steps | None) -> Energy | None:
    """A register outranks power; None where neither is configured."""
    register = signals.machine.signals.get("energy")
    if register is not None:
        time, value = signals.numbers("energy")
        if len(time) or power is None:
            unit = factor("energy", register.unit) if register.unit else 1.0
            rollover = register.rollover * unit * register.scale if register.rollover else None
            return energies.from_register(
                time, value * register.scale, rollover=rollover, max_power_kw=register.max_power_kw
            )
    signal = signals.machine.signals.get("power")
    if signal is None or power is None:
        return None
    if signal.sampled:
        time, value = signals.numbers("power")
        return energies.from_sampled_power(
            time, value * signal.scale, max_hold_ns=round(signal.max_hold_s * NS)
        )
    return energies.from_held_power(power)


def _state(
    signals: _Signals, counters: dict[str, Increments], power: Steps | None, pri: Steps
) -> tuple[Steps, Counter[str]]:
    """The state class over time, and the codes nobody could map."""
    unknown: Counter[str] = Counter()
    dated = signals.machine.states
    if dated is None:
        return Steps(np.empty(0, np.int64), np.empty(0, np.int64), before=UNKNOWN), unknown
    entries = dated.entries
    eras = Steps(np.array(dated.edges, np.int64), np.arange(1, len(entries)), before=0)
    made = [_state_by(rule, signals, counters, power, pri) for _, rule in entries]

    def choose(era: npt.NDArray[np.generic], *states: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return np.choose(era.astype(int), [s.astype(np.int64) for s in states])

    state = combine(choose, eras, *made)
    time, codes = signals.codes("state")
    for t, code in zip(time.tolist(), codes, strict=True) if len(entries) > 1 else ():
        _count_unknown(unknown, dated.at(t), str(code), 1)
    if len(entries) == 1:
        for code, n in Counter(map(str, codes)).items():
            _count_unknown(unknown, entries[0][1], code, n)
    return state, unknown


def _count_unknown(unknown: Counter[str], rule: StateMap, code: str, n: int) -> None:
    if rule.map and code not in rule.map:
        unknown[code] += n


def _state_by(
    rule: StateMap, signals: _Signals, counters: dict[str, Increments], power: Steps | None, pri: Steps
) -> Steps:
    if rule.from_power is not None and power is not None:
        off, idle = rule.from_power.off_below_kw, rule.from_power.idle_below_kw

        def by_power(kw: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
            level = kw.astype(float)
            classes = np.where(level < off, OFF, np.where(level < idle, IDLE, PRODUCING))
            return np.where(np.isnan(level), UNKNOWN, classes)

        return _believed(combine(by_power, power), signals.live("power"))
    if rule.from_count is not None:
        role = "total_count" if "total_count" in counters else "good_count"
        made = _state_from_count(counters[role], rule.from_count.stop_after_s, pri)
        return _believed(made, signals.live(role))
    time, codes = signals.codes("state")
    index, names = texts(codes)
    classes = np.array([_class(rule.map.get(name, "unknown")) for name in names], dtype=np.int64)
    return _believed(Steps(time, classes[index] if len(index) else index, UNKNOWN), signals.live("state"))


def _class(name: str) -> int:
    return STATE_CLASSES.index(name)


def _believed(state: Steps, live: Steps) -> Steps:
    return combine(lambda s, alive: np.where(alive.astype(bool), s, UNKNOWN), state, live)


def _state_from_count(inc: Increments, stop_after_s: float | None, pri: Steps) -> Steps:
    """Producing between two increments that are near enough, else stopped; unknown before any reading."""
    if inc.first is None:
        return Steps(np.empty(0, np.int64), np.empty(0, np.int64), before=UNKNOWN)
    made = inc.at[inc.amount > 0]
    longest = pri.at(made).astype(float) * 3 if stop_after_s is None else np.full(len(made), stop_after_s)
    near = np.zeros(len(made), dtype=bool)
    near[:-1] = np.diff(made) <= longest[:-1] * NS
    time = np.concatenate(([inc.first], made)).astype(np.int64)
    value = np.concatenate(([STOPPED], np.where(near, PRODUCING, STOPPED))).astype(np.int64)
    return Steps(time, value, before=UNKNOWN)
