"""What failed beside other tests is tried once more alone, and named whatever comes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import MOST, again

_RACE = """
from pathlib import Path

import pytest

@pytest.mark.parametrize("name", ["a::b [c]"])
def test_race(name):
    seen = Path(__file__).with_name("seen")
    before = seen.exists()
    seen.touch()
    assert before

def test_good():
    pass
"""
_TWO = """
made = []

class TestShared:
    def test_first(self):
        made.append(1)

    def test_second(self):
        assert not made
"""
_SKIPPED = """
from pathlib import Path

import pytest

def test_now_and_then():
    seen = Path(__file__).with_name("seen")
    if seen.exists():
        pytest.skip("not here")
    seen.touch()
    assert False

def test_good():
    pass
"""
_DEFECTS = (
    "import pytest\n\n@pytest.mark.parametrize('n', range({}))\ndef test_defect(n):\n    assert n < 0\n"
)


def whole_run(folder: Path, text: str) -> int:
    """The status of a run of these tests, as the whole suite is run."""
    (folder / "test_it.py").write_text(text)
    run = [sys.executable, "-m", "pytest", "-q", "--numprocesses", "2", "--dist", "loadfile"]
    return subprocess.run(run, cwd=folder, check=False, capture_output=True).returncode


def test_a_race_passes_alone_and_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The status is that of a good run; the last line names the test all the same."""
    assert again(whole_run(tmp_path, _RACE), tmp_path) == 0
    said = capfd.readouterr().out.splitlines()
    assert said[-1] == "  test_it.py::test_race[a::b [c]]"
    assert said[-2].startswith("failed beside other tests, and passed alone")


@pytest.mark.parametrize("text", [_DEFECTS.format(1), _TWO, _SKIPPED])
def test_a_defect_fails_alone_too(text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With the status of the first run, and named; so does what is skipped or fails for its own file."""
    assert again(whole_run(tmp_path, text), tmp_path) == 1
    said = capfd.readouterr().out.splitlines()
    assert said[-2].startswith("failed beside other tests, and did not pass alone")


@pytest.mark.parametrize("text", [_DEFECTS.format(MOST + 1), "import missing_room\n"])
def test_what_cannot_be_a_race_is_not_tried_again(
    text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Many tests at once, and tests that cannot even be read."""
    status = whole_run(tmp_path, text)
    assert status != 0
    assert again(status, tmp_path) == status
    assert capfd.readouterr().out == ""


def test_a_good_run_is_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing failed: nothing is run or said."""
    assert again(0, tmp_path) == 0
    assert capfd.readouterr().out == ""
