"""A small fieldlab for tests of ingest."""

from __future__ import annotations

from pathlib import Path

from fieldlab_configs import Site, parse

_CONFIG = """
fieldlab: lab
timezone: Europe/Amsterdam
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        states: packml
        signals:
          state: {{source: broker, topic: lab/m1, field: state, item: execution}}
          total_count: {{source: broker, topic: lab/m1, field: total, item: PartCount}}
          product: {{source: broker, topic: lab/m1, field: product, item: program}}
          spindle_c: {{source: broker, topic: lab/m1, field: spindle}}
      - id: m2
        ideal_cycle_time_s: 10
        states: packml
        signals:
          state: {{source: broker, topic: lab/m2, field: state}}
          power: {{source: broker, topic: lab/m2, field: power, unit: kW}}
sources: {{broker: {{kind: mqtt, host: 127.0.0.1}}}}
gateways: {{g: {{sources: [broker], spool: {{path: spool, max_bytes: {max_bytes}}}}}}}
store: {{kind: embedded, path: lab.db}}
"""


SMALL = _CONFIG.format(max_bytes="100MB")


def small_site(folder: Path, max_bytes: str = "100MB", text: str = SMALL) -> Site:
    """Machines m1 and m2, gateway g, spool and store in a folder."""
    return parse(text.replace("100MB", max_bytes), folder / "lab.yaml")
