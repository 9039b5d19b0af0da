"""How a gateway does: as Prometheus reads it (text format 0.0.4), and whether it does its work at all."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol

from gateways.gateway import Running
from gateways.pki_facts import WARN_DAYS
from ingest.delivery import resident_mb
from ingest.room import ALARM
from ingest.state import State

Labels = Mapping[str, str]
_STARTED: Final = time.time()
_FILES: Final = Path("/proc/self/fd")


class Watched(Protocol):
    """What is watched of a pipeline; `ingest.pipeline.Pipeline` is one."""

    def state(self) -> State:
        """How it does."""
        ...


@dataclass(slots=True)
class Health:
    """What is wrong with a gateway.

    Attributes
    ----------
    wrong : list of str
        It does not do its work.
    warnings : list of str
        It does, though not everything around it does.
    """

    wrong: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether it does its work."""
        return not self.wrong


def health(running: Running, pipeline: Watched) -> Health:
    """Whether a gateway does its work: a store or a machine that is away is no fault of its own."""
    state, found = pipeline.state(), Health()
    found.wrong += [f"{name} has ended" for name in (*running.stalled(), *state.stalled)]
    if running.sink.trouble is not None:
        found.wrong.append(running.sink.trouble)
    found.wrong += [
        f"source {name} does not run: {figures.refused}"
        for name, figures in running.figures.items()
        if figures.refused is not None
    ]
    if state.room is not None and state.room.used >= ALARM:
        found.warnings.append(f"the spool is {100 * state.room.used:.0f} % full")
    found.warnings += [
        f"a certificate of {source} ends in {left} days"
        for source, left in running.certificates.items()
        if left < WARN_DAYS
    ]
    if state.trouble is not None:
        found.warnings.append(f"nothing can be delivered: {state.trouble}")
    found.warnings += [
        f"nothing can be delivered to store {name}: {store.trouble}"
        for name, store in state.stores.items()
        if store.trouble is not None and store.trouble != state.trouble
    ]
    found.warnings += [
        f"no life of {machine} behind {source}"
        for (source, machine), up in running.life.all_up().items()
        if not up
    ]
    return found


def exposition(running: Running, pipeline: Watched) -> str:
    """Every figure, in Prometheus's text format."""
    lines: list[str] = []
    for name, kind, words, values in _families(running, pipeline.state()):
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{_labels(labels)} {value:.15g}" for labels, value in values]
    return "\n".join(lines) + "\n"


_Family = tuple[str, str, str, Iterable[tuple[Labels, float]]]


def _families(running: Running, state: State) -> Iterator[_Family]:
    of = {"fieldlab": running.site.fieldlab, "gateway": running.gateway}
    build = {**of, "version": version("fieldlab")}
    yield "fieldlab_build_info", "gauge", "Version of Fieldlab.", [(build, 1.0)]
    for name, words in (
        ("received", "Samples taken from machines, and messages that could not be read."),
        ("stored", "Samples in the store."),
        ("replaced", "Samples in the store in the place of an earlier one of the same series and time."),
        ("dead", "Dead letters."),
    ):
        yield f"fieldlab_samples_{name}_total", "counter", words, [(of, getattr(state.ledger, name))]
    waiting, gaps = float(state.ledger.waiting), float(state.ledger.gaps)
    yield "fieldlab_samples_waiting", "gauge", "Samples in the spool, not delivered yet.", [(of, waiting)]
    yield "fieldlab_gaps_total", "counter", "Known losses, written down as such.", [(of, gaps)]
    yield "fieldlab_lag_seconds", "gauge", "Age of the oldest that is not delivered.", [(of, state.lag_s)]
    up = float(state.trouble is None)
    yield "fieldlab_store_up", "gauge", "Whether the last delivery worked.", [(of, up)]
    taking = float(running.sink.trouble is None)
    yield "fieldlab_spool_up", "gauge", "Whether the spool takes samples.", [(of, taking)]
    yield from _stores(state, of)
    yield from _spool(state, of)
    yield from _sources(running, of)
    for name, days in running.told().items():
        yield f"fieldlab_{name}", "gauge", "Days until the first certificate ends that is used.", [(of, days)]
    yield from _process()


def _stores(state: State, of: Labels) -> Iterator[_Family]:
    """Where there are several stores: each by its name."""
    if not state.stores:
        return
    stores = [({**of, "store": name}, each) for name, each in state.stores.items()]
    for name, words in (
        ("received", "Samples taken for a store."),
        ("stored", "Samples in a store."),
        ("replaced", "Samples in a store in the place of an earlier one of the same series and time."),
        ("dead", "Dead letters of a store."),
    ):
        values = [(labels, float(getattr(each.ledger, name))) for labels, each in stores]
        yield f"fieldlab_store_samples_{name}_total", "counter", words, values
    waiting = [(labels, float(each.ledger.waiting)) for labels, each in stores]
    yield "fieldlab_store_samples_waiting", "gauge", "Samples that a store does not have yet.", waiting
    lags = [(labels, each.lag_s) for labels, each in stores]
    yield "fieldlab_store_lag_seconds", "gauge", "Age of the oldest that a store does not have.", lags
    ups = [(labels, float(each.trouble is None)) for labels, each in stores]
    yield "fieldlab_store_delivering", "gauge", "Whether the last delivery to a store worked.", ups


def _spool(state: State, of: Labels) -> Iterator[_Family]:
    room = state.room
    if room is None:
        return
    waiting, most = float(room.waiting_bytes), float(room.max_bytes)
    yield "fieldlab_spool_waiting_bytes", "gauge", "Spool in use by what waits.", [(of, waiting)]
    yield "fieldlab_spool_max_bytes", "gauge", "What the spool may hold, or the disk can.", [(of, most)]
    if room.autonomy_h is not None:
        words = "How long the spool lasts without the store, at the rate of late."
        yield "fieldlab_spool_autonomy_seconds", "gauge", words, [(of, room.autonomy_h * 3600)]


def _sources(running: Running, of: Labels) -> Iterator[_Family]:
    figures = [({**of, "source": name}, each) for name, each in running.figures.items()]
    for name, words in (
        ("samples", "Samples that a source brought since the gateway started."),
        ("letters", "Messages of a source that could not be read."),
        ("gaps", "Known losses of a source."),
        ("failures", "How often a source's driver failed and was started anew."),
    ):
        values = [(labels, float(getattr(each, name))) for labels, each in figures]
        yield f"fieldlab_source_{name}_total", "counter", words, values
    now = time.monotonic()
    ages = [(labels, now - each.last_s) for labels, each in figures if each.last_s is not None]
    yield "fieldlab_source_age_seconds", "gauge", "Time since a source brought anything.", ages
    links = [
        ({**of, "source": source, "machine": machine}, float(up))
        for (source, machine), up in running.life.all_up().items()
    ]
    yield "fieldlab_link_up", "gauge", "Whether a machine shows life behind a source.", links


def _process() -> Iterator[_Family]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s, resident = used.ru_utime + used.ru_stime, resident_mb() * 1e6
    yield "process_cpu_seconds_total", "counter", "CPU time of the gateway's process.", [({}, cpu_s)]
    yield "process_resident_memory_bytes", "gauge", "Resident memory of the process.", [({}, resident)]
    yield "process_start_time_seconds", "gauge", "When the process started, since 1970.", [({}, _STARTED)]
    if _FILES.is_dir():
        files = float(len(list(_FILES.iterdir())))
        yield "process_open_fds", "gauge", "Open files of the process.", [({}, files)]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
