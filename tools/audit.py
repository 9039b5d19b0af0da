"""Ask pip-audit whether a locked package has a known weakness: `python -m tools.audit [--osv-url URL]`.

A finding fails, unless pyproject.toml accepts it, ``[tool.audit.accepted]``, with a reason and a day until
which that holds. Where the service with the weaknesses cannot be asked, that is said and nothing fails: a
laptop on a train must be able to lint. "Cannot be asked" includes a service that answers, but knows none of
the packages: pip-audit itself would call that "no known vulnerabilities".
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.licences import ROOT

LOCK = ROOT / "requirements.lock"
WITHIN_S = 300
_FOUND = 1  # pip-audit's exit status where there are weaknesses; what else went wrong has it too


class Unasked(Exception):  # noqa: N818 - named as what happened
    """The service with the weaknesses could not be asked."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """A known weakness of a locked package."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    mended_in: tuple[str, ...]


def asked(lock: Path, osv_url: str | None) -> tuple[list[Weakness], list[str]]:
    """The known weaknesses of the packages of a lock, and which of them the service does not know.

    Raises
    ------
    Unasked
        Nobody can tell.
    """
    with tempfile.TemporaryDirectory() as folder:
        # One package first: a service that is not there must not cost a try for every one.
        first = Path(folder) / "first.txt"
        first.write_text(_first(lock.read_text()))
        _, unknown = _answer(first, osv_url)
    if unknown:
        raise Unasked(f"the service does not even know {unknown[0]}")
    return _answer(lock, osv_url)


def _first(text: str) -> str:
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    end = next((i for i, line in enumerate(lines) if i and not line.startswith(" ")), len(lines))
    return "\n".join(lines[:end]) + "\n"


def _answer(lock: Path, osv_url: str | None) -> tuple[list[Weakness], list[str]]:
    service = ["--vulnerability-service", "osv", "--osv-url", osv_url] if osv_url else []
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip",
        "--format", "json", "--progress-spinner", "off", "--timeout", "10", *service,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired:
        raise Unasked(f"no answer within {WITHIN_S} s") from None
    try:
        told: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise Unasked((done.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]) from None
    if done.returncode not in (0, _FOUND):
        raise Unasked(f"it ended with status {done.returncode}")
    found = [
        Weakness(each["name"], each["version"], v["id"], tuple(v["aliases"]), tuple(v["fix_versions"]))
        for each in told
        for v in each.get("vulns", ())
    ]
    return found, [each["name"] for each in told if "skip_reason" in each]


def judged(
    found: Sequence[Weakness], accepted: Mapping[str, Mapping[str, Any]], today: dt.date
) -> tuple[list[str], list[str]]:
    """What fails, and what is only said."""
    fails, said = [], []
    met = set()
    for each in found:
        name = next((i for i in (each.id, *each.aliases) if i in accepted), None)
        shown = f"{each.package} {each.version}: {each.id}"
        if name is None:
            remedy = f"mended in {', '.join(each.mended_in)}" if each.mended_in else "not mended yet"
            fails.append(f"{shown}, {remedy}: make lock UPGRADE=1, or accept it in [tool.audit.accepted]")
            continue
        met.add(name)
        until = accepted[name]["until"]
        if today > until:
            fails.append(f"{shown}: was accepted until {until}: look at it again")
        else:
            said.append(f"{shown}: accepted until {until}: {accepted[name]['reason']}")
    said += [f"{name}: accepted, but no longer found: take it out" for name in accepted if name not in met]
    return fails, said


def rules(pyproject: Path) -> dict[str, dict[str, Any]]:
    """What is accepted; each with a reason and a day."""
    accepted: dict[str, dict[str, Any]] = (
        tomllib.loads(pyproject.read_text())["tool"].get("audit", {}).get("accepted", {})
    )
    for name, rule in accepted.items():
        if not rule.get("reason") or not isinstance(rule.get("until"), dt.date):
            raise SystemExit(f"pyproject.toml: tool.audit.accepted.{name} needs a reason and until, a date")
    return accepted


def main() -> int:
    """Print what is known; 1 where something must be done, 0 where nothing is or nobody can tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--osv-url", help="ask this OSV service in place of PyPI")
    parser.add_argument("--lock", type=Path, default=LOCK)
    parser.add_argument("--pyproject", type=Path, default=ROOT / "pyproject.toml")
    args = parser.parse_args()
    accepted = rules(args.pyproject)
    try:
        found, unknown = asked(args.lock, args.osv_url)
    except Unasked as why:
        print(f"pip-audit could not run: {why}. Known weaknesses of packages were NOT looked up.")
        return 0
    fails, said = judged(found, accepted, dt.datetime.now(dt.UTC).date())
    if unknown:
        said.append(f"pip-audit could not look up {len(unknown)} packages: {', '.join(unknown)}")
    for line in said:
        print(line)
    for line in fails:
        print(line, file=sys.stderr)
    print(f"pip-audit: {len(found)} known weaknesses, {len(fails)} to be dealt with.")
    return 1 if fails else 0


if __name__ == "__main__":
    sys.exit(main())
