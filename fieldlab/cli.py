"""``fieldlab``: the one command."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from ingest.recording import RecordingError

from fieldlab import check, demo, kpi, services, simulate
from fieldlab.errors import Found, WrongUse
from fieldlab_configs import ConfigError
from ingest.store import StoreUnavailable


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="fieldlab",
        description="Machine data to OEE and energy per unit, every sample accounted for.",
    )
    top.add_argument("--version", action="version", version=f"fieldlab {version('fieldlab')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        demo.add_parser,
        simulate.add_parser,
        services.add_parsers,
        kpi.add_parser,
        check.add_parsers,
    ):
        add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done; 1 it ran and found what the command exists to find; 2 wrong use or config.
    """
    args = parser().parse_args(argv)
    logging.basicConfig(
        level=os.environ.get("FIELDLAB_LOG", "WARNING").upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        code: int = args.run(args)
    except (WrongUse, ConfigError, RecordingError) as error:
        print(error, file=sys.stderr)
        return 2
    except (Found, StoreUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (head, less) has seen enough; a second complaint at exit helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code
