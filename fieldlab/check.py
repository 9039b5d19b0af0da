"""``fieldlab check``: is the config right."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise

from fieldlab.times import rfc3339
from fieldlab_configs import ConfigError, DriverSource, Site, load

_COUNTERS = ("total_count", "good_count", "scrap_count")


def run(args: argparse.Namespace) -> int:
    """Say what the config holds; what is wrong in it is an error before that."""
    site = load(args.config)
    _check_drivers(site)
    machines = list(site.machines())
    signals = sum(len(m.signals) for m in machines)
    counts = {
        "line": len(site.lines),
        "machine": len(machines),
        "signal": signals,
        "source": len(site.sources),
        "gateway": len(site.gateways),
        "experiment": len(site.experiments),
    }
    said = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())
    print(f"{args.config}: ok: fieldlab {site.fieldlab}, {said}")
    for note in (*_untold(site), *_left(site)):
        print(f"{args.config}: note: {note}")
    return 0


def _check_drivers(site: Site) -> None:
    """Whether there is a driver of each name; only then the rooms of the gateways are looked at."""
    named = {name: source for name, source in site.sources.items() if isinstance(source, DriverSource)}
    if not named:
        return
    known = import_module("gateways.source").DRIVERS
    wrong = [
        f"{site.path}: sources.{name}.driver: there is no driver {source.driver};"
        f" there are {', '.join(known)}"
        for name, source in named.items()
        if source.driver not in known
    ]
    if wrong:
        raise ConfigError(wrong)


def _untold(site: Site) -> Iterator[str]:
    """What keeps a machine's OEE a dash; one that only has measurements is meant so."""
    for machine in site.machines():
        there = [role for role in _COUNTERS if role in machine.signals]
        if not there and "state" in machine.signals and machine.ideal_cycle_time_s is not None:
            yield f"{machine.id}: its OEE is a dash, for nothing counts its parts: {' or '.join(_COUNTERS)}"
        elif len(there) == 1 and machine.assume_quality is None:
            yield (
                f"{machine.id}: its OEE is a dash, for {there[0]} alone does not tell good parts from scrap;"
                " give another counter, or assume_quality"
            )
        if there and "state" not in machine.signals and machine.states is None:
            yield f"{machine.id}: nothing says when it runs; give it a state, or states: {{from_count: {{}}}}"


def _left(site: Site) -> Iterator[str]:
    """Lines that a machine has left, of which one output is told for all time."""
    for machine in site.machines():
        entries = machine.line.entries
        for (_, line_id), (until_ns, _) in pairwise(entries):
            line = next(line for line in site.lines if line.id == line_id)
            if line_id != machine.line.latest and not line.outputs.edges:
                yield (
                    f"line {line_id}: {machine.id} stood in it until {rfc3339(until_ns)}; its output is"
                    f" {line.output} for all time; if it was another before, say so:"
                    f" output: [{{from: ..., value: ...}}, {{from: ..., value: ...}}]"
                )
