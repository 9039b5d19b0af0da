"""``fieldlab check``: is the config right."""

from __future__ import annotations

import argparse

from fieldlab_configs import load


def run(args: argparse.Namespace) -> int:
    """Say what the config holds; what is wrong in it is an error before that."""
    site = load(args.config)
    machines = list(site.machines())
    signals = sum(len(m.signals) for m in machines)
    print(
        f"{args.config}: ok: fieldlab {site.fieldlab}, {len(site.lines)} lines, {len(machines)} machines,"
        f" {signals} signals, {len(site.sources)} sources, {len(site.gateways)} gateways,"
        f" {len(site.experiments)} experiments"
    )
    return 0
