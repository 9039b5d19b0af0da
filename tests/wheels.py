"""The product as it is installed: wheels built from a tree, and environments that hold one."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build(folder: Path, version: str | None = None, *, tree: Path = ROOT) -> Path:
    """A wheel of a tree, in a folder of its own; under another version where one is given."""
    copy = folder / "tree"
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    for room in rooms:
        shutil.copytree(tree / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(tree / name, copy / name)
    if version is not None:
        path = copy / "pyproject.toml"
        text, n = re.subn(r'(?m)^version = ".*"$', f'version = "{version}"', path.read_text(encoding="utf-8"))
        assert n == 1
        path.write_text(text, encoding="utf-8")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(copy))
    shutil.rmtree(copy)
    (wheel,) = folder.glob("*.whl")
    return wheel


def revision(folder: Path, name: str) -> Path:
    """The tree of a revision of this repository, in a folder."""
    packed = subprocess.run(["git", "archive", name], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extractall(folder, filter="data")
    return folder


def environment(folder: Path) -> Path:
    """A virtual environment with the dependencies of these tests and without the product; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # A path and no more: the .pth files over there, the product's own among them, are not followed.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return python


def install(python: Path, wheel: Path) -> None:
    """Put a wheel into an environment, in the place of what it had of the product."""
    _pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        raise RuntimeError(f"pip {words[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
