"""The state class over time: from codes, from counts, from power (MODEL section 5, State)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from analytics.coding import Codes
from analytics.counters import Increments
from analytics.readings import Signals, combine
from analytics.signals import NO_TIMES, NS, Steps, Times
from fieldlab_configs import Machine, StateMap
from fieldlab_configs.states import STATE_CLASSES

UNKNOWN = STATE_CLASSES.index("unknown")
PRODUCING = STATE_CLASSES.index("producing")
STOPPED = STATE_CLASSES.index("stopped")
OFF = STATE_CLASSES.index("off")
IDLE = STATE_CLASSES.index("idle")
CYCLES_WITHOUT_A_PART = 3
"""So many ideal cycles may lie between two parts of a machine that produces, where no time is given."""
_FURTHEST_S = 31 * 86_400.0


def state_steps(
    signals: Signals, counters: dict[str, Increments], power: Steps | None, pri: Steps
) -> tuple[Steps, Counter[str]]:
    """The state class over time, and the codes nobody could map."""
    unknown: Counter[str] = Counter()
    dated = signals.machine.states
    if dated is None:
        return Steps(NO_TIMES, NO_TIMES, before=UNKNOWN), unknown
    entries = dated.entries
    time, codes = signals.codes("state")
    begins = [0, *np.searchsorted(time, np.array(dated.edges, np.int64)), len(time)]
    for (_, rule), begin, end in zip(entries, begins[:-1], begins[1:], strict=True):
        _count_unknown(unknown, rule, Codes(codes.index[begin:end], codes.names))
    made = [_state_by(rule, signals, (time, codes), counters, power, pri) for _, rule in entries]
    if len(made) == 1:
        return made[0], unknown
    eras = Steps(np.array(dated.edges, np.int64), np.arange(1, len(entries)), before=0)

    def choose(era: npt.NDArray[np.generic], *states: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return np.choose(era.astype(int), [s.astype(np.int64) for s in states])

    return combine(choose, eras, *made), unknown


def _count_unknown(unknown: Counter[str], rule: StateMap, codes: Codes) -> None:
    if not rule.map:
        return
    for name, n in zip(codes.names, np.bincount(codes.index, minlength=len(codes.names)), strict=True):
        if n and name not in rule.map:
            unknown[name] += int(n)


def _state_by(
    rule: StateMap,
    signals: Signals,
    told: tuple[Times, Codes],
    counters: dict[str, Increments],
    power: Steps | None,
    pri: Steps,
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
    time, codes = told
    classes = np.array([_class(rule.map.get(name, "unknown")) for name in codes.names], dtype=np.int8)
    state = classes.take(codes.index) if len(time) else NO_TIMES
    return _believed(Steps(time, state, UNKNOWN), signals.live("state"))


def _class(name: str) -> int:
    return STATE_CLASSES.index(name)


def _believed(state: Steps, live: Steps) -> Steps:
    if len(live.time) == 0 and live.before:
        return state
    return combine(lambda s, alive: np.where(alive.astype(bool), s, UNKNOWN), state, live)


def counts_reach_ns(machine: Machine, pri: Steps | None = None) -> int:
    """How far apart counts may lie that make a state between them.

    Parameters
    ----------
    machine : Machine
    pri : Steps of float64, optional
        Its planned run time per item as it was [s]; default: what the config says of it.

    Returns
    -------
    int
        In nanoseconds, 31 days at most, for a machine may tell nonsense of its cycle time; 0 where no state
        is made from counts.
    """
    dated = machine.states.entries if machine.states is not None else ()
    told = [rule.from_count.stop_after_s for _, rule in dated if rule.from_count is not None]
    if not told:
        return 0
    if pri is None:
        config = [machine.ideal_cycle_time_s, *(p.ideal_cycle_time_s for p in machine.products.values())]
        cycles = np.array([cycle_s for d in config if d is not None for _, cycle_s in d.entries], dtype=float)
    else:
        cycles = pri.at(np.append(pri.time, np.iinfo(np.int64).min)).astype(float)
    cycle_s = np.max(cycles, initial=0.0, where=~np.isnan(cycles))
    longest = [cycle_s * CYCLES_WITHOUT_A_PART if after_s is None else after_s for after_s in told]
    return round(min(max(longest), _FURTHEST_S) * NS)


def _state_from_count(inc: Increments, stop_after_s: float | None, pri: Steps) -> Steps:
    """Producing between two increments that are near enough, else stopped; unknown before any reading."""
    if inc.first is None:
        return Steps(np.empty(0, np.int64), np.empty(0, np.int64), before=UNKNOWN)
    made = inc.at[inc.amount > 0]
    longest = (
        pri.at(made).astype(float) * CYCLES_WITHOUT_A_PART
        if stop_after_s is None
        else np.full(len(made), stop_after_s)
    )
    near = np.zeros(len(made), dtype=bool)
    near[:-1] = np.diff(made) <= longest[:-1] * NS
    time = np.concatenate(([inc.first], made)).astype(np.int64)
    value = np.concatenate(([STOPPED], np.where(near, PRODUCING, STOPPED))).astype(np.int64)
    return Steps(time, value, before=UNKNOWN)
