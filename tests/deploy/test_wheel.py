"""The wheel: what is in it, and that it works outside of the repository, on an edge box and as a tool."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from fieldlab_configs.lacking import INSTALL_ALL
from tests import servers, wheels
from tests.deploy.containers import ROOT
from tests.environments import installed
from tests.repo.documents import blocks, commands

HOW_TO = ROOT / "docs" / "how-to" / "run-a-gateway.md"
UV = "uv==0.13.9"
pytestmark = pytest.mark.timeout(600)  # a whole environment, where others work too


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of this tree."""
    return wheels.build(tmp_path_factory.mktemp("wheel"))


def outside(program: Path, folder: Path, *words: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the product in an empty folder, with nothing of the repository in sight."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(program), *map(str, words)],
        cwd=folder, env=kept | environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def pins(lock: str) -> dict[str, str]:
    """Package to version."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_wheel_holds_all_of_every_package_and_nothing_else(wheel) -> None:
    """Modules, examples, style sheets, markers of types; no tests, no benchmarks."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    assert {name.partition("/")[0] for name in names} == rooms
    if tracked.returncode == 0:
        assert {n for n in tracked.stdout.splitlines() if n.partition("/")[0] in rooms} - names == set()
    for name in ("fieldlab_configs/examples/compose.yaml", "dashboards/static/page.css", "gateways/py.typed"):
        assert name in names


@pytest.mark.slow
def test_an_edge_box_installs_by_hash_what_a_gateway_needs_and_no_more(wheel, tmp_path) -> None:
    """As docs/how-to/run-a-gateway.md says; the gateway's commands work, the page says what it lacks."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "box")], check=True)
    python = tmp_path / "box/bin/python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        str(python),
        "install",
        "--no-compile",
    ]
    here = {"requirements-edge.lock": str(ROOT / "requirements-edge.lock"), "fieldlab-*.whl": str(wheel)}
    said = [list(words[1:]) for block in blocks(HOW_TO) for words in commands(block, "pip")]
    assert said[:2] == said[2:]  # an upgrade is the same again
    for words in said[:2]:
        command = [*pip, *(here.get(word, word) for word in words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    fieldlab = python.with_name("fieldlab")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert outside(fieldlab, tmp_path, "--version").stdout == f"fieldlab {version}\n"
    (tmp_path / "lab.yaml").write_text(
        "fieldlab: lab\ntimezone: UTC\nstore: {kind: embedded, path: lab.db}\n"
        "sources: {plc: {kind: opcua, endpoint: 'opc.tcp://127.0.0.1:1', security: none}}\n"
        "gateways: {edge1: {sources: [plc]}}\n"
        "lines: [{id: l1, machines: [{id: m1, ideal_cycle_time_s: 1, signals:"
        " {total_count: {source: plc, node: 'ns=2;s=n'}}}]}]\n"
    )
    for words, status in (
        (["check", "lab.yaml"], 0),
        (["store", "setup", "lab.yaml"], 0),
        (["doctor", "lab.yaml"], 1),  # nobody is at the PLC's address, which is what it is to find
        (["pki", "init", "pki", "--fieldlab", "lab"], 0),
        (["ledger", "lab.yaml"], 1),  # it has not run yet
    ):
        done = outside(fieldlab, tmp_path, *words)
        assert done.returncode == status, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    done = outside(fieldlab, tmp_path, "app", "lab.yaml")
    assert done.returncode == 2
    assert re.fullmatch(rf"app needs \w+: {INSTALL_ALL}\n", done.stderr)
    code = (
        "from importlib.metadata import distributions as d; print(*(x.name + '==' + x.version for x in d()))"
    )
    there = dict(x.split("==") for x in outside(python, tmp_path, "-c", code).stdout.split())
    names = {name.lower().replace("_", "-").replace(".", "-"): v for name, v in there.items()}
    locked = {name.replace(".", "-"): v for name, v in pins("requirements-edge.lock").items()}
    assert names.pop("fieldlab") == version
    assert {name: locked.get(name) for name in names} == names


@pytest.mark.slow
def test_a_tool_installs_with_the_versions_of_the_lock(wheel, tmp_path) -> None:
    """`uv tool install`, as pipx does it: an environment of its own, one command on the PATH."""
    try:
        uv = installed(UV) / "bin" / "uv"
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    where = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    lock = ROOT / "requirements-edge.lock"
    words = ("tool", "install", "--quiet", "--python", sys.executable, "--constraints", lock, wheel)
    done = outside(uv, tmp_path, *words, **where)
    assert done.returncode == 0, done.stderr
    assert outside(tmp_path / "bin/fieldlab", tmp_path, "--version").stdout.startswith("fieldlab ")
    (packages,) = (tmp_path / "tools/fieldlab/lib").glob("python*/site-packages")
    locked = pins("requirements-edge.lock")
    for name in ("asyncua", "numpy", "pydantic"):
        assert (packages / f"{name}-{locked[name]}.dist-info").is_dir()
