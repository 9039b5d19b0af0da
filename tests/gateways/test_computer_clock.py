"""The clock of the computer that a gateway runs on."""

from __future__ import annotations

import os
import sys

import pytest

from gateways.computer_clock import examine_clock, kept_within_s
from gateways.findings import Finding, Findings

NOW_S = 1_795_000_000.0


def look(folder, kept: float | None, now_s: float = NOW_S) -> Finding:
    """What is found of a clock."""
    told: list[Finding] = []
    examine_clock(folder, "edge1", Findings("x", told.append), kept_s=lambda: kept, now_s=lambda: now_s)
    (finding,) = told
    return finding


@pytest.mark.parametrize(
    ("kept", "level", "said"),
    [
        (0.0123, "ok", "kept right, within 12 ms"),
        (float("inf"), "warning", "nothing keeps it right"),
        (None, "not checked", "does not tell"),
    ],
)
def test_whether_anything_keeps_the_clock_right_is_said(tmp_path, kept, level, said) -> None:
    """By what the kernel knows of it; where it is not, with what to do."""
    found = look(tmp_path, kept)
    assert (found.level, bool(found.remedy)) == (level, level == "warning")
    assert said in found.said


def test_a_clock_that_is_behind_its_own_spool_is_a_failure(tmp_path) -> None:
    """A box without a battery comes up in the past, until NTP has told it."""
    for name, age_s in (("edge1.spool", 7200), ("other.spool", 10**6)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (NOW_S + age_s, NOW_S + age_s))
    found = look(tmp_path, 0.001)
    assert found.level == "failure"
    assert "behind by 2.0 h at least: the spool was written at 2026-11-18 13:06 UTC" in found.said
    assert look(tmp_path, 0.001, NOW_S + 7200).level == "ok"


def test_a_file_that_goes_while_it_is_looked_at_is_no_trouble(tmp_path) -> None:
    """SQLite takes its log away when a gateway stops."""
    (tmp_path / "edge1.spool-wal").symlink_to("gone")
    assert look(tmp_path, 0.001).level == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_kernel_tells_how_well_the_clock_is_kept() -> None:
    """A time in seconds, or that nothing keeps it."""
    kept = kept_within_s()
    assert kept is not None
    assert kept > 0
