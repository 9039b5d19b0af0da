"""Running ``fieldlab`` as a user does."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from fieldlab.cli import main

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "fieldlab_configs" / "examples"
RECORDINGS = REPOSITORY.parent / "shared" / "data" / "nist_sms_testbed"


def command(*args):
    """The command line of a call."""
    return [sys.executable, "-m", "fieldlab", *map(str, args)]


@dataclass(frozen=True)
class Done:
    """What a call printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def fieldlab(*args, cwd=None):
    """Run a command to its end, inside this process: most of a call's time is imports."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), chdir(cwd or "."):
        try:
            status = main([str(arg) for arg in args])
        except SystemExit as left:
            status = left.code
    return Done(status, out.getvalue(), err.getvalue())


def started(*args, cwd=None):
    """Start a command and go on."""
    return subprocess.Popen(
        command(*args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


@contextmanager
def demo(folder, *more):
    """A demo that runs in a folder, without a browser of its own; the address of its page."""
    process = started("demo", "--no-browser", "--seed", 5, "--data", folder, *more)
    try:
        lines = []
        while not (lines and lines[-1].startswith("config:")):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        yield next(re.search(r"http://\S+", line)[0] for line in lines if line.startswith("page:"))
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(90)
    assert status == 0


def figures(*args):
    """The rows of ``fieldlab kpi --format json``."""
    done = fieldlab("kpi", *args, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
