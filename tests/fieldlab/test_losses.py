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
        ("stops", ("--pareto", "state", "--reliability"), "ask for one of them"),
        ("opportunities", ("--from", "2026-01-06", "--to", "2026-01-05"), "ends before it starts"),
    ],
)
def test_wrong_use_is_one_message(folder, command, more, said):
    """And exit status 2."""
    done = fieldlab(command, "plant.yaml", "--input", "day.csv", *more, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
