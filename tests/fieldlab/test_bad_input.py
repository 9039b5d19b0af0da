"""Every command of figures on bad input: one message with status 2, or undefined figures; no traceback."""

import json
import subprocess

import pytest

from tests.fieldlab.command import fieldlab
from tests.repo.documents import ROOT

PLANT = """\
fieldlab: lab
timezone: UTC
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        states: {map: {RUN: producing, STOP: stopped}}
        signals:
          state: {item: s}
          total_count: {item: c}
          good_count: {item: g}
          energy: {item: e, unit: kWh}
          material: {item: k, unit: kg}
experiments:
  - id: now
    machines: [m1]
    arms: {baseline: [{start: 2026-01-05, end: 2026-01-06}], trial: [{start: 2026-01-06, end: 2026-01-07}]}
  - id: later
    machines: [m1]
    arms: {baseline: [{start: 2026-01-05, end: 2026-01-06}], trial: [{start: 2036-01-06, end: 2036-01-07}]}
"""
HEAD = "time,machine,signal,value\n"
COUNT_AND_STATE, COUNT_AND_KWH = ("total_count", "state"), ("total_count", "energy")
RECORDINGS = {
    "one": HEAD + "2026-01-05T08:00:00Z,m1,state,RUN\n",
    "one-count": HEAD + "2026-01-05T08:00:00Z,m1,total_count,5\n",
    "bad": "time,machine,signal,value,quality\n"
    + "".join(f"2026-01-05T0{h}:00:00Z,m1,{s},1,Bad\n" for h in range(1, 9) for s in COUNT_AND_STATE),
    "nan": HEAD + "2026-01-05T08:00:00Z,m1,state,RUN\n2026-01-05T12:00:00Z,m1,state,STOP\n"
    + "".join(f"2026-01-05T0{h}:00:00Z,m1,total_count,nan\n" for h in range(1, 9)),
    "negative": HEAD + "2026-01-05T08:00:00Z,m1,state,RUN\n"
    + "".join(f"2026-01-05T{h}:00:00Z,m1,{s},{-h}\n" for h in range(10, 14) for s in COUNT_AND_KWH),
    "no-good": HEAD + "2026-01-05T00:00:00Z,m1,state,RUN\n"
    + "".join(
        f"2026-01-{day:02}T00:00:00Z,m1,{signal},{factor * day + 7}\n"
        for day in range(5, 8)
        for signal, factor in (("total_count", 100), ("good_count", 0), ("energy", 10), ("material", 1))
    ),
    "link-only": HEAD + "2026-01-05T08:00:00Z,m1,link,1\n2026-01-05T09:00:00Z,m1,link,0\n",
}  # fmt: skip
COMMANDS = (
    ("kpi",), ("kpi", "--by", "machine,product,hour,experiment,arm"), ("losses", "--by", "machine"),
    ("stops",), ("stops", "--pareto", "reason"), ("stops", "--reliability"), ("opportunities",),
    ("baseline",), ("baseline", "--per", "day"), ("experiment", "now"), ("experiment", "later"),
)  # fmt: skip

BACKWARDS = "{start: 2026-01-05T11:00:00Z, end: 2026-01-05T10:00:00Z}"
SHIFT = '{name: d, days: [mon], start: "08:00", end: "16:00", breaks: [{start: "09:00", minutes: -5}]}'


@pytest.fixture
def folder(tmp_path):
    """A plant and every strange recording of it."""
    (tmp_path / "plant.yaml").write_text(PLANT)
    for name, text in RECORDINGS.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def call(folder, command, recording, *more):
    """A command on a recording."""
    return fieldlab(command[0], "plant.yaml", *command[1:], "--input", f"{recording}.csv", *more, cwd=folder)


@pytest.mark.parametrize("recording", RECORDINGS)
def test_no_command_falls_over_a_strange_recording(folder, recording):
    """Each answers in JSON without NaN, or says in one message why it cannot; tables can be drawn."""
    for command in COMMANDS:
        done = call(folder, command, recording, "--format", "json")
        assert done.returncode in {0, 2}, (command, done.stderr)
        if done.returncode == 2:
            assert command[0] == "baseline", done.stderr
            assert "the range is empty: there is nothing to learn from" in done.stderr
            continue
        json.loads(done.stdout, parse_constant=lambda word, c=command: pytest.fail(f"{c}: {word}"))
        assert call(folder, command, recording).returncode == 0
    html = call(folder, ("experiment", "now"), recording, "--format", "html")
    assert html.returncode == 0
    assert "nan" not in html.stdout.lower()


