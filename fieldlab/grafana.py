"""``fieldlab dashboards``: Grafana dashboards as code."""

from __future__ import annotations

import argparse

from dashboards.build import build
from fieldlab.errors import WrongUse
from fieldlab_configs import load


def run(args: argparse.Namespace) -> int:
    """Write dashboards and provisioning files; the same config gives the same bytes."""
    site = load(args.config)
    try:
        written = build(site, args.out, args.language)
    except OSError as error:
        raise WrongUse(
            f"--out {args.out}: {error.strerror or error}; give a folder that can be written"
        ) from None
    for path in written:
        print(path)
    return 0
