"""Check that every locked package has a licence we may ship with: `python tools/licences.py`.

The allow-list and the packages that were looked at by a person stand in pyproject.toml,
``[tool.licences]``. A package passes when its licence is allowed, or when it was reviewed
under exactly the licence that it has now: a change of licence asks for a new review.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What packages write, besides SPDX, in a classifier or in the free field.
SPELLINGS = {
    "apache 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd license": "BSD-3-Clause",
    "gnu general public license (gpl)": "GPL",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "public domain": "Public-Domain",
    "python software foundation license": "PSF-2.0",
}


def locked(lock: Path) -> list[str]:
    """Names of the packages of a lock."""
    return re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", lock.read_text(), re.MULTILINE)


def licence_of(package: Distribution) -> str:
    """The licence that a package declares, as an SPDX expression as far as it can be told.

    Order of trust: ``License-Expression``, the classifiers (several of them are read as AND, the
    careful reading), the free ``License`` field.
    """
    meta = package.metadata
    expression: list[str] = meta.get_all("License-Expression") or []
    if expression:
        return expression[0]
    classifiers = [
        text.rsplit(" :: ", 1)[1]
        for text in meta.get_all("Classifier") or []
        if text.startswith("License :: OSI Approved :: ") or text == "License :: Public Domain"
    ]
    free = (meta.get_all("License") or [""])[0].strip()
    if " OR " in free or not classifiers:
        first_line = free.partition("\n")[0]
        return SPELLINGS.get(first_line.lower(), first_line) or "not declared"
    return " AND ".join(sorted({SPELLINGS.get(text.lower(), text) for text in classifiers}))


def allows(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with allowed licences alone."""
    words = re.findall(r"[()]|[^\s()]+(?:\s+WITH\s+[^\s()]+)?", expression)
    at = 0

    def term() -> bool:
        nonlocal at
        word = words[at]
        at += 1
        if word == "(":
            value = either()
            at += 1
            return value
        return word in allowed

    def both() -> bool:
        nonlocal at
        value = term()
        while at < len(words) and words[at].upper() == "AND":
            at += 1
            value = term() and value
        return value

    def either() -> bool:
        nonlocal at
        value = both()
        while at < len(words) and words[at].upper() == "OR":
            at += 1
            value = both() or value
        return value

    return bool(words) and either()


def main() -> int:
    """Print what is not allowed; 0 where everything is."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["licences"]
    allowed, reviewed = set(rules["allow"]), rules["reviewed"]
    names = locked(ROOT / "requirements.lock")
    problems = [f"{name}: reviewed, but no longer locked" for name in set(reviewed) - set(names)]
    checked = 0
    for name in names:
        try:
            licence = licence_of(distribution(name))
        except PackageNotFoundError:
            continue  # for another platform or Python
        checked += 1
        if allows(licence, allowed):
            continue
        if name not in reviewed:
            problems.append(
                f"{name}: {licence!r} is not allowed; review it in pyproject.toml, [tool.licences]"
            )
        elif reviewed[name]["licence"] != licence:
            problems.append(f"{name}: was {reviewed[name]['licence']!r} when reviewed, is {licence!r} now")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"Licences: {checked} packages, {len(problems)} problems.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