def test_what_cannot_be_told_is_undefined(folder):
    """All counters NaN: no OEE; an arm without good parts: no energy per good part, and it says so."""
    (row,) = json.loads(call(folder, ("kpi", "--by", "machine"), "nan", "--format", "json").stdout)
    assert (row["oee_index"], row["quality_ratio"]) == (None, None)
    assert row["count_missing_s"] == row["planned_busy_time_s"] > 0
    (row,) = json.loads(call(folder, ("kpi", "--by", "machine"), "no-good", "--format", "json").stdout)
    assert (row["good_quantity"], row["energy_per_good_unit_kwh"]) == (0, None)
    rows = json.loads(call(folder, ("experiment", "now"), "no-good", "--format", "json").stdout)
    told = {r["kpi"]: r["reason"] for r in rows}
    assert told["energy_per_good_unit_kwh"] == "the baseline has nothing to divide by, or made nothing"
    rows = json.loads(call(folder, ("experiment", "later"), "no-good", "--format", "json").stdout)
    assert {(r["verdict"], r["reason"]) for r in rows} == {("not enough data", "the trial has no data")}


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        (("kpi",), ("--from", "2026-01-06", "--to", "2026-01-05"), "--from must not be later than --to"),
        (("stops",), ("--input", "m7=one.csv"), "the config has no machine 'm7'; it has m1"),
        (("experiment", "other"), (), "there is no experiment 'other'; the config has now, later"),
        (("losses", "--by", "machine,,moon"), (), "there is no group 'moon'"),
        (("baseline", "--until", "2026-02-30"), (), "--until: '2026-02-30' is not a time"),
        (("baseline", "--until", "2026-03-30"), (), "--until 2026-03-30: must lie in the range"),
        (("opportunities", "--from", "yesterday"), (), "--from: 'yesterday' is not a time"),
        (("kpi", "--from", "5-1-2026"), (), "--from: '5-1-2026' is not a time; write a date: 2026-01-05"),
        (("kpi", "--shop", "1"), (), "fieldlab kpi does not know --shop 1; fieldlab kpi --help"),
    ],
)
def test_a_wrong_question_is_one_message(folder, command, more, said):
    """And exit status 2."""
    done = call(folder, command, "no-good", *more)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ideal_cycle_time_s: 10", "ideal_cycle_time_s: 0", "plant.yaml:7"),
        ("ideal_cycle_time_s: 10", "ideal_cycle_time_s: -3", "plant.yaml:7"),
        ("start: 2026-01-05, end: 2026-01-06", "start: 2026-01-05, end: 2026-01-04", "must be after start"),
        ("trial: [{start: 2026-01-06", "trial: [{start: 2026-01-05", "overlaps another window"),
        ("machines: [m1]", "machines: [m9]", "m9"),
        ("        ideal", "        minor_stop_s: -1\n        ideal", "minor_stop_s"),
        ("        ideal", f"        planned_downtime: [{BACKWARDS}]\n        ideal", "planned_downtime"),
        ("timezone: UTC", f"timezone: UTC\nshifts: [{SHIFT}]", "minutes"),
        ("timezone: UTC", "", "plant.yaml:1: timezone is missing"),
        ("timezone: UTC", "timezone: UTC\nenergy: {price_eur_per_kwh: 0,25}", "a number has a point: 0.25"),
        ("timezone: UTC", "timezone: UTC\n\u00a0name: x", "a space that is none"),
        ("timezone: UTC", "timezone: UTC\nstore: {kind: embedded, path: C:\\x.db}", "a path with / between"),
        ("start: 2026-01-05, end: 2026-01-06", "start: 5-1-2026, end: 2026-01-06", "; write 2026-01-05"),
    ],
)  # fmt: skip
def test_what_cannot_be_configured_is_said_with_its_line(folder, old, new, said):
    """A cycle time of 0, lengths below 0, windows backwards, over one another, of a machine that is none."""
    (folder / "plant.yaml").write_text(PLANT.replace(old, new, 1))
    done = call(folder, ("kpi",), "no-good")
    assert done.returncode == 2
    assert said in done.stderr
    assert "plant.yaml:" in done.stderr


def test_one_sample_with_a_wrong_date_does_not_eat_the_memory(folder):
    """From 1970 on there are six million cells: said, with what to do; what needs no cells still answers."""
    (folder / "old.csv").write_text(
        HEAD + "1970-01-01T00:00:01Z,m1,state,RUN\n" + RECORDINGS["no-good"][len(HEAD) :]
    )
    day = ("--from", "2026-01-05", "--to", "2026-01-06")
    for command in (("kpi", "--by", "hour"), ("losses",), ("opportunities",)):
        done = call(folder, command, "old")
        assert done.returncode == 2
        assert "give --from and --to, or look for a sample with a wrong date" in done.stderr
        assert call(folder, command, "old", *day).returncode == 0
    for command in (("kpi",), ("stops",)):
        assert call(folder, command, "old").returncode == 0


