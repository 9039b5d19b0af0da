"""Programs from PyPI in an environment of their own, for peers whose dependencies are not ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import ServerMissingError

CACHE = Path(__file__).resolve().parents[1] / ".cache"


def installed(*requirements: str) -> Path:
    """A folder with these, and nothing of ours; made once, with pip, and kept.

    Raises
    ------
    ServerMissingError
        If pip cannot get them.
    """
    name = hashlib.sha256(f"{sys.version_info[:2]} {requirements}".encode()).hexdigest()[:12]
    folder = CACHE / f"{requirements[0].partition('=')[0]}-{name}"
    if folder.exists():
        return folder
    CACHE.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=CACHE))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(made)]
    command += ["--disable-pip-version-check", "--timeout", "20", "--retries", "1", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        shutil.rmtree(made)
        why = done.stderr.strip().splitlines()
        raise ServerMissingError(
            f"{requirements[0]} could not be installed: {why[-1] if why else 'no reason'}"
        )
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made)  # somebody else was quicker
    return folder


def command(folder: Path, script: Path, *args: object) -> tuple[list[str], dict[str, str]]:
    """How to run a script with what is in a folder alone: the command, and its environment."""
    # -S: without the packages of the Python that we run in ourselves.
    return [sys.executable, "-S", str(script), *map(str, args)], {**os.environ, "PYTHONPATH": str(folder)}
