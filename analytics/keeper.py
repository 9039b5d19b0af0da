"""Keeps what is computed once and only read by screens: results of experiments, energy baselines."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from analytics.deliveries import Store
from analytics.energy_blocks import baseline
from analytics.experiments import results
from analytics.kept import baseline_rows, block_rows, keep, window_rows
from analytics.query import DAY_NS
from analytics.schedule import local_date, utc_ns
from analytics.stored import stored_fragments
from analytics.study import laws
from analytics.touched import Span
from fieldlab_configs import Experiment, Machine, Site, fingerprint

LEARNED_FROM_DAYS: Final = 90
LEAST_PAUSE_S: Final = 60.0
_SHARE: Final = 20.0
"""A result may take one part in so many of the time."""


class Keeper:
    """The results of one fieldlab, worked out of its atoms again when those change.

    Parameters
    ----------
    site : Site
    store : Store
    clock_s : callable
        A clock that only goes forward: results of a running experiment change with every cell, and are
        worked out anew at most once a minute.
    """

    def __init__(self, site: Site, store: Store, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.site = site
        self.store = store
        self._clock_s = clock_s
        self._due: set[str] | None = None
        self._not_before: dict[str, float] = {}
        self._learned_ns: int | None = None
        self._to_learn: list[str] = []

    def update(
        self, rewritten: Mapping[str, Iterable[Span]], now_ns: int, *, without: Collection[str] = ()
    ) -> bool:
        """Work out again what rests on atoms that were rewritten.

        Parameters
        ----------
        rewritten : mapping of machine to spans
        now_ns : int
            The data's now.
        without : collection of str
            Companies that were removed: their results are gone, and stay so.

        Returns
        -------
        bool
            Whether any result of an experiment was written.
        """
        if now_ns <= 0:
            return False  # nothing was ever said
        if self._due is None:
            self._due = self._stale()
            self.store.write("kpi", list(window_rows(self.site, self.store, without)))
        self._due |= {e.id for e in self.site.experiments if self._touched(e, rewritten)}
        written = False
        for experiment in self.site.experiments:
            if experiment.company in without:
                continue
            rested = self._clock_s() >= self._not_before.get(experiment.id, 0.0)
            if experiment.id in self._due and rested and self._work_out(experiment, now_ns):
                self._due.discard(experiment.id)
                written = True
        self._learn(now_ns)
        return written

    def _stale(self) -> set[str]:
        """Experiments without a result by this config."""
        mark = fingerprint(self.site)
        made = {
            dict(row[1])["experiment"]
            for row in self.store.last_before("kpi", "experiment_result", 2**62)
            if row[2] == "fingerprint" and row[4] == mark
        }
        return {e.id for e in self.site.experiments} - made

    @staticmethod
    def _touched(experiment: Experiment, rewritten: Mapping[str, Iterable[Span]]) -> bool:
        windows = [w for arm in experiment.arms.values() for w in arm]
        return any(
            span.start_ns < w.end_ns and w.start_ns < span.end_ns
            for machine in experiment.machines
            for span in rewritten.get(machine, ())
            for w in windows
        )

    def _work_out(self, experiment: Experiment, now_ns: int) -> bool:
        begun_s = self._clock_s()
        windows = [w for arm in experiment.arms.values() for w in arm]
        start_ns, end_ns = min(w.start_ns for w in windows), min(max(w.end_ns for w in windows), now_ns)
        if start_ns >= end_ns:
            return False  # it has not begun
        atoms = stored_fragments(self.site, self.store, start_ns, end_ns, experiment.machines)
        found = results(self.site, experiment, atoms)
        keep(self.site, self.store, experiment, found, laws(self.site, experiment, atoms))
        took_s = self._clock_s() - begun_s
        self._not_before[experiment.id] = self._clock_s() + max(LEAST_PAUSE_S, _SHARE * took_s)
        return True

    def _learn(self, now_ns: int) -> None:
        """Once a day, what energy goes with what each machine makes, by its last whole days.

        One machine at a call, so that no call grows with the number of machines.
        """
        zone = ZoneInfo(self.site.timezone.at(now_ns))
        until_ns = utc_ns(dt.datetime.combine(local_date(now_ns, zone), dt.time()), zone)
        if until_ns != self._learned_ns:
            self._learned_ns = until_ns
            self._to_learn = [m.id for m in self.site.machines() if _has_meter(m)]
        if not self._to_learn:
            return
        machine = self._to_learn.pop(0)
        start_ns = until_ns - LEARNED_FROM_DAYS * DAY_NS
        atoms = stored_fragments(self.site, self.store, start_ns, until_ns, {machine})
        if not atoms:
            return
        law = baseline(self.site, machine, atoms, [], "day")
        for measurement in ("baseline", "baseline_block"):
            self.store.delete("kpi", measurement, where={"machine": machine, "experiment": "none"})
        self.store.write("kpi", [*baseline_rows(self.site, law, until_ns), *block_rows(self.site, law)])


def _has_meter(machine: Machine) -> bool:
    return not machine.signals.keys().isdisjoint({"energy", "power"})
