"""``fieldlab kpi`` on recordings: published figures, and one clear message for what is wrong."""

import pytest

from tests.fieldlab.command import EXAMPLES, RECORDINGS, fieldlab, figures

RECORDED = EXAMPLES / "recorded.yaml"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the NIST recordings are not beside the project"
)

PLANT = """\
fieldlab: lab
timezone: Europe/Amsterdam
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 60
        assume_quality: 1
        states: {map: {RUN: producing, STOP: stopped}}
        signals:
          state: {item: s}
          total_count: {item: c}
"""
RECORDING = """\
time,machine,signal,value
2026-01-05T08:00:00Z,m1,state,RUN
2026-01-05T08:00:00Z,m1,total_count,10
2026-01-05T08:30:00Z,m1,total_count,30
2026-01-05T08:45:00Z,m1,state,STOP
2026-01-05T09:00:00Z,m1,total_count,40
"""


@pytest.fixture
def plant(tmp_path):
    """A folder with a small plant and a recording of it."""
    (tmp_path / "plant.yaml").write_text(PLANT)
    (tmp_path / "day.csv").write_text(RECORDING)
    return tmp_path


def refused(*args, cwd, status=2):
    """The one message of a call that must fail without a traceback."""
    done = fieldlab(*args, cwd=cwd)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


@needs_recordings
def test_the_hurco_made_1418_parts():
    """Thirteen spurious zeros at reconnects are no parts, and no resets."""
    (row,) = figures(RECORDED, "--input", f"hurco01={RECORDINGS / 'hurco01_2017.shdr'}", "--by", "machine")
    assert (row["machine"], row["produced_quantity"]) == ("hurco01", 1418)


@needs_recordings
def test_the_gfagie_spent_its_day_as_published():
    """UNAVAILABLE is unknown, not stopped."""
    (row,) = figures(
        RECORDED,
        "--input", f"gfagie01={RECORDINGS / 'gfagie01_2016.shdr'}",
        "--from", "2016-05-13T05:00:00Z", "--to", "2016-05-13T20:57:23.294132Z", "--by", "machine",
    )  # fmt: skip
    times = [row[f"state_{name}_s"] for name in ("unknown", "idle", "producing", "stopped")]
    assert times == pytest.approx([44679.373, 10743.127, 1919.094, 101.699], abs=0.001)


def test_a_small_recording_by_hand(plant):
    """Half an hour of thirty parts a minute apart, worked out by hand."""
    (row,) = figures(plant / "plant.yaml", "--input", plant / "day.csv")
    assert row["produced_quantity"] == 30
    assert row["machines_availability"] == pytest.approx(0.75)
    assert row["machines_oee_index"] == pytest.approx(30 * 60 / 3600)
    assert row["energy_per_unit_kwh"] is None


def test_parts_of_a_range_add_up_to_the_whole(plant):
    """A range is clipped, and its neighbours still tell state and counter base."""
    whole = figures(plant / "plant.yaml", "--input", plant / "day.csv", "--by", "machine")[0]
    halves = [
        figures(plant / "plant.yaml", "--input", plant / "day.csv", "--by", "machine", *span)[0]
        for span in (("--to", "2026-01-05T08:31:30Z"), ("--from", "2026-01-05T08:31:30Z"))
    ]
    for name in ("produced_quantity", "calendar_time_s", "state_producing_s", "ideal_good_time_s"):
        assert sum(half[name] for half in halves) == pytest.approx(whole[name]), name


