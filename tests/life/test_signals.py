"""Signals over the life of a fieldlab: new ones cost nothing, changed ones are never reread in silence."""

import pytest

from tests.fieldlab.command import fieldlab
from tests.life.day import START_NS, at

SIGNALS = """
sources: {{plc: {{kind: opcua, endpoint: "opc.tcp://127.0.0.1:4840", security: none}}}}
lines:
  - id: l1
    machines:
      - id: m1
        signals:
{}
"""
POWER = '          power: {source: plc, node: "ns=2;s=P", unit: kW, sampled: true}'
TEMPERATURE = '          spindle_c: {source: plc, node: "ns=2;s=T", unit: degC}'


def configured(lab, *signals):
    """The fieldlab with these signals."""
    return lab.configure(SIGNALS.format("\n".join(signals)))


def recompute(lab):
    """What the command says to a range of the day."""
    return fieldlab("analytics", lab.path, "--recompute", "--from", START_NS, "--to", at(600))


def energy(lab):
    """What the stored atoms say was used [kWh]."""
    return sum(row["energy_kwh"] for row in lab.rows("kpi", "atom", "calendar_time_s").values())


def powered(lab, values):
    """Ten minutes of power, each minute."""
    lab.put("m1", [(at(60 * i), "power", float(value)) for i, value in enumerate(values)])


def test_a_new_signal_needs_nothing(lab):
    """It is added to the config, and its rows stand beside the old ones."""
    configured(lab, POWER)
    powered(lab, [6] * 11)
    assert recompute(lab).returncode == 0
    account, told = lab.account("machine"), energy(lab)
    configured(lab, POWER, TEMPERATURE)
    assert recompute(lab).returncode == 0
    assert (lab.account("machine"), energy(lab)) == (account, told)
    lab.put("m1", [(at(30), "spindle_c", 40.0)], note=2)
    assert lab.account("machine")["machine"] == account["machine"] + 1
    assert told == pytest.approx(1.0)


def test_another_unit_is_refused_until_it_says_from_when(lab):
    """Nothing is recomputed; with `from` both eras are read in their own unit."""
    configured(lab, POWER)
    powered(lab, [6] * 5 + [6000] * 6)
    assert recompute(lab).returncode == 0
    atoms, account = lab.rows("kpi", "atom"), lab.account("machine", "delivery")
    configured(lab, POWER.replace("unit: kW", "unit: W"))
    done = recompute(lab)
    assert done.returncode == 2
    assert f"{lab.path}:12: lines.l1.machines.m1.signals.power.unit: was kW until now" in done.stderr
    assert "unit: [{from: 2020-01-01, value: kW}, {from: THE DAY IT CHANGED, value: W}]" in done.stderr
    assert fieldlab("gateway", lab.path).returncode == 2
    assert lab.rows("kpi", "atom") == atoms
    assert lab.account("machine", "delivery") == account
    dated = "unit: [{from: 2020-01-01, value: kW}, {from: 2026-11-23T00:04:30Z, value: W}]"
    configured(lab, POWER.replace("unit: kW", dated))
    assert recompute(lab).returncode == 0
    assert energy(lab) == pytest.approx(1.0)
    configured(lab, POWER.replace("unit: kW", "unit: W"))
    assert "was kW; from 2026-11-23T00:04:30Z W until now" in recompute(lab).stderr


def test_a_unit_that_was_wrong_from_the_start_may_be_corrected(lab):
    """One entry with a `from` says so, and corrects history."""
    configured(lab, POWER.replace("unit: kW, ", ""))
    powered(lab, [6] * 11)
    assert recompute(lab).returncode == 0
    configured(lab, POWER)  # what was left out is kW
    assert recompute(lab).returncode == 0
    configured(lab, POWER.replace("unit: kW", "unit: [{from: 2020-01-01, value: W}]"))
    assert recompute(lab).returncode == 0
    assert energy(lab) == pytest.approx(0.001)
    configured(lab, POWER.replace("unit: kW", "unit: W"))  # the same, and nothing new
    assert recompute(lab).returncode == 0


def test_another_role_is_refused_until_it_says_from_when(lab):
    """What was a measurement is power now: only from then on, by the same rule."""
    configured(lab, POWER.replace("power:", "draw:").replace(", sampled: true", ""))
    lab.put("m1", [(at(60 * i), "draw", 6.0) for i in range(11)])
    assert recompute(lab).returncode == 0
    configured(lab, POWER)
    done = recompute(lab)
    assert done.returncode == 2
    assert f"{lab.path}:12: lines.l1.machines.m1.signals.power: was draw until now" in done.stderr
    configured(lab, POWER.replace("sampled", "from: 2026-11-23T00:05:00Z, sampled"))
    assert recompute(lab).returncode == 0


def test_what_a_name_meant_before_its_from_is_not_read(lab):
    """A name gets another signal: what was stored under it before stays where it is."""
    configured(lab, POWER)
    powered(lab, [6] * 11)
    assert recompute(lab).returncode == 0
    assert energy(lab) == pytest.approx(1.0)
    configured(lab, POWER.replace("sampled", "from: 2026-11-23T00:05:00Z, sampled"))
    assert recompute(lab).returncode == 0
    assert energy(lab) == pytest.approx(0.5)
    assert lab.account()["machine"] == 11


def test_a_signal_that_left_the_config_is_still_known(lab):
    """It comes back with another unit: refused as well."""
    configured(lab, POWER, TEMPERATURE)
    assert recompute(lab).returncode == 0
    configured(lab, POWER)
    assert recompute(lab).returncode == 0
    configured(lab, POWER, TEMPERATURE.replace("degC", "degF"))
    assert "spindle_c.unit: was degC until now" in recompute(lab).stderr
