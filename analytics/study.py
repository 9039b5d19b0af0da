"""An experiment told whole: what was measured, what came out, and what the figures rest on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.arms import of_line
from analytics.atoms import Fragments, pick
from analytics.energy_blocks import baseline
from analytics.experiments import results
from analytics.groups import Row, group
from analytics.losses import losses
from analytics.touched import Span
from fieldlab_configs import Experiment, Site, Window
from fieldlab_configs.experiments import ARMS


@dataclass(frozen=True, slots=True)
class ArmTold:
    """One arm, as it was.

    Attributes
    ----------
    windows : tuple of Window
    figures : dict or None
        Atom fields and KPIs over all of its windows; None where there is no data.
    machines : list of dict
        The same per machine.
    waterfall : list of dict
        See :func:`analytics.losses.losses`.
    """

    windows: tuple[Window, ...]
    figures: Row | None
    machines: list[Row]
    waterfall: list[Row]


@dataclass(frozen=True, slots=True)
class Study:
    """An experiment and everything that a report tells of it.

    Attributes
    ----------
    site : Site
    experiment : Experiment
    results : list of dict
        See :func:`analytics.experiments.results`.
    arms : dict of str to ArmTold
    laws : list of dict
        Per machine, the energy of the trial against a law learned from the baseline; see
        :func:`analytics.energy_blocks.baseline`.
    data : str
        Fingerprint of the atoms that the figures were made of.
    """

    site: Site
    experiment: Experiment
    results: list[Row]
    arms: dict[str, ArmTold]
    laws: list[Row]
    data: str


def study(site: Site, experiment: Experiment, fragments: Sequence[Fragments]) -> Study:
    """Everything that is known of an experiment.

    Parameters
    ----------
    site : Site
    experiment : Experiment
    fragments : sequence of Fragments
        Of its machines, over its windows at least, and none of time that no data reaches.
    """
    own = [f for f in fragments if f.machine in experiment.machines]
    inside = {arm: _clipped(own, experiment.arms[arm]) for arm in ARMS}
    return Study(
        site=site,
        experiment=experiment,
        results=results(site, experiment, own),
        arms={arm: _told(site, experiment, inside[arm], experiment.arms[arm]) for arm in ARMS},
        laws=laws(site, experiment, own),
        data=_fingerprint([f for arm in ARMS for f in inside[arm]]),
    )


def laws(site: Site, experiment: Experiment, fragments: Sequence[Fragments]) -> list[Row]:
    """The energy of each machine in the trial, against what the baseline says the same work takes."""
    arms = [_clipped(fragments, experiment.arms[arm]) for arm in ARMS]
    found = []
    for machine in experiment.machines:
        before, after = ([f for f in arm if f.machine == machine] for arm in arms)
        found.append(baseline(site, machine, before, after, "shift"))
    return found


def clipped(windows: Sequence[Window], first_ns: int | None, until_ns: int | None) -> list[Span]:
    """The part of windows that data reach: before the first sample and after the last nothing is known."""
    found = []
    for w in windows:
        start_ns = w.start_ns if first_ns is None else max(w.start_ns, first_ns)
        end_ns = w.end_ns if until_ns is None else min(w.end_ns, until_ns)
        if start_ns < end_ns:
            found.append(Span(start_ns, end_ns))
    return found


def _clipped(fragments: Sequence[Fragments], windows: Sequence[Window]) -> list[Fragments]:
    found = []
    for f in fragments:
        inside = np.zeros(len(f.cell_ns), dtype=bool)
        for w in windows:
            inside |= (f.cell_ns >= w.start_ns) & (f.cell_ns < w.end_ns)
        found.append(pick(f, inside))
    return found


def _told(
    site: Site, experiment: Experiment, fragments: Sequence[Fragments], windows: tuple[Window, ...]
) -> ArmTold:
    machines = group(site, fragments, ("machine",))
    whole = group(site, fragments, ()) if of_line(site, experiment) or len(machines) > 1 else machines
    return ArmTold(windows, whole[0] if whole else None, machines, losses(site, fragments, ()))


def _fingerprint(fragments: Sequence[Fragments]) -> str:
    """Twelve hexadecimal digits; in whatever order the data came, and however their floats were added."""
    lines = []
    for f in fragments:
        keys = zip(f.cell_ns.tolist(), f.line, f.shift, f.product, strict=True)
        lines += [
            f"{f.machine} {' '.join(map(str, key))} {' '.join(f'{v:.6g}' for v in values)}"
            for key, values in zip(keys, f.values.tolist(), strict=True)
        ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]
