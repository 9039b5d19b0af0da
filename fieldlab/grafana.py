"""``fieldlab dashboards``: Grafana dashboards as code."""

from __future__ import annotations

import argparse
from pathlib import Path

from dashboards.build import build
from dashboards.grafana_source import parted
from fieldlab.errors import WrongUse
from fieldlab.modes import for_others
from fieldlab_configs import load


def run(args: argparse.Namespace) -> int:
    """Write dashboards and provisioning files; the same config gives the same bytes."""
    site = load(args.config)
    user = "" if args.tokens is None else _user(Path(args.tokens))
    try:
        with for_others():  # Grafana has a user of its own
            written = build(site, args.out, args.language, user)
    except OSError as error:
        raise WrongUse(
            f"--out {args.out}: {error.strerror or error}; give a folder that can be written"
        ) from None
    for path in written:
        print(path)
    return 0


def _user(folder: Path) -> str:
    """Grafana's user in an InfluxDB 1.x with accounts; none where it has a token, or needs none."""
    path = folder / "dashboards.token"
    try:
        return parted(path.read_text(encoding="utf-8").strip())[0]
    except FileNotFoundError:
        if folder.is_dir():
            return ""  # a store that asks nobody who he is
        raise WrongUse(f"--tokens {folder}: there is no such folder; store setup makes it") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise WrongUse(f"--tokens: {path} cannot be read: {why}") from None
