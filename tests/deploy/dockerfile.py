"""A Dockerfile, read; and its build stage, run on this computer in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its name, what it begins with, and its instructions in order."""

    name: str
    base: str
    steps: tuple[tuple[str, str], ...]

    def all(self, instruction: str) -> list[str]:
        """What is said by one kind of instruction."""
        return [words for kind, words in self.steps if kind == instruction]


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    text = re.sub(r"(?m)^#.*\n", "", path.read_text(encoding="utf-8")).replace("\\\n", " ")
    stages: list[tuple[str, str, list[tuple[str, str]]]] = []
    for line in text.splitlines():
        kind, _, words = line.partition(" ")
        if kind == "FROM":
            base, _, name = words.partition(" AS ")
            stages.append((name, base, []))
        elif kind and stages:
            stages[-1][2].append((kind, words.strip()))
    return [Stage(name, base, tuple(steps)) for name, base, steps in stages]


def words_of(text: str) -> list[str]:
    """The words of an instruction in its list form."""
    found: list[str] = json.loads(text)
    return found


def run(stage: Stage, folder: Path) -> None:
    """Do what a stage does, COPY and RUN, with its absolute paths inside a folder, by our own Python."""
    work = folder
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environ["PIP_NO_COMPILE"] = "1"  # compiling takes as long as all the rest
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    for kind, words in stage.steps:
        if kind == "WORKDIR":
            work = folder / words.lstrip("/")
            work.mkdir(parents=True)
        elif kind == "COPY":
            *sources, target = words.split()
            for source in sources:
                _copy(ROOT / source, work / target)
        elif kind == "RUN":
            command = re.sub(r"(?<!\S)(/opt/)", rf"{folder}\1", words).replace("python3.11", version)
            (folder / "opt").mkdir(exist_ok=True)
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=work, capture_output=True, text=True, check=False,
                timeout=500, env=environ,
            )  # fmt: skip
            assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        else:
            raise AssertionError(f"{kind} is not known here")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
