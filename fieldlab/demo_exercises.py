"""The guided exercises of the demo: the page asks, the simulated line is changed, the truth judges."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from analytics import query
from analytics.groups import Row
from dashboards.exercises import (
    PREDICTIONS,
    Answer,
    Board,
    LossTask,
    StopsTask,
    Stretch,
    Task,
    WeekFigures,
    WeeksTask,
)
from fieldlab.demo_checks import check_gain, check_loss, check_week, wrong
from fieldlab.demo_options import Options
from fieldlab.demo_weeks import Told, weeks_told
from fieldlab.screens import StoreScreens
from fieldlab.times import NS
from fieldlab_configs import Site
from ingest.store import Store
from simulator.child import Child
from simulator.weeks import USUAL

_NO_HURRY_S: Final = 1.0
"""What samples may take on their way to the store, by the wall clock."""


class DemoExercises:
    """Questions, data and judgement of the running demo.

    Parameters
    ----------
    site : Site
    store : Store
    screens : StoreScreens
    machines : Child
    options : Options
    halve : callable
        Has the simulator shorten micro stops; called from any thread.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        screens: StoreScreens,
        machines: Child,
        options: Options,
        halve: Callable[[], None],
    ) -> None:
        self._site, self._store, self._screens = site, store, screens
        self._machines, self._options, self._halve = machines, options, halve
        self._prediction = ""
        self._weeks: Told | None = None
        self._lock = threading.Lock()
        self._answers: dict[Task, Answer] = {}

    @property
    def site(self) -> Site:
        """The demo's line."""
        return self._site

    @property
    def answers(self) -> Mapping[Task, Answer]:
        """The last answer to each."""
        return self._answers

    def board(self) -> Board:
        """Everything as it is now; the weeks are made when somebody first looks."""
        lesson = self._machines.lesson
        if not lesson:
            return Board(None, None, self._weeks_task())
        end_ns = int(lesson["end_ns"])
        known = "all" in lesson and self._seen(end_ns)
        wait_s = None if known else self._wait_s(end_ns)
        machines = tuple(m.id for m in self._site.machines())
        return Board(
            LossTask(self._options.start_ns, end_ns, wait_s, machines),
            self._stops_task(lesson),
            self._weeks_task(),
        )

    def halve(self, prediction: str) -> Answer | None:
        """Halve the micro stops, once something was predicted and the first stretch is over."""
        if prediction not in PREDICTIONS:
            return wrong("stops.predict", {}, {"prediction": prediction})
        if self._stops_task(self._machines.lesson).phase == "ready":
            self._prediction = prediction
            self._halve()
        return None

    def answer(self, task: Task, given: Mapping[str, str]) -> Answer:
        """Hold an answer against the truth, and keep it."""
        if task == "loss":
            found = self._loss(given.get("machine", ""), given.get("loss", ""))
        elif task == "stops":
            found = self._gain(given.get("points", ""))
        else:
            found = self._week(given.get("week", ""))
        self._answers[task] = found
        return found

    # The first

    def _loss(self, machine: str, loss: str) -> Answer:
        lesson = self._machines.lesson
        if "all" not in lesson:
            return wrong("wait", {}, {})
        truth = lesson["all"]["figures"]
        measured_s = None
        if machine in truth:
            rows = self._screens.losses(
                self._options.start_ns, int(lesson["end_ns"]), ("machine",), [machine]
            )
            minutes = next((r["minutes"] for r in rows if r["loss"] == loss), None)
            measured_s = 60 * minutes if isinstance(minutes, float) else None
        return check_loss(truth, machine, loss, measured_s)

    # The second

    def _stops_task(self, lesson: Mapping[str, Any]) -> StopsTask:
        if not lesson:
            return StopsTask("", None, "waiting")
        machine, before, after = lesson["machine"], lesson.get("before"), lesson.get("after")
        if before is None or not self._counted(machine, before["to_ns"]):
            return StopsTask(machine, self._wait_s(int(lesson["end_ns"])), "waiting")
        first = self._stretch(machine, before["from_ns"], before["to_ns"])
        if after is None:
            phase: Any = "running" if self._prediction else "ready"
            return StopsTask(machine, None, phase, 0.0, first)
        now_ns = self._screens.now_ns() or after["from_ns"]
        if after["to_ns"] is not None and self._counted(machine, after["to_ns"]):
            whole = self._stretch(machine, after["from_ns"], after["to_ns"])
            return StopsTask(machine, None, "done", 1.0, first, whole)
        length_ns = before["to_ns"] - before["from_ns"]
        done = min(max((now_ns - after["from_ns"]) / length_ns, 0.0), 0.99)
        second = self._stretch(machine, after["from_ns"], now_ns) if now_ns > after["from_ns"] else None
        wait_s = self._wait_s(after["from_ns"] + length_ns)
        return StopsTask(machine, wait_s, "running", done, first, second)

    def _gain(self, text: str) -> Answer:
        lesson = self._machines.lesson
        task = self._stops_task(lesson)
        if task.phase != "done" or task.before is None or task.after is None:
            return wrong("wait", {}, {})
        before, after = (lesson[name]["figures"][task.machine] for name in ("before", "after"))
        return check_gain(before, after, text, self._prediction, (task.before.oee, task.after.oee))

    def _stretch(self, machine: str, start_ns: int, end_ns: int) -> Stretch:
        """As ``fieldlab kpi`` tells it, from raw samples: its ends need not be those of cells."""
        rows = query.kpis(
            self._site, self._store, start_ns=start_ns, end_ns=end_ns, by=("machine",), machines=[machine]
        )
        row: Row = rows[0] if rows else {}

        def of(name: str) -> float | None:
            value = row.get(name)
            return float(value) if isinstance(value, int | float) else None

        return Stretch(
            start_ns,
            end_ns,
            oee=of("oee_index"),
            minor_stop_s=of("minor_stop_s"),
            breakdown_s=of("breakdown_s"),
            setup_s=of("actual_unit_setup_time_s"),
            good=of("good_quantity"),
            planned_s=of("planned_busy_time_s"),
        )

    # The third

    def _weeks_told(self) -> Told:
        with self._lock:
            if self._weeks is None:
                self._weeks = weeks_told(Path(self._site.path).parent, self._options.seed)
            return self._weeks

    def _weeks_task(self) -> WeeksTask:
        told = self._weeks_told()
        usual = _week(0, told.usual, {}, USUAL)
        found = zip(told.truth, told.figures, told.laws, strict=True)
        terms = {t["name"]: t["estimate"] for t in told.laws[0]["terms"]}
        base_kw = terms.pop("base")
        return WeeksTask(
            site=told.site,
            usual=usual,
            weeks=tuple(_week(week.start_ns, row, law, 1) for week, row, law in found),
            base_kw=base_kw,
            part_kwh=sum(terms.values()),
            command=told.command,
        )

    def _week(self, text: str) -> Answer:
        told = self._weeks_told()
        energy, good = told.usual["energy_kwh"], told.usual["good_quantity"]
        usual = (float(energy or 0) / USUAL, float(good or 0) / USUAL)  # type: ignore[arg-type]  # numbers
        return check_week(told.truth, told.laws, usual, text)

    # What all need

    def _seen(self, time_ns: int) -> bool:
        """Whether the job has written its atoms up to there."""
        late_ns = round(_NO_HURRY_S * self._options.speed * NS)
        return (self._screens.now_ns() or 0) >= time_ns + late_ns

    def _counted(self, machine: str, time_ns: int) -> bool:
        """Whether a later part of the machine is in the store: then all before is too."""
        rows = self._store.last_before("raw", "machine", 2**62, where={"machine": machine})
        return any(row.field == "total_count" and row.time_ns > time_ns for row in rows)

    def _wait_s(self, time_ns: int) -> float:
        left_ns = time_ns - (self._screens.now_ns() or self._options.start_ns)
        return max(left_ns / NS / self._options.speed, 0.0) + _NO_HURRY_S


def _week(start_ns: int, row: Row, law: Mapping[str, Any], count: int) -> WeekFigures:
    def of(name: str) -> float:
        value = row[name]
        return float(value) if isinstance(value, int | float) else 0.0

    return WeekFigures(
        start_ns=start_ns,
        energy_kwh=of("energy_kwh") / count,
        good=of("good_quantity") / count,
        per_good_kwh=of("energy_per_good_unit_kwh"),
        expected_kwh=law.get("expected_kwh"),
        saved_kwh=law.get("saved_kwh"),
        low_kwh=law.get("saved_low_kwh"),
        high_kwh=law.get("saved_high_kwh"),
    )
