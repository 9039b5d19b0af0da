"""``fieldlab check``: is the config right."""

from __future__ import annotations

import argparse

from fieldlab_configs import load


def run(args: argparse.Namespace) -> int:
    """Say what the config holds; what is wrong in it is an error before that."""
    site = load(args.config)
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
    return 0
