"""``fieldlab losses``, ``stops`` and ``opportunities`` on a recording."""

import csv
import io
import json

import pytest

from analytics import groups
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


def test_an_empty_range_within_a_stop_is_no_mistake(folder):
    """As for `kpi`: the stop that it touches, a row of dashes, and nothing of a group that no atom tells."""
    at = ("--from", "2026-01-05T13:00:00Z", "--to", "2026-01-05T13:00:00Z")
    for by in ((), ("--by", "machine")):
        (row,) = json.loads(answer(folder, "stops", *at, *by, "--format", "json"))
        assert (row["start"], row["minutes"]) == ("2026-01-05T12:00:00Z", 0)
        (row,) = json.loads(answer(folder, "stops", *at, *by, "--reliability", "--format", "json"))
        assert row == {"machine": "m1", "breakdowns": 0, "mtbf_h": None, "mttr_min": None}
    for command in (["kpi"], ["losses"], ["stops"], ["stops", "--reliability"]):
        assert json.loads(answer(folder, *command, *at, "--by", "hour", "--format", "json")) == []


def test_atoms_are_labelled_once_however_many_stops_there_are(folder, monkeypatch):
    """Labels cost far more than rows: by the hour of a long range the answer took minutes."""
    labelled, times = groups._labelled, []
    monkeypatch.setattr(groups, "_labelled", lambda *args: times.append(1) or labelled(*args))
    answer(folder, "stops", "--by", "hour")
    few = len(times)
    told = [
        f"2026-01-05T{h:02}:{m}:00Z,m1,state,{s}"
        for h in range(8, 18)
        for m, s in ((20, "STOP"), (40, "RUN"))
    ]
    (folder / "day.csv").write_text("\n".join(["time,machine,signal,value", *told]) + "\n")
    times.clear()
    assert len(json.loads(answer(folder, "stops", "--by", "hour", "--format", "json"))) == 10
    assert len(times) == few


def test_a_stop_of_a_machine_that_moved_has_the_line_of_its_group(folder):
    """Where the range begins; without ``--by`` the line where it began."""
    moved = "        line: [{from: 2026-01-01, value: l2}, {from: 2026-01-06, value: l1}]\n"
    plant = PLANT.replace("      - id: m1\n", "      - id: m1\n" + moved)
    (folder / "plant.yaml").write_text(plant + "  - id: l2\n    machines: [{id: m2}]\n")
    rows = "".join(
        f"2026-01-0{t},m1,state,{s}\n" for t, s in (("5T20:00:00Z", "STOP"), ("6T04:00:00Z", "RUN"))
    )
    (folder / "day.csv").write_text("time,machine,signal,value\n2026-01-05T08:00:00Z,m1,state,RUN\n" + rows)
    later = ("--from", "2026-01-06T02:00:00Z", "--to", "2026-01-06T05:00:00Z", "--format", "json")
    (row,) = json.loads(answer(folder, "stops", *later))
    assert (row["line"], row["start"]) == ("l2", "2026-01-05T20:00:00Z")
    (row,) = json.loads(answer(folder, "stops", *later, "--by", "line"))
    assert row["line"] == "l1"


SHIFTS = """\
shifts:
  - {name: day, days: [mon, tue, wed], start: "08:00", end: "18:00", breaks: [{start: "12:00", minutes: 60}]}
"""


@pytest.fixture
def three_days(folder):
    """Two shifts of nine planned hours with a count in each break, and an hour of a third."""
    (folder / "plant.yaml").write_text(PLANT.replace("Europe/Amsterdam", "UTC") + SHIFTS)
    rows, count = ["time,machine,signal,value", "2026-01-05T08:00:00Z,m1,total_count,0"], 0
    for day in ("2026-01-05", "2026-01-06", "2026-01-07"):
        for hour, signal, told in (
            (8, "state", "RUN"), (9, "total_count", 20), (12, "total_count", 120), (13, "total_count", 50),
            (13, "state", "STOP"), (15, "state", "RUN"), (18, "total_count", 200),
        ):  # fmt: skip
            if signal == "total_count":
                count += told
            rows.append(f"{day}T{hour:02}:00:00Z,m1,{signal},{count if signal == 'total_count' else told}")
    (folder / "day.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_opportunities_by_group_are_parts_of_the_machine_s_year(three_days):
    """A part has its share of it, and of parts made in a break no more is made than without groups."""
    whole = ("--to", "2026-01-06T18:00:00Z", "--format", "json")
    of_machine = {r["loss"]: r for r in json.loads(answer(three_days, "opportunities", *whole))}
    rows = json.loads(answer(three_days, "opportunities", *whole, "--by", "day"))
    assert list(rows[0])[:3] == ["machine", "day", "loss"]
    assert (len(rows), {r["verdict"] for r in rows}) == (2 * len(of_machine), {"ok"})
    for loss in ("breakdown", "speed"):
        for figure in ("hours", "good_parts"):
            parts = [r[figure] for r in rows if r["loss"] == loss]
            assert sum(parts) == pytest.approx(of_machine[loss][figure])
            assert parts[0] > 0


def test_a_part_that_is_too_short_has_a_verdict_and_no_figure(three_days):
    """Of the third day there is an hour; of an hour there is never more."""
    told = ("--to", "2026-01-07T09:00:00Z", "--format", "json")
    rows = json.loads(answer(three_days, "opportunities", *told, "--by", "day"))
    assert {r["day"] for r in rows if r["verdict"] == "ok"} == {"2026-01-05", "2026-01-06"}
    (short,) = (r for r in rows if r["day"] == "2026-01-07")
    assert (short["verdict"], short["loss"], short["hours"]) == ("not enough data", None, None)
    assert "1.0 h of planned time" in short["reason"]
    rows = json.loads(answer(three_days, "opportunities", *told, "--by", "hour"))
    assert len({r["hour"] for r in rows}) == len(rows) > 20
    assert {(r["verdict"], r["hours"], r["eur"]) for r in rows} == {("not enough data", None, None)}


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
