"""The image: its install steps, run here; what production has, and has not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldlab_configs import load
from tests.deploy import dockerfile
from tests.deploy.containers import CONFIG
from tests.deploy.dockerfile import ROOT, words_of

pytestmark = pytest.mark.timeout(600)  # whole environments, where others work too
STAGES = dockerfile.read(ROOT / "deploy" / "Dockerfile")
BY_NAME = {stage.name: stage for stage in STAGES}
ROOMS = """
import importlib
from fieldlab.commands import parser
def leaves(top):
    below = [a for a in top._actions if hasattr(a, "choices") and isinstance(a.choices, dict)]
    if not below:
        yield top.prog, top.get_default("room")
    for action in below:
        for each in action.choices.values():
            yield from leaves(each)
for command, room in leaves(parser()):
    try:
        importlib.import_module(room.partition(":")[0])
    except ModuleNotFoundError as error:
        print(command, error.name.partition(".")[0])
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """The folder of the production image's environment; in it is what the stage `build` put there."""
    folder = tmp_path_factory.mktemp("image")
    dockerfile.run(BY_NAME["build"], folder)
    return folder


def fieldlab(image: Path, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the image's command, in an empty folder, with nothing else of ours in sight."""
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(image / "opt/fieldlab/bin/fieldlab"), *map(str, words)],
        cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def python(image: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines with the image's Python alone."""
    program = str(image / "opt/fieldlab/bin/python")
    return subprocess.run(
        [program, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_nobody_is_root_and_every_package_has_its_hash() -> None:
    """The user has the number that secrets are given to; the base can be pinned by its digest."""
    production = BY_NAME["production"]
    assert production.all("USER") == ["fieldlab"]
    assert "useradd --uid 10001" in production.all("RUN")[0]
    assert "OUR_USER = 10001" in (ROOT / "deploy/first_start.py").read_text()
    installs = [
        words for words in BY_NAME["build"].all("RUN") if "install" in words and "uninstall" not in words
    ]
    assert [
        "--require-hashes" in words or "--no-deps --no-build-isolation" in words for words in installs
    ] == [
        True,
        True,
    ]
    assert {s.base for s in STAGES} == {"${BASE}", "production"}


def test_production_is_what_is_built_and_the_simulator_is_a_target_of_its_own() -> None:
    """Who builds without a target gets production; only `simulator` copies the simulator."""
    assert (STAGES[-1].base, STAGES[-1].steps) == ("production", ())
    assert BY_NAME["simulator"].base == "production"
    assert "/opt/simulator " in BY_NAME["simulator"].all("COPY")[0]
    assert not [words for words in BY_NAME["production"].all("COPY") if "simulator" in words]


def test_the_health_check_of_the_image_runs(tmp_path) -> None:
    """It is a list of words; the script is copied to where it looks."""
    production = BY_NAME["production"]
    (check,) = production.all("HEALTHCHECK")
    program, script, *words = words_of(check[check.index("[") :])
    assert program == "python"
    assert f"deploy/{Path(script).name}" in " ".join(production.all("COPY"))
    assert f"FIELDLAB_ALIVE={words[1]}" in " ".join(production.all("ENV"))
    sign = tmp_path / "alive"
    sign.touch()
    command = [sys.executable, str(ROOT / "deploy" / Path(script).name), words[0], str(sign), words[2]]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.slow
def test_production_has_no_simulator_and_all_its_commands_but_the_two(image, tmp_path) -> None:
    """Every command's room can be imported; demo and simulate say in one line why they cannot."""
    assert "No module named 'simulator'" in python(image, "import simulator").stderr
    for module in ("pip", "setuptools", "pytest"):
        assert f"No module named '{module}'" in python(image, f"import {module}").stderr
    assert python(image, ROOMS).stdout.splitlines() == ["fieldlab demo simulator"]
    for words in (["demo", "--no-browser"], ["simulate", CONFIG]):
        done = fieldlab(image, tmp_path, *words)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "has no simulator" in done.stderr
    site = image / "opt/fieldlab/lib"
    assert (image / "opt/simulator/serve.py").is_file()
    assert list(site.glob("python*/site-packages/dashboards/static/*.css"))
    assert list(site.glob("python*/site-packages/fieldlab_configs/examples/compose.yaml"))


@pytest.mark.slow
def test_production_works_outside_of_the_repository(image, tmp_path) -> None:
    """Config, dashboards, store, Parquet, figures of a recording, certificates: as a user runs them."""
    (tmp_path / "lab.yaml").write_text(
        "fieldlab: lab\ntimezone: UTC\nstore: {kind: embedded, path: lab.db}\n"
        "lines:\n  - id: l1\n    machines:\n"
        "      - {id: m1, ideal_cycle_time_s: 10, states: packml, signals: {state: {}, total_count: {}}}\n"
    )
    (tmp_path / "day.csv").write_text(
        "time,machine,signal,value\n2026-01-05T08:00:00Z,m1,state,6\n2026-01-05T08:00:00Z,m1,total_count,0\n"
        "2026-01-05T08:10:00Z,m1,total_count,60\n"
    )
    for words, said in (
        (["--version"], "fieldlab 0."),
        (["check", "lab.yaml"], ""),
        (["check", CONFIG], ""),
        (["store", "setup", "lab.yaml"], "is ready"),
        (["store", "backup", "lab.yaml", "lab.backup"], ""),
        (["store", "export", "lab.yaml", "--to-folder", "copy"], ""),
        (["kpi", "lab.yaml", "--input", "day.csv", "--format", "json"], '"produced_quantity": 60'),
        (["dashboards", "build", CONFIG, "--out", "grafana"], ""),
        (["pki", "init", "pki", "--fieldlab", "lab"], "is made"),
        (["init", "--yes", "new.yaml"], ""),
    ):
        done = fieldlab(image, tmp_path, *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert said in done.stdout
    assert load(tmp_path / "lab.yaml").fieldlab == "lab"
    assert (tmp_path / "grafana/dashboards/line.json").is_file()