def test_hours_and_days_are_groups(plant):
    """Keys come first, in the order asked for."""
    rows = figures(plant / "plant.yaml", "--input", plant / "day.csv", "--by", "hour,machine")
    assert [list(row)[:2] for row in rows] == [["hour", "machine"]]
    assert rows[0]["hour"] == "2026-01-05T08:00:00Z"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("map: {RUN: producing", "map: {RUN: produce"), "plant.yaml:9"),
        (("ideal_cycle_time_s: 60", "ideal_cycle_time_s: sixty"), "plant.yaml:7"),
        (("ideal_cycle_time_s", "ideal_cycle_times_s"), "did you mean"),
        (("fieldlab: lab\n", "fieldlab: lab\nfieldlab: lab\n"), "plant.yaml:2"),
    ],
)
def test_a_wrong_config_is_said_with_file_line_and_key(plant, change, message):
    """A typo is one message and exit status 2."""
    (plant / "plant.yaml").write_text(PLANT.replace(*change))
    assert message in refused("kpi", "plant.yaml", "--input", "day.csv", cwd=plant)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("kpi", "none.yaml", "--input", "day.csv"), "none.yaml"),
        (("kpi", "plant.yaml", "--input", "none.csv"), "none.csv"),
        (("kpi", "plant.yaml", "--input", "m9=day.csv"), "m9"),
        (("kpi", "plant.yaml"), "store"),
        (("kpi", "plant.yaml", "--input", "day.csv", "--by", "moon"), "moon"),
        (("kpi", "plant.yaml", "--input", "day.csv", "--from", "noon"), "noon"),
        (("kpi", "plant.yaml", "--input", "day.csv", "--from", "0001-01-01"), "beyond"),
        (("kpi", "plant.yaml", "--input", "day.csv", "--to", "9999-12-31"), "beyond"),
        (("kpi", "plant.yaml", "--input", "day.csv", "--to", "9" * 23), "beyond"),
        (
            ("kpi", "plant.yaml", "--input", "day.csv", "--from", "2026-02-01", "--to", "2026-01-01"),
            "before it starts",
        ),
        (("gateway", "plant.yaml"), "gateway"),
        (("simulate", "plant.yaml"), "sources"),
        (("demo", "--fault", "earthquake"), "earthquake"),
    ],
)
def test_a_wrong_call_is_one_message(plant, args, message):
    """It says what is wrong; never a traceback."""
    assert message in refused(*args, cwd=plant)


@pytest.mark.parametrize("content", ["", "time,machine,signal,value\n", "not,a,header\n1,2,3\n", "\x00\x01"])
def test_an_empty_or_strange_recording_is_refused(plant, content):
    """Nothing to work on is said; no figure is made up."""
    (plant / "day.csv").write_text(content)
    assert "day.csv" in refused("kpi", "plant.yaml", "--input", "day.csv", cwd=plant)


def test_text_where_a_number_belongs_is_a_counted_dead_letter(plant):
    """The rest of the recording still counts."""
    (plant / "day.csv").write_text(RECORDING + "2026-01-05T08:50:00Z,m1,total_count,many\n")
    done = fieldlab("kpi", "plant.yaml", "--input", "day.csv", "--format", "json", cwd=plant)
    assert done.returncode == 0
    assert "many" in done.stderr
    assert '"produced_quantity": 30.0' in done.stdout


def test_an_unknown_state_code_is_counted_and_its_time_unknown(plant):
    """A code that no map knows is neither stopped nor running."""
    (plant / "day.csv").write_text(RECORDING.replace("STOP", "HOLIDAY"))
    done = fieldlab(
        "kpi", "plant.yaml", "--input", "day.csv", "--by", "machine", "--format", "json", cwd=plant
    )
    assert done.returncode == 0
    assert "HOLIDAY" in done.stderr
    assert '"unknown_time_s": 900.0' in done.stdout


def test_time_going_backwards_is_sorted(plant):
    """The order of rows in a file changes nothing."""
    header, *rows = RECORDING.splitlines()
    (plant / "reversed.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert figures(plant / "plant.yaml", "--input", plant / "day.csv") == figures(
        plant / "plant.yaml", "--input", plant / "reversed.csv"
    )


def test_an_shdr_line_cut_short_is_counted(plant):
    """What can be read of the file is used; the rest is said with its line."""
    (plant / "day.shdr").write_text(
        "2026-01-05T08:00:00Z|s|RUN|c|10\n2026-01-05T08:30:00Z|c\n2026-01-05T09:00:00Z|c|40\n2026-01"
    )
    done = fieldlab("kpi", "plant.yaml", "--input", "m1=day.shdr", "--format", "json", cwd=plant)
    assert done.returncode == 0
    assert "day.shdr" in done.stderr
    assert '"produced_quantity": 30.0' in done.stdout


@pytest.mark.parametrize("counter", ["total_count", "good_count"])
def test_one_counter_tells_no_oee(plant, counter):
    """The model: with one counter only, quality and OEE are undefined unless a quality is assumed."""
    config = PLANT.replace("total_count", counter)
    (plant / "plant.yaml").write_text(config.replace("        assume_quality: 1\n", ""))
    (plant / "day.csv").write_text(RECORDING.replace("total_count", counter))
    for by, prefix in (("machine", ""), ("line", ""), ("line", "machines_")):
        (row,) = figures(plant / "plant.yaml", "--input", plant / "day.csv", "--by", by)
        for name in ("quality_ratio", "oee_index", "nee_index", "teep"):
            assert row[prefix + name] is None, name
    assert row["produced_quantity" if counter == "total_count" else "good_quantity"] == 30
