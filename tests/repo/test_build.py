"""Lock, version, licences, commands of the repository."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.repo.documents import ROOT
from tools.licences import allows, locked

PARTS = ["requirements-demo.lock", "requirements-edge.lock", "requirements-image.lock"]
LOCKS = ["requirements.lock", *PARTS]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, str]:
    """Package to version of a lock."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_with_a_hash(lock: str) -> None:
    """A requirement without a version and a hash is not in a lock."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(
            r"[A-Za-z0-9._-]+==[^\s;]+( ; [^\\]+)? \\\n(\s+--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$", entry
        )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    """Where packages come from is the machine's own affair."""
    assert not re.search(r"://|--index|--extra-index|--find-links", (ROOT / lock).read_text())


@pytest.mark.parametrize("lock", PARTS)
def test_demo_edge_and_image_install_the_same_versions(lock: str) -> None:
    """A smaller lock is a part of the larger one."""
    whole, part = pins("requirements.lock"), pins(lock)
    assert {name: whole.get(name) for name in part} == part
    assert "pytest" in whole
    assert "pytest" not in part


def test_every_dependency_of_the_project_is_locked() -> None:
    """A dependency that was added without `make lock` is noticed."""
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(d for e in extras.values() for d in e)]
    wanted += PROJECT["dependency-groups"]["build"]
    names = {re.split(r"[\[<>=!~; ]", text)[0].lower().replace(".", "-") for text in wanted} - {"fieldlab"}
    bench = {name.lower() for name in locked(ROOT / "requirements-bench.lock")}
    assert names - bench == set()
    peers = {re.split(r"[<>=]", text)[0] for text in extras["bench"]}
    assert names - peers - {name.lower() for name in locked(ROOT / "requirements.lock")} == set()


def test_the_version_is_said_once() -> None:
    """The installed version is that of pyproject.toml, and the changelog has a place for it."""
    assert version("fieldlab") == PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in changelog or f"## [{version('fieldlab')}]" in changelog


def test_the_documents_are_checked_on_the_python_they_promise() -> None:
    """README, pyproject.toml and the set-up script ask for the same Python."""
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert "Python 3.11 or later" in (ROOT / "README.md").read_text()
    assert "(3, 11)" in (ROOT / "tools/env.sh").read_text()


def test_ci_calls_lint_and_test() -> None:
    """`.ci/run` is executable and calls what people call."""
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert re.findall(r"^make \w+$", script.read_text(), re.MULTILINE) == ["make lint", "make test"]


@pytest.mark.parametrize("script", sorted((ROOT / "tools").glob("*.sh")), ids=lambda p: p.name)
def test_a_shell_script_is_plain_sh(script) -> None:
    """Scripts parse with the plain shell that Debian has."""
    subprocess.run(["/bin/sh", "-n", script], check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python only notes what it was asked to do."""
    (tmp_path / "tools").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "tools/env.sh", tmp_path / "tools")
    for name in ("requirements.lock", "requirements-demo.lock", "pyproject.toml"):
        (tmp_path / name).write_text(f"{name} 1")
    python = tmp_path / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n[ "$1" != -V ] || echo Python 3.11.0\n')
    python.chmod(0o755)
    shutil.copy(python, tmp_path / ".venv/bin/fieldlab")
    return tmp_path


def installs(checkout: Path, which: str) -> list[str]:
    """What making an environment installs."""
    (checkout / "asked").unlink(missing_ok=True)
    subprocess.run(["sh", checkout / "tools/env.sh", which], check=True, capture_output=True)
    return re.findall(r"install .*", (checkout / "asked").read_text())


def test_an_environment_is_installed_by_hash_and_once(checkout: Path) -> None:
    """The lock with its hashes, the project without its own dependencies; the second time nothing."""
    locked_packages, project = installs(checkout, "dev")
    assert "--require-hashes --requirement requirements.lock" in locked_packages
    assert "--no-deps --no-build-isolation --editable ." in project
    assert installs(checkout, "dev") == []
    assert installs(checkout, "demo") == []


def test_a_changed_lock_is_installed_again(checkout: Path) -> None:
    """A new lock, and only that, makes the environment anew."""
    installs(checkout, "dev")
    (checkout / "requirements.lock").write_text("2")
    assert len(installs(checkout, "dev")) == 2
    assert installs(checkout, "dev") == []


def test_a_demo_environment_grows_into_one_for_tests(checkout: Path) -> None:
    """The demo installs the smaller lock; tests then add theirs."""
    assert "requirements-demo.lock" in installs(checkout, "demo")[0]
    assert installs(checkout, "demo") == []
    assert "requirements.lock" in installs(checkout, "dev")[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("EPL-2.0 OR MIT", True),
        ("MIT AND GPL-3.0", False),
        ("MIT AND (GPL-3.0 OR MIT)", True),
        ("GPL-3.0 OR MIT AND MIT", True),
        ("(MIT OR GPL-3.0) AND GPL-3.0", False),
        ("", False),
    ],
)
def test_a_licence_expression_is_read_as_spdx_means_it(expression: str, *, expected: bool) -> None:
    """AND asks for both, OR for one, and AND binds closer."""
    assert allows(expression, {"MIT"}) is expected
