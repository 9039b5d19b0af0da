"""The few tests that failed beside others, once more and alone; the last lines name each in any case.

``python -m tests.again STATUS``, with the exit status of the whole run: 0 where all of them pass alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MOST = 3
"""So many may be a race with what else the machine did; more are not."""

_TESTS_FAILED = 1
"""The status pytest gives when tests failed, and nothing else went wrong."""


def failed(root: Path) -> list[str]:
    """The tests that the last run found failing, by pytest's own record."""
    record = root / ".pytest_cache/v/cache/lastfailed"
    try:
        return sorted(json.loads(record.read_text()))
    except FileNotFoundError:
        return []


def again(status: int, root: Path) -> int:
    """Run the failed tests alone.

    Parameters
    ----------
    status : int
        The exit status of the whole run.
    root : Path
        Where it ran.

    Returns
    -------
    int
        0 if all that failed pass alone; else the status of before.
    """
    names = failed(root)
    tests = all("::" in name for name in names)  # else a file that cannot even be read
    if status != _TESTS_FAILED or not tests or not 0 < len(names) <= MOST:
        return status
    print(f"\n{len(names)} failed beside other tests; once more, alone:", flush=True)
    alone = subprocess.run([sys.executable, "-m", "pytest", *names], cwd=root, check=False)
    what = "passed" if alone.returncode == 0 else "did not pass"
    print(f"\nfailed beside other tests, and {what} alone (a race: the first run's output says where):")
    for name in names:
        print(f"  {name}")
    return 0 if alone.returncode == 0 else status


if __name__ == "__main__":
    raise SystemExit(again(int(sys.argv[1]), Path.cwd()))
