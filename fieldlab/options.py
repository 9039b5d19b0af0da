"""Options and kinds of values that several commands share."""

from __future__ import annotations

import argparse


def config(command: argparse.ArgumentParser) -> None:
    """Of every command but a few."""
    command.add_argument("config", metavar="CONFIG", help="the fieldlab's YAML file")


def time_range(command: argparse.ArgumentParser) -> None:
    """``--from`` and ``--to``."""
    command.add_argument(
        "--from", dest="start", metavar="TIME", help="begin of the range (RFC 3339, or a local date)"
    )
    command.add_argument("--to", dest="end", metavar="TIME", help="end of the range, not part of it")


def recordings(command: argparse.ArgumentParser, metavar: str, words: str) -> None:
    """``--input``."""
    command.add_argument("--input", action="append", default=[], metavar=metavar, help=words)


def positive(text: str) -> float:
    """A number above 0, of an option."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def share(text: str) -> float:
    """A share: from 0 to under 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to under 1, such as 0.1")
    return value


def pace(text: str) -> float:
    """Simulated seconds per second: from a hundredth to ten thousand."""
    value = positive(text)
    if not 0.01 <= value <= 10_000:  # noqa: PLR2004 - a tick beyond would be days
        raise argparse.ArgumentTypeError(f"{text} is not a speed from 0.01 to 10000")
    return value


def port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:  # noqa: PLR2004 - the highest port
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def days(text: str) -> float:
    """For how long a link is good: a minute to a leap year."""
    value = positive(text)
    if not 1 / 1440 <= value <= 366:  # noqa: PLR2004 - said above
        raise argparse.ArgumentTypeError(f"{text} is not a number of days up to 366")
    return value
