"""Losses add up, whatever the plant; opportunities are what is assumed; stops know their planned time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import query
from analytics.fields import ATOM_FIELDS
from analytics.groups import group
from analytics.losses import CATEGORIES, losses, waterfall
from analytics.opportunities import opportunities
from analytics.schedule import schedule
from analytics.stoppages import Stoppage, pareto, reliability, stoppages
from fieldlab_configs import parse
from tests.analytics.test_properties import SEEDS, filled

NS = 10**9
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PLANT = """
fieldlab: lab
timezone: UTC
energy: {price_eur_per_kwh: 0.5, co2_kg_per_kwh: 0.3, source: test}
shifts: [{name: day, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "16:00"}]
lines:
  - id: l
    machines:
      - id: m
        ideal_cycle_time_s: 10
        states: {map: {R: producing, S: stopped}}
        signals:
          {state: {item: s}, total_count: {item: t}, scrap_count: {item: x}, power: {item: p, unit: kW}}
"""


@quick
@given(
    seed=SEEDS, by=st.sampled_from([(), ("machine",), ("line", "shift"), ("machine", "product"), ("hour",)])
)
def test_the_losses_add_up_to_planned_time_and_to_all_energy(seed, by):
    """Of every group, on any plant: negative speed, resets, overtime and unknown time included."""
    site, store, start, end = filled(seed)
    computed = query.compute(site, store, start_ns=start, end_ns=end, by=by)
    fragments = [r.fragments for r in computed.results.values()]
    rows = losses(site, fragments, by)
    for sums in group(site, fragments, by):
        own = [r for r in rows if all(r[k] == sums[k] for k in by)]
        assert [r["loss"] for r in own] == list(CATEGORIES)
        if sums["ideal_good_time_s"] is not None and sums["ideal_production_time_s"] is not None:
            minutes = sum(r["minutes"] for r in own)
            assert minutes * 60 == pytest.approx(sums["planned_busy_time_s"], rel=1e-9, abs=1e-6)
            parts = [r["parts"] for r in own]
            if None not in parts and minutes:
                assert sum(parts) * own[0]["minutes"] == pytest.approx(own[0]["parts"] * minutes, abs=1e-4)
        if sums["energy_kwh"] is not None:
            kwh = [r["kwh"] for r in own if r["kwh"] is not None]
            assert sum(kwh) == pytest.approx(sums["energy_kwh"], rel=1e-9, abs=1e-9)
            if sums["energy_cost_eur"] is not None and sums["energy_kwh"]:
                eur = [r["eur"] for r in own if r["eur"] is not None]
                assert sum(eur) == pytest.approx(sums["energy_cost_eur"], rel=1e-9, abs=1e-9)


def test_the_waterfall_of_a_shift_by_hand():
    """420 min planned, 47 down, 19,271 parts of 1 s, 423 of them rejects, as at oee.com."""
    sums = dict.fromkeys(ATOM_FIELDS, 0.0) | {
        "planned_busy_time_s": 25200.0,
        "actual_production_time_s": 22380.0,
        "actual_unit_delay_time_s": 2820.0,
        "breakdown_s": 2820.0,
        "ideal_production_time_s": 19271.0,
        "ideal_good_time_s": 18848.0,
        "energy_kwh": 100.0,
        "energy_producing_kwh": 90.0,
        "energy_down_kwh": 10.0,
        "energy_cost_eur": 20.0,
    }
    rows = {r["loss"]: r for r in waterfall(sums, 1.0)}
    assert rows["breakdown"]["minutes"] == 47
    assert rows["speed"]["minutes"] == pytest.approx((22380 - 19271) / 60)
    assert rows["quality"]["parts"] == 423
    assert rows["productive"]["share"] == pytest.approx(0.7479, abs=5e-5)
    assert rows["breakdown"]["kwh"] == 10
    assert rows["quality"]["kwh"] == pytest.approx(90 * 423 / 19271)
    assert sum(r["eur"] for r in rows.values()) == pytest.approx(20)


class Day:
    """One machine and one day, written by hand."""

    def __init__(self, rows):
        self.rows = rows

    def read(self, bucket, measurement, *, start_ns=None, end_ns=None, where=None, fields=None):
        """From the rows."""
        from tests.analytics.memory import MemoryStore  # noqa: PLC0415 - only here

        store = MemoryStore()
        tags = (("fieldlab", "lab"), ("line", "l"), ("machine", "m"))
        store.write("raw", [("machine", tags, field, time * NS, value) for time, field, value in self.rows])
        return store.read(bucket, measurement, start_ns=start_ns, end_ns=end_ns, where=where, fields=fields)

    def last_before(self, *_, **__):
        """Nothing."""
        return []

    first_from = last_before


def day():
    """Ten hours: an hour stopped, 3,000 parts, 300 of them scrap, 6 kW and 2 kW when stopped."""
    return Day([
        (6 * 3600, "state_text", "R"), (6 * 3600, "total_count", 0.0), (6 * 3600, "scrap_count", 0.0),
        (6 * 3600, "power", 6.0), (10 * 3600, "state_text", "S"), (10 * 3600, "power", 2.0),
        (10 * 3600, "reason_text", "jam"), (11 * 3600, "state_text", "R"), (11 * 3600, "power", 6.0),
        *((t * 900, "power", 6.0) for t in range(45, 64)), *((t * 900, "power", 6.0) for t in range(25, 40)),
        *((t * 900, "power", 2.0) for t in range(41, 44)),
        (16 * 3600, "total_count", 3000.0), (16 * 3600, "scrap_count", 300.0), (16 * 3600, "power", 0.0),
    ])  # fmt: skip


def test_half_of_a_loss_in_a_year_by_hand():
    """365 days of ten hours; the stop is a tenth of it, half of that 182.5 h, at 10 s a part, 90 % good."""
    site, store = parse(PLANT), day()
    computed = query.compute(site, store, start_ns=6 * 3600 * NS, end_ns=16 * 3600 * NS, whole=True)
    rows = opportunities(site, [r.fragments for r in computed.results.values()], end_ns=16 * 3600 * NS)
    gained = {r["loss"]: r for r in rows}
    assert {r["verdict"] for r in rows} == {"ok"}
    assert gained["breakdown"]["hours"] == pytest.approx(182.5)
    assert gained["breakdown"]["good_parts"] == pytest.approx(182.5 * 360 * 0.9)
    assert gained["breakdown"]["kwh"] == pytest.approx(2 * 365 / 2)
    assert gained["breakdown"]["eur"] == pytest.approx(2 * 365 / 2 * 0.5)
    assert gained["quality"]["good_parts"] == pytest.approx(300 * 365 / 2)
    assert [r["hours"] for r in rows] == sorted((r["hours"] for r in rows), reverse=True)


def test_too_little_data_is_said_and_no_number_given():
    """An hour is no basis for a year."""
    site, store = parse(PLANT), day()
    computed = query.compute(site, store, start_ns=6 * 3600 * NS, end_ns=7 * 3600 * NS, whole=True)
    (row,) = opportunities(site, [r.fragments for r in computed.results.values()], end_ns=7 * 3600 * NS)
    assert row["verdict"] == "not enough data"
    assert "1.0 h of planned time" in row["reason"]
    assert row["hours"] is None


def test_a_stop_knows_its_reason_and_its_planned_part():
    """The hour lies in the shift; clipped at the range only half of it does."""
    site, store = parse(PLANT), day()
    span = {"start_ns": 6 * 3600 * NS, "end_ns": round(10.5 * 3600) * NS}
    result = query.compute(site, store, whole=True, **span).results["m"]
    calendar = schedule(site, 0, 2 * 86400 * NS)
    (stop,) = stoppages(site, store, "m", result.stops, calendar, **span)
    assert (stop.reason, stop.minor, stop.within_s, stop.planned_s) == ("jam", False, 1800, 1800)
    assert (stop.end_ns - stop.start_ns) / NS == 3600


def test_pareto_and_reliability_by_hand():
    """Two breakdowns of 10 and 20 min, a minor stop, six hours of production."""
    stops = [
        Stoppage("m", "l", 0, 600 * NS, "down", minor=False, reason="jam", within_s=600, planned_s=600),
        Stoppage(
            "m", "l", 1000 * NS, 2200 * NS, "down", minor=False, reason="tool", within_s=1200, planned_s=600
        ),
        Stoppage(
            "m", "l", 3000 * NS, 3060 * NS, "stopped", minor=True, reason="jam", within_s=60, planned_s=60
        ),
    ]
    rows = pareto(stops, "reason")
    assert [(r["reason"], r["count"], r["minutes"]) for r in rows] == [("jam", 2, 11), ("tool", 1, 10)]
    assert rows[-1]["cumulative_share"] == 1
    found = reliability(stops, {"actual_production_time_s": 6 * 3600.0}, 0, 86400 * NS)
    assert found == {"breakdowns": 2, "mtbf_h": 3, "mttr_min": 15}
    assert reliability(stops[2:], {"actual_production_time_s": 1.0}, 0, 86400 * NS)["mtbf_h"] is None
