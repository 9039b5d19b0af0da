"""Sentences of the model, section 5, each as a small recording whose figures were worked out by hand."""

import pytest

from tests.fieldlab.command import figures

CONFIG = """\
fieldlab: lab
timezone: UTC
{site}
lines:
  - id: l1
    machines:
      - id: m1
        {ideal}
        {machine}
        states: {states}
        signals: {{{state}total_count: {{item: c{total}}}, {signals}}}
"""
NAMED = "{map: {RUN: producing, STOP: stopped, DOWN: down, IDLE: idle}}"
GOOD = "good_count: {item: g}"
SHIFT = 'shifts: [{{name: d, days: [mon], start: "08:00", end: "{end}"{breaks}}}]'


def figures_of(folder, rows, *args, by="machine", **config):
    """The rows of a recording of a Monday, written as ``time signal value [quality]``."""
    states = config.get("states", NAMED)
    (folder / "plant.yaml").write_text(
        CONFIG.format(
            site=config.get("site", ""),
            ideal=config.get("ideal", "ideal_cycle_time_s: 10"),
            machine=config.get("machine", "name: M"),
            states=states,
            state="state: {item: s}, " if states == NAMED else "",
            total=config.get("total", ""),
            signals=config.get("signals", GOOD),
        )
    )
    lines = ["time,machine,signal,value,quality"]
    for row in rows.strip().splitlines():
        time, signal, value, *quality = row.split()
        told = "" if value == "-" else value
        lines.append(f"2026-01-05T{time}Z,m1,{signal},{told},{quality[0] if quality else ''}")
    (folder / "day.csv").write_text("\n".join(lines) + "\n")
    return figures(folder / "plant.yaml", "--input", folder / "day.csv", *args, "--by", by)


