"""docs/reference/metrics.md: what a gateway tells Prometheus, taken from what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from fieldlab_configs.load import parse
from gateways.clock import GatewayClock
from gateways.figures import SourceFigures
from gateways.gateway import Running
from gateways.metrics import exposition
from ingest.account import Ledger
from ingest.room import Room
from ingest.state import State, StoreState

_CONFIG: Final = """\
fieldlab: lab
timezone: Europe/Amsterdam
lines:
  - id: line1
    machines:
      - {id: mill1, states: packml, signals: {state: {source: plc1, node: "ns=2;s=State"}}}
sources:
  plc1: {kind: opcua, endpoint: "opc.tcp://127.0.0.1:4840", security: none}
gateways:
  edge1: {sources: [plc1]}
store: {kind: embedded, path: lab.db}
"""
_HEAD: Final = """\
A gateway with `metrics: {port: 9273}` answers at `/metrics` in Prometheus's text format. Times are in
seconds, room and memory in bytes. Those with a label `store` are there where a gateway delivers to several
stores (`also`).

| metric | kind | labels | meaning |
|---|---|---|---|
"""


class _Pipeline:
    """One that has everything to tell, and takes nothing."""

    async def put(self, samples: Sequence[Any]) -> None:
        """Nothing is taken."""

    def state(self) -> State:
        """Two stores, a spool in use."""
        ledger = Ledger()
        stores = {name: StoreState(ledger, 0.0, None) for name in ("store", "copy")}
        return State(ledger, Room(1, 2, 3.0), 0.0, None, (), stores)


def page(generated: str) -> str:
    """Every metric with its kind, labels and meaning."""
    pipeline = _Pipeline()
    running = Running(parse(_CONFIG, "metrics"), "edge1", pipeline, GatewayClock())  # type: ignore[arg-type]
    running.figures["plc1"] = SourceFigures(last_s=0.0)
    running.certificates["plc1"] = 1
    running.life.expect("plc1", "mill1")
    rows = [_row(*found) for found in _FAMILY.findall(exposition(running, pipeline))]
    return "\n".join(["# Metrics of a gateway\n", generated, _HEAD + "\n".join(rows), ""])


_FAMILY: Final = re.compile(r"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n\S+?(?:\{(.*)\})? \S+\n")


def _row(name: str, words: str, kind: str, labels: str) -> str:
    named = ", ".join(f"`{label}`" for label in re.findall(r"(\w+)=", labels))
    return f"| `{name}` | {kind} | {named or 'none'} | {words} |"
