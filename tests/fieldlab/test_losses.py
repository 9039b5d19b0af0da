"""``fieldlab losses``, ``stops`` and ``opportunities`` on a recording."""

import csv
import io
import json

import pytest

from tests.fieldlab.command import fieldlab
from tests.fieldlab.test_kpi import PLANT

RECORDING = """\
time,machine,signal,value
2026-01-05T08:00:00Z,m1,state,RUN
2026-01-05T08:00:00Z,m1,total_count,10
2026-01-05T12:00:00Z,m1,total_count,130
2026-01-05T12:00:00Z,m1,state,STOP
2026-01-05T14:00:00Z,m1,state,RUN
2026-01-05T18:00:00Z,m1,total_count,330
2026-01-05T18:00:00Z,m1,state,STOP
"""


@pytest.fixture
def folder(tmp_path):
    """A small plant and ten hours of it."""
    (tmp_path / "plant.yaml").write_text(PLANT)
    (tmp_path / "day.csv").write_text(RECORDING)
    return tmp_path


def answer(folder, command, *more):
    """What a command prints of the recording."""
    done = fieldlab(command, "plant.yaml", "--input", "day.csv", *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_waterfall_of_a_recording(folder):
    """Eight hours of production, two of a breakdown; 320 parts of a minute."""
    rows = {r["loss"]: r for r in json.loads(answer(folder, "losses", "--by", "machine", "--format", "json"))}
    assert rows["breakdown"]["minutes"] == 120
    assert rows["breakdown"]["parts"] == 120
    assert rows["speed"]["minutes"] == 480 - 320
    assert rows["productive"]["minutes"] == 320
    assert sum(r["share"] for r in rows.values()) == pytest.approx(1)
    assert "breakdown" in answer(folder, "losses")


def test_stops_as_a_list_a_pareto_and_a_reliability(folder):
    """The one that lies in the recording; the one that begins as it ends has no length."""
    rows = list(csv.DictReader(io.StringIO(answer(folder, "stops", "--format", "csv"))))
    assert [r["start"] for r in rows] == ["2026-01-05T12:00:00Z"]
    assert rows[0]["kind"] == "breakdown"
    (row,) = json.loads(answer(folder, "stops", "--pareto", "state", "--format", "json"))
    assert (row["state"], row["count"], row["minutes"]) == ("stopped", 1, 120)
    (row,) = json.loads(answer(folder, "stops", "--reliability", "--format", "json"))
    assert (row["breakdowns"], row["mtbf_h"], row["mttr_min"]) == (1, 8, 120)


def test_stops_by_group_stand_where_they_begin(folder):
    """The keys first, as of `kpi`; a stop from before the range belongs to where that begins."""
    (row,) = json.loads(answer(folder, "stops", "--by", "machine,hour,day", "--format", "json"))
    assert list(row)[:3] == ["machine", "hour", "day"]
    assert (row["hour"], row["day"], row["minutes"]) == ("2026-01-05T12:00:00Z", "2026-01-05", 120)
    later = ("--from", "2026-01-05T13:30:00Z", "--by", "hour", "--format", "json")
    (row,) = json.loads(answer(folder, "stops", *later))
    assert (row["hour"], row["start"], row["minutes"]) == ("2026-01-05T13:00:00Z", "2026-01-05T12:00:00Z", 30)
    (row,) = json.loads(answer(folder, "stops", *later, "--pareto", "state"))
    assert (row["hour"], row["state"], row["minutes"]) == ("2026-01-05T13:00:00Z", "stopped", 30)
    rows = json.loads(answer(folder, "stops", "--reliability", "--by", "hour", "--format", "json"))
    assert {r["hour"][11:13]: r["breakdowns"] for r in rows} == {
        f"{h:02}": int(h == 12) for h in range(8, 18)
    }
    assert "12:00:00Z" in answer(folder, "stops", "--by", "hour")


def test_stops_by_what_holds_within_a_cell(folder):
    """Two stops in one cell, of two products and orders; of an experiment what begins in a window."""
    plant = PLANT.replace(
        "          total_count",
        "          product: {item: p}\n          order: {item: o}\n          total_count",
    )
    windows = """\
experiments:
  - id: e
    machines: [m1]
    arms:
      baseline: [{start: "2026-01-05T07:00:00Z", end: "2026-01-05T08:00:00Z"}]
      trial: [{start: "2026-01-05T08:00:00Z", end: "2026-01-05T09:00:00Z"}]
"""
    (folder / "plant.yaml").write_text(plant + windows)
    told = [
        "08:00:00,product,a",
        "08:00:10,state,STOP",
        "08:00:40,state,RUN",
        "08:01:00,product,b",
        "08:01:00,order,7",
    ]
    told += ["08:02:00,state,STOP", "08:03:00,state,RUN", "09:30:00,state,STOP", "09:31:00,state,RUN"]
    rows = "".join(f"2026-01-05T{t.replace(',', 'Z,m1,', 1)}\n" for t in told)
    (folder / "day.csv").write_text("time,machine,signal,value\n" + rows)
    stops = json.loads(answer(folder, "stops", "--by", "product,order", "--format", "json"))
    found = [(r["product"], r["order"], r["start"][11:16], r["duration_s"]) for r in stops]
    assert found == [
        ("unlisted", "7", "08:02", 60),
        ("unlisted", "7", "09:30", 60),
        ("unlisted", "none", "08:00", 30),
    ]
    stops = json.loads(answer(folder, "stops", "--by", "experiment,arm", "--format", "json"))
    assert [(r["experiment"], r["arm"], r["start"][11:16]) for r in stops] == [
        ("e", "trial", "08:00"),
        ("e", "trial", "08:02"),
    ]


def test_opportunities_by_group_add_up_to_those_of_the_machine(folder):
    """An hour has its share of the machine's year."""
    whole = {r["loss"]: r for r in json.loads(answer(folder, "opportunities", "--format", "json"))}
    rows = json.loads(answer(folder, "opportunities", "--by", "hour", "--format", "json"))
    assert list(rows[0])[:3] == ["machine", "hour", "loss"]
    assert len(rows) == 10 * len(whole)
    for loss in ("breakdown", "speed"):
        parts = [r["hours"] for r in rows if r["loss"] == loss]
        assert sum(parts) == pytest.approx(whole[loss]["hours"])
    assert max(rows, key=lambda r: (r["loss"] == "breakdown", r["hours"]))["hour"][11:13] in ("12", "13")


def test_opportunities_are_ranked_and_say_what_they_assume(folder):
    """A year of round-the-clock planned time; half of the speed loss is the most."""
    rows = json.loads(answer(folder, "opportunities", "--format", "json"))
    assert [r["loss"] for r in rows][:2] == ["speed", "breakdown"]
    assert rows[1]["hours"] == pytest.approx(8760 * 0.2 / 2)
    assert "Assumed: the coming year is like this range" in answer(folder, "opportunities")


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("losses", ("--by", "weather"), "there is no group 'weather'"),
        ("stops", ("--by", "weather"), "there is no group 'weather'"),
        ("opportunities", ("--by", "weather"), "there is no group 'weather'"),
        ("baseline", ("--by", "weather"), "there is no group 'weather'"),
        ("stops", ("--pareto", "state", "--reliability"), "ask for one of them"),
        ("losses", ("--from", "2026-01-06"), "--from 2026-01-06: what there is ends at 2026-01-05T18:00:00Z"),
        ("losses", ("--to", "2026-01-05"), "--to 2026-01-05: what there is begins at 2026-01-05T08:00:00Z"),
        ("opportunities", ("--from", "2026-01-06", "--to", "2026-01-05"), "ends before it starts"),
    ],
)
def test_wrong_use_is_one_message(folder, command, more, said):
    """And exit status 2."""
    done = fieldlab(command, "plant.yaml", "--input", "day.csv", *more, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