def test_a_range_longer_than_nanoseconds_can_tell_is_refused(tmp_path):
    """Never an answer of no data where there are some."""
    path, recording = tmp_path / "x.yaml", tmp_path / "r.csv"
    path.write_text(
        "fieldlab: x\ntimezone: UTC\nlines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 1,"
        " states: {map: {R: producing}}, signals: {state: {item: s}}}]}]\n"
    )
    recording.write_text(
        "time,machine,signal,value\n2026-01-01T00:00:00Z,m,state,R\n2026-01-01T01:00:00Z,m,state,R\n"
    )
    asked = ("kpi", path, "--input", recording, "--format", "json")
    done = fieldlab(*asked, "--from", "1700-01-01", "--to", "2260-01-01")
    assert done.returncode == 2
    assert "longer than the 290 years" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    (row,) = json.loads(fieldlab(*asked, "--from", "1971-01-01", "--to", "2260-01-01").stdout)
    assert row["actual_production_time_s"] > 3600


@pytest.mark.parametrize("by", [",", " , ", " "])
def test_a_group_without_a_name_is_refused(folder, by):
    """Not taken for none."""
    done = fieldlab("kpi", folder / "plant.yaml", "--input", folder / "one.csv", "--by", by)
    assert (done.returncode, done.stdout) == (2, "")
    assert "names no group; choose from machine, line" in done.stderr


def test_only_a_command_that_takes_recordings_advises_them(folder):
    """Without a store in the config."""
    for command, advice in (("kpi", True), ("app", False), ("analytics", False), ("store check", False)):
        done = fieldlab(*command.split(), folder / "plant.yaml")
        assert done.returncode == 2
        assert done.stderr.endswith("add one, or give recordings with --input\n" if advice else "add one\n")


def test_a_disk_on_which_nothing_can_be_written_is_said(folder, tmp_path):
    """Not that a database cannot be opened."""
    away = tmp_path / "away"
    away.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", away], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    try:
        (folder / "plant.yaml").write_text(f"{PLANT}store: {{kind: embedded, path: away/lab.db}}\n")
        assert fieldlab("store", "setup", folder / "plant.yaml").returncode == 0
        subprocess.run(["mount", "-o", "remount,ro", away], check=True)
        done = fieldlab("kpi", folder / "plant.yaml")
    finally:
        subprocess.run(["umount", away], check=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"nothing can be written in {away}; is the disk read-only" in done.stderr


def test_a_disk_that_fills_up_is_said_and_half_of_a_file_is_not_left(tmp_path):
    """What is made beside the store: the config of a demonstration, a recording."""
    full = tmp_path / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", full], check=False).returncode:
        pytest.skip("only root may mount a disk")
    try:
        config = ROOT / "fieldlab_configs" / "examples" / "demo.yaml"
        times = ("--start", "2026-10-05T06:00", "--until", "2026-10-05T09:00")
        record = fieldlab("simulate", config, "--record", full / "x.csv", *times)
        left = list(full.iterdir())
        (full / "fill").write_bytes(bytes(7000))
        demo = fieldlab("demo", "--data", full / "lab", "--no-browser", "--seconds", "1")
    finally:
        subprocess.run(["umount", full], check=True)
    for done in (record, demo):
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "cannot be written: No space left on device" in done.stderr
    assert left == []


@pytest.mark.parametrize(
    ("signals", "said"),
    [
        ("state: {}", "its OEE is a dash, for nothing counts its parts"),
        ("state: {}, total_count: {}", "total_count alone does not tell good parts from scrap"),
        ("state: {}, total_count: {}, good_count: {}", None),
        ("spindle_c: {}", None),
    ],
)
def test_check_says_what_keeps_oee_a_dash(tmp_path, signals, said):
    """The config is right, and yet not what its writer hopes for."""
    (tmp_path / "lab.yaml").write_text(
        "fieldlab: lab\ntimezone: UTC\nlines: [{id: l1, machines: [{id: m1, ideal_cycle_time_s: 9, "
        f"states: packml, signals: {{{signals}}}}}]}}]\n"
    )
    done = fieldlab("check", "lab.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert (said or "1 machine") in done.stdout
    assert ("note:" in done.stdout) == (said is not None)


def test_a_report_of_nothing_is_not_made(folder, tmp_path):
    """The store is empty: no file that says in pages that there is nothing."""
    text = (folder / "plant.yaml").read_text() + "\nstore: {kind: embedded, path: empty.db}\n"
    (tmp_path / "plant.yaml").write_text(text)
    assert fieldlab("store", "setup", "plant.yaml", cwd=tmp_path).returncode == 0
    done = fieldlab("report", "plant.yaml", "--experiment", "now", "--out", "reports", cwd=tmp_path)
    assert (done.returncode, "there is no data yet" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "reports").exists()
