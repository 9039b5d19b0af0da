"""The few tests that failed beside others, once more with their files alone; the last lines name each.

``python -m tests.again STATUS``, with the exit status of the whole run: 0 where all of their files pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

RECORD = Path(".pytest_cache/v/cache/lastfailed")
"""Where pytest notes what failed; `make test` removes it first, so that it is of one run."""

MOST = 3
"""So many may be a race with what else the machine did; more are not."""

_TESTS_FAILED = 1
"""The status pytest gives when tests failed, and nothing else went wrong."""


def failed(root: Path) -> list[str]:
    """The tests that the last run found failing, by pytest's own record."""
    try:
        return sorted(json.loads((root / RECORD).read_text()))
    except FileNotFoundError:
        return []


def again(status: int, root: Path) -> int:
    """Run the files of the failed tests with nothing beside them.

    Whole files: a test may fail for what one before it did to the server or the page that they share.

    Parameters
    ----------
    status : int
        The exit status of the whole run.
    root : Path
        Where it ran.

    Returns
    -------
    int
        0 if every test that failed is run again and passes, and so do the others of its file; else the
        status of before.
    """
    names = failed(root)
    tests = all("::" in name for name in names)  # else a file that cannot even be read
    if status != _TESTS_FAILED or not tests or not 0 < len(names) <= MOST:
        return status
    print(f"\n{len(names)} failed beside other tests; their files once more, alone:", flush=True)
    good = _pass(names, root)
    what = "passed" if good else "did not pass"
    print(f"\nfailed beside other tests, and {what} alone (the first run's output says where):")
    for name in names:
        print(f"  {name}")
    return 0 if good else status


def _pass(names: list[str], root: Path) -> bool:
    """Whether the files of tests pass, and each of these tests does: one that is skipped does not."""
    files = sorted({name.partition("::")[0] for name in names})
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.xml"
        run = [sys.executable, "-m", "pytest", f"--junitxml={told}", *files]
        if subprocess.run(run, cwd=root, check=False).returncode != 0:
            return False
        cases = list(ET.parse(told).iter("testcase"))  # noqa: S314 - written by pytest just now
    passed = {(case.get("classname"), case.get("name")) for case in cases if case.find("skipped") is None}
    return passed.issuperset(_told_as(name) for name in names)


def _told_as(name: str) -> tuple[str, str]:
    """How the file of results names a test: its room and class, and itself."""
    test, bracket, case = name.partition("[")
    *within, itself = test.split("::")
    return ".".join(within).replace(".py", "", 1).replace("/", "."), itself + bracket + case


if __name__ == "__main__":
    raise SystemExit(again(int(sys.argv[1]), Path.cwd()))
