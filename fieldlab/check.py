"""``fieldlab check`` and ``fieldlab ledger``: is the config right, and is every sample accounted for."""

from __future__ import annotations

import argparse

from fieldlab_configs import load


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the command line."""
    check = commands.add_parser("check", help="check a config without connecting to anything")
    check.add_argument("config", metavar="CONFIG")
    check.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    site = load(args.config)
    machines = list(site.machines())
    signals = sum(len(m.signals) for m in machines)
    print(
        f"{args.config}: ok: fieldlab {site.fieldlab}, {len(site.lines)} lines, {len(machines)} machines,"
        f" {signals} signals, {len(site.sources)} sources, {len(site.gateways)} gateways,"
        f" {len(site.experiments)} experiments"
    )
    return 0
