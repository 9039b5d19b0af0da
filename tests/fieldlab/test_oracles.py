"""Worked examples that others have published, each as a config and a recording: what the command answers."""

import pytest

from tests.fieldlab.command import figures

CONFIG = """\
fieldlab: lab
timezone: UTC
shifts:
  - name: day
    days: [mon, tue, wed, thu, fri, sat, sun]
    start: "{start}"
    end: "{end}"
    breaks: [{breaks}]
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: {ideal}
        states: {{map: {{RUN: producing, DOWN: down, SERVICE: maintenance, OFF: off}}}}
        signals: {{state: {{item: s}}, total_count: {{item: c}}, scrap_count: {{item: x}}}}
"""


def answer(folder, rows, *, start, end, ideal, breaks=""):
    """The figures of one machine and one day."""
    (folder / "plant.yaml").write_text(CONFIG.format(start=start, end=end, ideal=ideal, breaks=breaks))
    lines = [f"2026-01-05T{time}Z,m1,{signal},{value}" for time, signal, value in rows]
    (folder / "day.csv").write_text("\n".join(["time,machine,signal,value", *lines]) + "\n")
    span = ("--from", "2026-01-05T00:00:00Z", "--to", "2026-01-06T00:00:00Z")
    (row,) = figures(folder / "plant.yaml", "--input", folder / "day.csv", *span, "--by", "machine")
    return row


def counts(begin, end, total, scrap):
    """Counters over a day."""
    return [
        (begin, "total_count", 0),
        (begin, "scrap_count", 0),
        (end, "total_count", total),
        (end, "scrap_count", scrap),
    ]


def test_vorne(tmp_path):
    """oee.com: 480 minutes, 60 of breaks, 47 down, 19,271 parts of 1.0 s, 423 rejected."""
    states = [
        ("08:00:00", "state", "RUN"),
        ("09:00:00", "state", "DOWN"),
        ("09:47:00", "state", "RUN"),
        ("16:00:00", "state", "OFF"),
    ]
    row = answer(
        tmp_path,
        [*states, *counts("08:00:00", "16:00:00", 19271, 423)],
        start="08:00",
        end="16:00",
        ideal=1.0,
        breaks='{start: "12:00", minutes: 60}',
    )
    assert row["planned_busy_time_s"] == 420 * 60
    assert row["availability"] == pytest.approx(0.8881, abs=5e-5)
    assert row["effectiveness"] == pytest.approx(0.8611, abs=5e-5)
    assert row["quality_ratio"] == pytest.approx(0.9780, abs=5e-5)
    assert row["oee_index"] == pytest.approx(0.7479, abs=5e-5)
    assert row["good_quantity"] == 18848


def test_waycalculator(tmp_path):
    """420 of 480 minutes run, 400 parts of a minute, 380 good."""
    states = [("08:00:00", "state", "RUN"), ("15:00:00", "state", "DOWN"), ("16:00:00", "state", "OFF")]
    row = answer(
        tmp_path, [*states, *counts("08:00:00", "16:00:00", 400, 20)], start="08:00", end="16:00", ideal=60
    )
    assert row["availability"] == 0.875
    assert row["effectiveness"] == pytest.approx(0.952, abs=5e-4)
    assert row["quality_ratio"] == 0.95
    assert row["oee_index"] == pytest.approx(380 / 480)


def test_smrp_machine_d(tmp_path):
    """Of 24 h 8 are idle by plan; 1.66 h of service stay in the base, 2.08 h are unscheduled."""
    states = [
        ("00:00:00", "state", "OFF"),
        ("08:00:00", "state", "RUN"),
        ("10:00:00", "state", "SERVICE"),
        ("11:39:36", "state", "RUN"),
        ("14:00:00", "state", "DOWN"),
        ("16:04:48", "state", "RUN"),
    ]
    row = answer(
        tmp_path, [*states, *counts("08:00:00", "23:00:00", 100, 0)], start="08:00", end="00:00", ideal=60
    )
    assert row["actual_production_time_s"] == pytest.approx(12.26 * 3600)
    assert row["availability"] == pytest.approx(0.7663, abs=5e-5)
    assert row["state_maintenance_s"] == pytest.approx(1.66 * 3600)
    assert row["breakdown_s"] == pytest.approx(2.08 * 3600)
