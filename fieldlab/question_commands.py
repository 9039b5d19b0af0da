"""The grammar of the commands that ask for figures; the rest of it is in `fieldlab.commands`."""

from __future__ import annotations

import argparse

from fieldlab import options


def _question(command: argparse.ArgumentParser) -> None:
    """Of what, over which range, in which form and by which groups: the same of all of them."""
    options.config(command)
    options.recordings(command, "[MACHINE=]FILE", "a recording (CSV, Parquet, SHDR) in place of the store")
    options.time_range(command)
    command.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="of what is printed (table)"
    )
    command.add_argument(
        "--by",
        default="",
        metavar="KEYS",
        help="any of machine, line, shift, shift_date, day, hour, cell, product, order, experiment, arm",
    )


def kpi(command: argparse.ArgumentParser) -> None:
    """`fieldlab kpi`."""
    _question(command)
    command.set_defaults(room="fieldlab.kpi")


def losses(command: argparse.ArgumentParser) -> None:
    """`fieldlab losses`."""
    _question(command)
    command.set_defaults(room="fieldlab.losses")


def stops(command: argparse.ArgumentParser) -> None:
    """`fieldlab stops`."""
    _question(command)
    command.add_argument(
        "--pareto",
        choices=("reason", "state", "machine"),
        help="sum them up by what they have in common, the most costly first",
    )
    command.add_argument(
        "--reliability", action="store_true", help="MTBF and MTTR of each machine instead of its stops"
    )
    command.set_defaults(room="fieldlab.stops")


def opportunities(command: argparse.ArgumentParser) -> None:
    """`fieldlab opportunities`."""
    _question(command)
    command.set_defaults(room="fieldlab.opportunities")


def baseline(command: argparse.ArgumentParser) -> None:
    """`fieldlab baseline`."""
    _question(command)
    command.add_argument(
        "--until",
        metavar="TIME",
        help="learn from before it, and report what came after; default: learn from all",
    )
    command.add_argument(
        "--per", choices=("shift", "day"), default="shift", help="how time is cut into blocks (shift)"
    )
    command.set_defaults(room="fieldlab.baseline")


def experiment(command: argparse.ArgumentParser) -> None:
    """`fieldlab experiment`."""
    options.config(command)
    command.add_argument("experiment", metavar="NAME", help="the experiment's id in the config")
    options.recordings(command, "[MACHINE=]FILE", "a recording (CSV, Parquet, SHDR) in place of the store")
    command.add_argument(
        "--format",
        choices=("table", "json", "html"),
        default="table",
        help="of what is printed (table); html: a report to print or hand on, whole in itself",
    )
    command.set_defaults(room="fieldlab.experiment")


def report(command: argparse.ArgumentParser) -> None:
    """`fieldlab report`."""
    options.config(command)
    of = command.add_mutually_exclusive_group(required=True)
    of.add_argument("--experiment", metavar="NAME", help="the experiment's id in the config")
    of.add_argument("--shift", metavar="DATE/NAME", help="a shift by the local date it begins on")
    of.add_argument("--week", metavar="WEEK", help="a week as 2026-W47, or last: the last whole one")
    of.add_argument(
        "--every-week",
        action="store_true",
        help="make and mail the reports that the config names, each week when it is over, until stopped",
    )
    command.add_argument("--format", choices=("html",), default="html", help="of what is made (html)")
    command.add_argument("--language", choices=("nl", "en"), help="default: the config's")
    command.add_argument(
        "--out", metavar="DIR", help="write it to a file in this folder; default: to standard output"
    )
    command.add_argument(
        "--company", metavar="ID", help="what this company may see of the week or shift; default: all"
    )
    command.add_argument(
        "--mail", action="store_true", help="with --week: make and mail the config's weekly reports now"
    )
    command.set_defaults(room="fieldlab.report")
