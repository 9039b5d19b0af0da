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
        states: {{map: {{RUN: producing, DOWN: down, SETUP: setup, SERVICE: maintenance, OFF: off}}}}
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


def test_nakajima(tmp_path):
    """Introduction to TPM (1988): 460 min of loading time, 60 of them down, 400 items of 0.5 min, 2 % bad.

    The 60 are 20 of breakdown and 40 of setup and adjustment.
    """
    states = [
        ("08:00:00", "state", "RUN"),
        ("10:00:00", "state", "DOWN"),
        ("10:20:00", "state", "SETUP"),
        ("11:00:00", "state", "RUN"),
        ("16:00:00", "state", "OFF"),
    ]
    row = answer(
        tmp_path,
        [*states, *counts("08:00:00", "16:00:00", 400, 8)],
        start="08:00",
        end="16:00",
        ideal=30,
        breaks='{start: "12:00", minutes: 20}',
    )
    assert row["planned_busy_time_s"] == 460 * 60
    assert row["availability"] == pytest.approx(0.87, abs=5e-3)
    assert row["effectiveness"] == pytest.approx(0.50)
    assert row["quality_ratio"] == pytest.approx(0.98)
    assert row["oee_index"] == pytest.approx(0.426, abs=5e-4)


def test_a_route_to_world_class_performance(tmp_path):
    """Willmott, McCarthy, TPM, p. 127: 910 min, 115 of stoppages, 12 of changeover, 203 cycles of 3 min."""
    states = [
        ("06:00:00", "state", "RUN"),
        ("07:00:00", "state", "DOWN"),
        ("08:55:00", "state", "SETUP"),
        ("09:07:00", "state", "RUN"),
        ("21:10:00", "state", "OFF"),
    ]
    row = answer(
        tmp_path, [*states, *counts("06:00:00", "21:10:00", 203, 0)], start="06:00", end="21:10", ideal=180
    )
    assert row["actual_production_time_s"] == 783 * 60
    assert row["availability"] == pytest.approx(0.860, abs=5e-4)
    assert row["effectiveness"] == pytest.approx(203 / 261)
    assert row["effectiveness"] == pytest.approx(0.777, abs=1e-3)  # the book cuts 0.7778 off


def test_vornes_worksheet(tmp_path):
    """A worksheet of Vorne's with 2,780 min planned, 960 down, 1.041 pieces a minute, 1,626 made, 8 rejected.

    It is a week of shifts there; the sums are the same of a plant that is planned to work all along.
    """
    (tmp_path / "plant.yaml").write_text(
        CONFIG.format(start="00:00", end="00:00", ideal=60 / 1.041, breaks="")
    )
    lines = [
        "2026-01-05T00:00:00Z,m1,state,RUN",
        "2026-01-05T00:00:00Z,m1,total_count,0",
        "2026-01-05T00:00:00Z,m1,scrap_count,0",
        "2026-01-06T06:20:00Z,m1,state,DOWN",
        "2026-01-06T22:20:00Z,m1,total_count,1626",
        "2026-01-06T22:20:00Z,m1,scrap_count,8",
    ]
    (tmp_path / "days.csv").write_text("\n".join(["time,machine,signal,value", *lines]) + "\n")
    (row,) = figures(tmp_path / "plant.yaml", "--input", tmp_path / "days.csv", "--by", "machine")
    assert row["planned_busy_time_s"] == 2780 * 60
    assert row["availability"] == pytest.approx(0.6547, abs=5e-5)
    assert row["effectiveness"] == pytest.approx(0.8582, abs=5e-5)
    assert row["quality_ratio"] == pytest.approx(0.9950, abs=1e-4)
    assert row["oee_index"] == pytest.approx(0.5590, abs=1e-4)  # of rounded factors there


def test_three_shifts_five_days(tmp_path):
    """Of a week round the clock, faultless work on five days is 71.4 % (Elsmar quality forum)."""
    config = CONFIG.format(start="00:00", end="00:00", ideal=60, breaks="")
    (tmp_path / "plant.yaml").write_text(config.replace("fri, sat, sun", "fri"))
    lines = [
        "2026-01-05T00:00:00Z,m1,state,RUN",
        "2026-01-05T00:00:00Z,m1,total_count,0",
        "2026-01-05T00:00:00Z,m1,scrap_count,0",
        "2026-01-10T00:00:00Z,m1,total_count,7200",
        "2026-01-10T00:00:00Z,m1,scrap_count,0",
    ]
    (tmp_path / "days.csv").write_text("\n".join(["time,machine,signal,value", *lines]) + "\n")
    span = ("--from", "2026-01-05T00:00:00Z", "--to", "2026-01-12T00:00:00Z", "--by", "machine")
    (row,) = figures(tmp_path / "plant.yaml", "--input", tmp_path / "days.csv", *span)
    assert row["oee_index"] == pytest.approx(1)
    assert row["teep"] == pytest.approx(5 / 7)
    assert row["teep"] == pytest.approx(0.714, abs=5e-4)
