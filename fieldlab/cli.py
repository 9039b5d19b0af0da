"""``fieldlab``: the one command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import unicodedata
from collections.abc import Sequence

from fieldlab.commands import parser
from fieldlab.errors import Found, WrongUse
from fieldlab.logs import FORMS, set_up
from fieldlab.modes import shut_others_out
from fieldlab.plain import one_line

_NEED_APP = frozenset(f"fieldlab.{room}" for room in ("demo", "app", "grafana", "grafana_push", "report"))
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0 done; 1 it ran and found what the command exists to find; 2 wrong use or config.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    for word in words:
        if any(unicodedata.category(letter) == "Cc" for letter in word):
            # It would come back on the terminal, in logs and in names of files.
            return _say(f"{one_line(word)}: no argument may hold a control character, such as a line end", 2)
    args, strange = parser().parse_known_args(words)
    if strange:
        action = f" {args.action}" if getattr(args, "action", None) else ""
        command = f"fieldlab {args.command}{action}"
        return _say(f"{command} does not know {' '.join(strange)}; {command} --help says what it takes", 2)
    level = os.environ.get("FIELDLAB_LOG", "warning").upper()
    if level not in LEVELS:
        return _say(f"FIELDLAB_LOG={level.lower()}: choose from {', '.join(LEVELS).lower()}", 2)
    form = getattr(args, "log_format", None) or os.environ.get("FIELDLAB_LOG_FORMAT", "text").lower()
    if form not in FORMS:
        return _say(f"FIELDLAB_LOG_FORMAT={form}: choose from {', '.join(FORMS)}", 2)
    set_up(level, form)
    shut_others_out()
    try:
        return _run(args)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; a second complaint at exit helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _run(args: argparse.Namespace) -> int:
    """Run the command's room; what a user can mend is one message and no traceback."""
    try:
        room, _, function = args.room.partition(":")
        code: int = getattr(importlib.import_module(room), function or "run")(args)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "simulator":
            return _say(f"{args.command}: this installation has no simulator (the image of production)", 2)
        if args.room in _NEED_APP and error.name:
            from fieldlab_configs.lacking import INSTALL_ALL  # noqa: PLC0415 - pydantic comes with it

            return _say(f"{args.command} needs {error.name}: {INSTALL_ALL}", 2)
        raise
    except Exception as error:
        status = _status(error)
        if status is None:
            raise
        return _say(str(error), status)
    return code


def _status(error: Exception) -> int | None:
    """The exit status of an error that a user can mend; None for a defect of ours."""
    if isinstance(error, WrongUse):
        return 2
    if isinstance(error, Found):
        return 1
    # Only now: importing every room's errors would cost each command a second.
    from fieldlab_configs import ConfigError  # noqa: PLC0415
    from ingest.errors import ArchiveError, RecordingError, SpoolUnavailable  # noqa: PLC0415
    from ingest.store import StoreUnavailable  # noqa: PLC0415

    if isinstance(error, ArchiveError | ConfigError | RecordingError):
        return 2
    if isinstance(error, StoreUnavailable | SpoolUnavailable):
        return 1
    # Named by module, for the runtime never imports the simulator, nor an edge gateway the dashboards.
    kind = f"{type(error).__module__}.{type(error).__name__}"
    return {
        "dashboards.errors.AddressInUse": 2,
        "dashboards.errors.CannotListen": 2,
        "dashboards.errors.GrafanaRefused": 1,
        "dashboards.errors.GrafanaTrouble": 1,
        "gateways.errors.CertificateUnusable": 2,
        "gateways.errors.SourceRefused": 2,
        "simulator.errors.CannotSimulate": 2,
        "simulator.errors.PortBusy": 2,
        "simulator.errors.NobodyListens": 1,
    }.get(kind)


def _say(message: str, status: int) -> int:
    print(message, file=sys.stderr)
    return status
