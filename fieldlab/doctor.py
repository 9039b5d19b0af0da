"""``fieldlab doctor``: connect to every source and the store, and say what is well, what not, what to do."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Final

from fieldlab.gateway import gateway_name
from fieldlab.plain import json_line
from fieldlab.secrets import hide_secrets
from fieldlab_configs import load
from gateways.doctor import LISTEN_S, examine
from gateways.findings import LEVELS, Finding

_SIGNS: Final = {"ok": "ok", "warning": "WARNING", "failure": "FAILURE", "not checked": "not checked"}


def run(args: argparse.Namespace) -> int:
    """Print each check; exit status 1 where one has failed."""
    site = load(args.config)
    names = [gateway_name(site, args.gateway)] if args.gateway else list(site.gateways)
    hide_secrets(site)
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not args.json:
            print(_line(finding), flush=True)

    asyncio.run(examine(site, names, tell, listen_s=args.listen or LISTEN_S))
    if args.json:
        print(json_line([asdict(finding) for finding in findings]))
    else:
        counts = Counter(finding.level for finding in findings)
        print(", ".join(f"{counts[level]} {level}" for level in LEVELS))
    return int(any(finding.level == "failure" for finding in findings))


def _line(finding: Finding) -> str:
    head = f"{_SIGNS[finding.level]:<12}{finding.about}: {finding.check}: {finding.said}"
    return f"{head}\n{'':<12}-> {finding.remedy}" if finding.remedy and finding.level != "ok" else head
