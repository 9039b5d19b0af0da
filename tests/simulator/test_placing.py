"""Silences of a demo lie between changes of product and edges of planned time, where there is room."""

from itertools import pairwise

from simulator.placing import Course, conflicts, courses
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
    for machine in {m for w in run.windows for m in w.machines}:
        spans = [(w.start_ns, w.end_ns) for w in run.windows if machine in w.machines]
        assert spans == sorted(spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    resets = [w for w in run.windows if w.fault == "counter-reset"]
    rehearsed = courses(
        site,
        seed=seed,
        start_ns=MONDAY_8,
        until_ns=MONDAY_8 + planned_s * NS,
        machines=list(site.machines()),
        resets={m.id: tuple(w.start_ns for w in resets if m.id in w.machines) for m in site.machines()},
    )
    return sum(conflicts(w, rehearsed, SPEED) for w in run.windows if w.silent)


def test_a_change_before_the_next_reading_speaks_against_a_silence():
    """The parts of the next reading are laid into the silence, of whatever product they were."""
    course = Course(unplanned=(900,), changes=(500,), counts=((100, 200, 600, 700),))
    assert course.conflicts(210, 300) == 1
    assert course.conflicts(610, 650) == 0
    assert course.conflicts(110, 150) == 0
    assert course.conflicts(650, 950) == 1


def test_nothing_delicate_happens_while_nobody_looks():
    """Over many seeds, all but one find room."""
    assert sum(hidden_changes(seed) > 0 for seed in range(40)) <= 1
