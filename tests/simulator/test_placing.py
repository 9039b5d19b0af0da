"""Silences of a demo lie between changes of product and edges of planned time, where there is room."""

from itertools import pairwise

from simulator.placing import RECONNECT_S, UNHEARD_S, delicate_moments
from simulator.serve import Simulation
from tests.simulator.sites import MONDAY_8, line

NS = 10**9
SPEED, SECONDS = 120, 40


def hidden_changes(seed):
    """How many changes and edges fall into the silences of a run."""
    site = line()
    planned_s = SECONDS * SPEED
    faults = ("link-loss", "counter-reset", "spurious-zero")
    run = Simulation(site, seed=seed, start_ns=MONDAY_8, speed=SPEED, faults=faults, planned_s=planned_s)
    spans = [(w.start_ns, w.end_ns) for w in run.windows]
    assert spans == sorted(spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    resets = [w for w in run.windows if w.fault == "counter-reset"]
    moments = delicate_moments(
        site,
        seed=seed,
        start_ns=MONDAY_8,
        until_ns=MONDAY_8 + planned_s * NS,
        machines=list(site.machines()),
        resets={m.id: tuple(w.start_ns for w in resets if m.id in w.machines) for m in site.machines()},
    )
    return sum(
        w.start_ns - UNHEARD_S * SPEED * NS <= t <= w.end_ns + RECONNECT_S * SPEED * NS
        for w in run.windows
        if w.silent
        for m in w.machines
        for t in moments[m]
    )


def test_nothing_delicate_happens_while_nobody_looks():
    """Over many seeds, all but a few find room; the rehearsal is the run itself."""
    assert sum(hidden_changes(seed) > 0 for seed in range(40)) <= 2