COUNTS = {
    "a low at one level and back is none; half of it is a reset; a trailing low is not yet anything": (
        """08:00:00 total_count 10
        08:01:00 total_count 0
        08:02:00 total_count 0
        08:03:00 total_count 10
        08:04:00 total_count 5
        08:05:00 total_count 6
        08:06:00 total_count 4""",
        {},
        {"produced_quantity": 5 + 1},
    ),
    "a correction is negative and never clipped": (
        """08:00:00 total_count 100
        08:01:00 total_count 80
        08:02:00 total_count 81""",
        {},
        {"produced_quantity": -19},
    ),
    "a rollover at most half of it, scaled": (
        """08:00:00 total_count 990
        08:10:00 total_count 5
        08:20:00 total_count 10""",
        {"total": ", rollover: 1000, per_count: 2"},
        {"produced_quantity": 2 * (15 + 5)},
    ),
    "without a rollover that is a reset": (
        """08:00:00 total_count 990
        08:10:00 total_count 5
        08:20:00 total_count 10""",
        {},
        {"produced_quantity": 5 + 5},
    ),
    "no parts need no time, without a cycle time and in a silence that crosses an edge too": (
        """08:00:00 state RUN
        08:00:00 total_count 7
        08:00:00 good_count 7
        08:10:00 state RUN Bad
        08:40:00 state RUN
        08:50:00 total_count 7
        08:50:00 good_count 3
        09:00:00 state STOP""",
        {"ideal": "kind: mill", "site": SHIFT.format(end="08:20", breaks="")},
        {
            "ideal_production_time_s": 0, "ideal_good_low_s": 0, "ideal_good_high_s": 0, "oee_index_low": 0,
            "count_missing_s": 600, "oee_index_high": 600 / 1200,
        },
    ),
    "a silence that crosses the end of the shift: spread, with its bounds": (
        """08:00:00 total_count 0
        08:00:00 good_count 0
        08:10:00 total_count 10
        08:10:00 good_count 10
        08:10:00 state - Bad
        08:30:00 state RUN
        08:30:00 total_count 50
        08:30:00 good_count 40""",
        {"site": SHIFT.format(end="08:20", breaks="")},
        {
            "ideal_production_time_s": 100 + 200, "ideal_good_time_s": 100 + 150, "ideal_good_low_s": 100,
            "ideal_good_high_s": 100 + 300, "ideal_production_unknown_s": 200, "unknown_time_s": 600,
            "oee_index": 250 / 1200, "oee_index_low": 100 / 1200, "oee_index_high": 400 / 1200,
        },
    ),
    "a reset inside a silence is a least value, and the silence is missing": (
        """08:00:00 total_count 100
        08:00:00 good_count 100
        08:10:00 state - Bad
        08:20:00 state RUN
        08:20:00 total_count 6
        08:20:00 good_count 6
        08:30:00 total_count 36
        08:30:00 good_count 36""",
        {},
        {
            "produced_quantity": 36, "count_missing_s": 600, "ideal_production_unknown_s": 60,
            "oee_index": 360 / 1200, "oee_index_low": 360 / 1800, "oee_index_high": 960 / 1800,
        },
    ),
    "before the first reading of either counter nothing is known": (
        """08:05:00 good_count 100
        08:10:00 total_count 100
        08:20:00 total_count 110
        08:20:00 good_count 106""",
        {},
        {"count_missing_s": 600, "produced_quantity": 10, "good_quantity": 6},
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", COUNTS)
def test_counts(tmp_path, sentence):
    """A machine that runs from eight o'clock on."""
    rows, config, expected = COUNTS[sentence]
    (row,) = figures_of(tmp_path, f"08:00:00 state RUN\n{rows}", **config)
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_an_increment_belongs_to_the_instant_before_its_reading(tmp_path):
    """On the edge of a range, of a product: to the earlier one; its cycle time, else the machine's."""
    rows = """08:00:00 state RUN
    08:00:00 total_count 0
    08:05:00 total_count 3
    08:10:00 product A
    08:10:00 total_count 7
    08:20:00 product Z
    08:20:00 total_count 17
    08:30:00 total_count 18"""
    config = {
        "machine": "products: {A: {ideal_cycle_time_s: 20}}",
        "signals": f"{GOOD}, product: {{item: p}}",
    }
    found = {r["product"]: r for r in figures_of(tmp_path, rows, by="machine,product", **config)}
    parts = {name: (r["produced_quantity"], r["ideal_production_time_s"]) for name, r in found.items()}
    assert parts == {"none": (7, 70), "A": (10, 200), "unlisted": (1, 10)}
    span = ("--from", "2026-01-05T08:05:00Z", "--to", "2026-01-05T08:10:00Z")
    (row,) = figures_of(tmp_path, rows, *span, **config)
    assert row["produced_quantity"] == 4


def test_a_stop_is_as_long_as_it_is(tmp_path):
    """299 s across a break are minor, 300 s are not; a second of idle makes two stops of one."""
    rows = """08:00:00 state RUN
    08:57:00 state STOP
    08:59:00 state DOWN
    09:01:59 state RUN
    09:30:00 state STOP
    09:33:00 state DOWN
    09:35:00 state RUN
    10:00:00 state STOP
    10:03:00 state IDLE
    10:03:01 state STOP
    10:06:00 state RUN
    12:00:00 total_count 10"""
    breaks = ', breaks: [{start: "09:00", minutes: 15}]'
    (row,) = figures_of(tmp_path, rows, site=SHIFT.format(end="12:00", breaks=breaks))
    assert row["planned_busy_time_s"] == 4 * 3600 - 900
    assert (row["minor_stop_s"], row["breakdown_s"], row["idle_s"]) == (180 + 359, 300, 1)
    assert row["overtime_production_s"] == 900 - 119
    site = SHIFT.format(end="12:00", breaks=breaks)
    (row,) = figures_of(tmp_path, rows, site=site, machine="minor_stop_s: 0")
    assert (row["minor_stop_s"], row["breakdown_s"]) == (0, 180 + 359 + 300)


@pytest.mark.parametrize("cycle_s", ["3.4e38", "1e300"])
def test_a_cycle_time_that_cannot_be_makes_a_long_run_of_parts_and_no_more(tmp_path, cycle_s):
    """As a PLC tells it that never set it: two parts are never too far apart, and the figures come."""
    rows = f"""08:00:00 ideal_cycle_time {cycle_s}
    08:01:00 total_count 1
    08:02:00 total_count 2
    11:02:00 total_count 3"""
    signals = "ideal_cycle_time: {item: i}"
    (row,) = figures_of(tmp_path, rows, states="{from_count: {}}", signals=signals)
    assert (row["state_producing_s"], row["produced_quantity"]) == (3 * 3600, 2)


def test_a_state_made_of_counts_and_one_made_of_power(tmp_path):
    """Three ideal cycles apart is producing, a second more is not; power at a limit is the upper class."""
    rows = """07:59:00 good_count 0
    08:00:00 total_count 5
    08:00:30 total_count 6
    08:01:00 total_count 7
    08:01:31 total_count 8
    08:02:00 total_count 9
    08:02:30 total_count - Bad
    08:02:40 total_count 10
    08:03:00 total_count 10"""
    (row,) = figures_of(tmp_path, rows, states="{from_count: {}}")
    # 06 to 07: 30 s; 07 to 08: 31 s; 08 to 09: 29 s; 09 to 10: 40 s.
    assert (row["state_producing_s"], row["state_stopped_s"], row["state_unknown_s"]) == (59, 111, 70)
    rows = """08:00:00 power 0.1
    08:01:00 power 0.2
    08:02:00 power 3
    08:03:00 power 2.99
    08:30:00 total_count 5"""
    power = {
        "states": "{from_power: {off_below_kw: 0.2, idle_below_kw: 3}}",
        "signals": "power: {item: w, unit: kW}",
    }
    (row,) = figures_of(tmp_path, rows, **power)
    states = [row[f"state_{name}_s"] for name in ("off", "idle", "producing", "unknown")]
    assert states == [60, 60 + 900, 60, 720]
    assert row["energy_missing_s"] == 720
    assert row["energy_idle_kwh"] == pytest.approx(0.2 / 60 + 2.99 / 4)


ENERGY = {
    "a register is spread across a silence, and a reset that fits is taken": (
        "energy: {item: e, unit: kWh, max_power_kw: 60}",
        """08:00:00 energy 100
        08:10:00 state - Bad
        08:20:00 state STOP
        08:30:00 energy 130
        08:40:00 energy 5
        08:50:00 energy 6""",
        {
            "energy_producing_kwh": 10,
            "energy_unknown_kwh": 10,
            "energy_stopped_kwh": 10 + 5 + 1,
            "energy_missing_s": 0,
        },
    ),
    "a reset that would need more power than there is, is missing": (
        "energy: {item: e, unit: kWh, max_power_kw: 60}",
        "08:00:00 energy 100\n08:10:00 energy 20\n08:20:00 energy 21",
        {"energy_kwh": 1, "energy_missing_s": 600},
    ),
    "power on change holds 900 s where nobody tells of a link": (
        "power: {item: w, unit: kW}",
        "08:00:00 power 6\n08:10:00 power 12\n08:30:00 power 0\n08:40:00 power 0",
        {"energy_kwh": 1 + 3, "energy_missing_s": 300},
    ),
    "power that is sampled: trapezoids, and nothing across a long gap": (
        "power: {item: w, unit: W, sampled: true}",
        "08:00:00 power 0\n08:10:00 power 6000\n08:30:00 power 6000\n08:40:00 power 0",
        {"energy_kwh": 0.5 + 0.5, "energy_missing_s": 1200},
    ),
    "a heartbeat lasts 25 s, a 0 ends it at once": (
        "power: {item: w, unit: kW}",
        """08:00:00 link 1
        08:00:00 power 6
        08:00:10 link 1
        08:00:20 link 0
        08:01:00 link 1
        08:01:40 link 1""",
        {"energy_kwh": 6 * 45 / 3600, "state_producing_s": 45, "unknown_time_s": 55, "energy_missing_s": 55},
    ),
    "a register outranks power; factors are those of the moment": (
        "power: {item: w, unit: kW}, energy: {item: e, unit: kWh}",
        "08:00:00 power 1000\n08:00:00 energy 0\n08:40:00 energy 40",
        {"energy_kwh": 40, "co2_kg": 30 * 0.5 + 10 * 0.1, "energy_cost_eur": 30 * 0.2 + 10 * 0.4},
    ),
}
FACTORS = """\
energy:
  - {from: 2026-01-01, value: {price_eur_per_kwh: 0.2, co2_kg_per_kwh: 0.5, source: x}}
  - {from: 2026-01-05T08:30:00Z, value: {price_eur_per_kwh: 0.4, co2_kg_per_kwh: 0.1, source: x}}"""


@pytest.mark.parametrize("sentence", ENERGY)
def test_energy(tmp_path, sentence):
    """A machine that runs from eight o'clock on."""
    signals, rows, expected = ENERGY[sentence]
    (row,) = figures_of(tmp_path, f"08:00:00 state RUN\n{rows}", signals=signals, site=FACTORS)
    assert {name: row[name] for name in expected} == pytest.approx(expected)
