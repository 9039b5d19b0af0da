"""What cannot be is an error that names it, or a figure that is undefined; never a silent number."""

import math

import numpy as np
import pytest

from analytics import energy, kpis
from analytics.baseline import cusum, fit, saving
from analytics.bootstrap import block_length, error_of_sum, resampled
from analytics.counters import increments
from analytics.fields import ATOM_FIELDS
from analytics.groups import group
from analytics.losses import waterfall
from analytics.query import compute
from analytics.signals import NS, Steps, in_order
from analytics.states import counts_reach_ns
from analytics.stoppages import Stoppage, pareto, reliability
from analytics.student import t_cdf, t_quantile
from fieldlab_configs import parse
from tests.analytics.memory import MemoryStore

T3, V2, V3 = np.arange(3), np.zeros(2), np.arange(3.0)
LAW = fit(np.column_stack([np.ones(9), np.arange(9.0)]), np.arange(9.0) ** 2, ["base", "a"])
NAN = float("nan")
BACKWARDS = Stoppage("m", "l", 5, 3, "down", minor=False, reason="none", within_s=0, planned_s=0)
PLANT = "fieldlab: lab\ntimezone: UTC\nlines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 10}]}]\n"
COUNTED = "id: m, states: {from_count: {}}, signals: {total_count: {item: c}},"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: increments(T3, V2), "time has 3 entries and reading 2"),
        (lambda: increments(T3, np.array([1, NAN, 2])), "reading: every reading must be a finite number"),
        (lambda: increments(T3, np.array([1, math.inf, 2])), "reading: every reading must be"),
        (lambda: in_order(T3, V2), "time has 3 entries and value 2"),
        (lambda: energy.from_register(T3, V2), "time has 3 entries and reading 2"),
        (lambda: fit(V3, V3, ["a"]), r"design is \(3,\), must be \(3, 1\)"),
        (lambda: fit(np.ones((3, 1)), np.ones((3, 1)), ["a"]), r"energy is \(3, 1\)"),
        (lambda: saving(LAW, np.ones((3, 3)), V3), r"design is \(3, 3\), must be \(3, 2\)"),
        (lambda: saving(LAW, np.full((3, 2), NAN), V3), "design: every entry must be a finite number"),
        (lambda: saving(LAW, np.ones((2, 2)), np.array([1, math.inf])), "energy: every entry"),
        (lambda: cusum(np.array([1, NAN]), 1.0), "residuals: must be one row of finite numbers"),
        (lambda: cusum(V3, -1.0), "deviation is -1.0: must be 0 or above"),
        (lambda: cusum(V3, NAN), "deviation is nan"),
        (lambda: block_length(np.array([1, NAN, 3, 4, 5, 6.0])), "series: must be one row of finite numbers"),
        (lambda: error_of_sum(np.ones((2, 2))), "series: must be one row"),
        (lambda: resampled(0, 5, 1.0, np.random.default_rng(1)), "n is 0"),
        (lambda: resampled(5, 5, 0.0, np.random.default_rng(1)), "length is 0.0"),
        (lambda: resampled(5, 5, NAN, np.random.default_rng(1)), "length is nan"),
        (lambda: t_quantile(1.0, 5), "a quantile of 1.0"),
        (lambda: t_quantile(0.5, -1), "-1 degrees of freedom"),
        (lambda: t_cdf(NAN, 3), "t is nan"),
        (lambda: pareto([], "weather"), "key is 'weather': choose from reason, state, machine"),
        (lambda: reliability([BACKWARDS], {}, 0, 9), r"stops\[0\] ends \(3\) before it starts \(5\)"),
        (lambda: reliability([], {}, 9, 0), r"the range ends \(0\) before it starts \(9\)"),
        (lambda: group(parse(PLANT), [], ["weather"]), "there is no such group"),
        (
            lambda: compute(parse(PLANT), MemoryStore(), start_ns=9, end_ns=0),
            r"the range ends \(0\) before it starts \(9\)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, said):
    """Which array, which key, which number."""
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("convention", ["iso22400", "nakajima"])
def test_nothing_over_nothing_is_undefined(convention):
    """No KPI of no time and no parts is 0 or 1; nor is one of which a sum is not known."""
    nothing = dict.fromkeys(ATOM_FIELDS, 0.0)
    for found in (kpis.of_machine(nothing, convention), kpis.of_group(nothing, convention)):
        assert all(math.isnan(value) for value in found.values()), found
    unknown = dict.fromkeys(ATOM_FIELDS, NAN)
    assert all(math.isnan(value) for value in kpis.of_group(unknown, convention).values())


def test_a_waterfall_of_what_is_not_known_has_no_numbers():
    """No parts without a cycle time, no share of no plan, no euro of no energy."""
    sums = dict.fromkeys(ATOM_FIELDS, 0.0) | {"energy_kwh": None, "energy_cost_eur": None}
    for row in waterfall(sums, None):
        assert (row["share"], row["parts"], row["eur"]) == (None, None, None)


def test_a_store_without_a_sample_is_unknown_and_not_stopped():
    """An hour of a machine that never said anything: unknown, no stop, no part, all undefined."""
    computed = compute(parse(PLANT), MemoryStore(), start_ns=0, end_ns=3600 * 10**9)
    assert computed.results["m"].stops == []
    (row,) = group(parse(PLANT), [computed.results["m"].fragments], ["machine"])
    assert row["unknown_time_s"] == row["planned_busy_time_s"] == 3600
    assert row["coverage"] == 0
    for name in ("availability", "effectiveness", "quality_ratio", "oee_index", "energy_per_unit_kwh"):
        assert row[name] is None, name


@pytest.mark.parametrize("cycle_s", [3.4e38, 1e300, math.inf])
def test_no_cycle_time_has_more_read_than_a_month(cycle_s):
    """A machine tells its own, and may tell nonsense: a store's times would run over."""
    machine = parse(PLANT.replace("id: m,", COUNTED)).machine("m")
    assert counts_reach_ns(machine) == 30 * NS
    told = Steps(np.array([5]), np.array([cycle_s]), before=NAN)
    assert counts_reach_ns(machine, told) == 31 * 86_400 * NS
