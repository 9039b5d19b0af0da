"""Names are free, ids are not; a machine moves to another line on a day, and only from that day on."""

import json

import pytest

from tests.fieldlab.command import fieldlab
from tests.life.day import START_NS, at, day

MACHINE = """
      - id: {id}
        name: {name}
        {line}
        ideal_cycle_time_s: {pri}
        states: {{map: {{1: producing, 2: stopped, 3: idle}}}}
        signals:
          {{state: {{item: s}}, total_count: {{item: c}}, good_count: {{item: g}}, energy: {{item: e}}}}"""
MOVED = "line: [{from: 2026-01-01, value: l1}, {from: 2026-11-23T01:00:00Z, value: l2}]"
HOLDS = {"atom": "calendar_time_s", "stop": "duration_s"}


def machine(name, line="", pri=30, title="A mill"):
    """A machine of the config."""
    return MACHINE.format(id=name, name=title, line=line, pri=pri)


def lines(l1, l2, more1="", more2=""):
    """Two lines with these machines."""
    parts = [f"lines:\n  - id: l1\n    name: North{more1}\n    machines:" + "".join(l1)]
    parts += [f"  - id: l2\n    name: South{more2}\n    machines:" + "".join(l2)]
    return "\n".join(parts) + "\n"


BEFORE = lines([machine("m1"), machine("m2", pri=20)], [machine("m3")])
AFTER = lines(
    [machine("m1")],
    [machine("m3"), machine("m2", MOVED, pri=20)],
    "\n    output: [{from: 2026-01-01, value: m2}, {from: 2026-11-23T01:00:00Z, value: m1}]",
    "\n    output: [{from: 2026-01-01, value: m3}, {from: 2026-11-23T01:00:00Z, value: m2}]",
)


@pytest.fixture
def shop(lab):
    """Three machines on two lines, two hours of each."""
    lab.configure(BEFORE)
    for number, name in enumerate(("m1", "m2", "m3")):
        lab.put(name, day(phase=number), line="l2" if name == "m3" else "l1")
    lab.job().step(at(7200))
    return lab


def kpi(lab):
    """Atoms and stops that hold."""
    return {m: lab.rows("kpi", m, holds) for m, holds in HOLDS.items()}


def test_another_name_changes_nothing_that_is_stored(shop):
    """Of the fieldlab, a line, a machine: recomputed, every row is the same."""
    before = {m: shop.rows("kpi", m) for m in HOLDS}
    account = shop.account()
    text = BEFORE.replace("North", "Nord").replace("A mill", "Die Mühle")
    shop.configure("name: Neues Labor\n" + text)
    shop.job().recompute(START_NS, at(7200))
    assert {m: shop.rows("kpi", m) for m in HOLDS} == before
    assert shop.account() == account


def test_atoms_and_stops_carry_the_new_line_from_the_move_on(shop):
    """Older ones keep theirs; what no longer holds under the old tag is zero; nothing is counted twice."""
    before, account = kpi(shop), shop.account()
    shop.configure(AFTER)
    shop.job().recompute(START_NS, at(7200))
    after = kpi(shop)
    for measurement, rows in after.items():
        for (tags, time), row in rows.items():
            told = dict(tags)
            moved = told["machine"] == "m2" and time >= at(3600)
            assert told["line"] == ("l2" if moved or told["machine"] == "m3" else "l1")
            former = tuple(sorted({**told, "line": "l1" if told["machine"] != "m3" else "l2"}.items()))
            own = {k: v for k, v in row.items() if not k.startswith("line_")}
            told_before = before[measurement][former, time]
            assert own == {k: v for k, v in told_before.items() if not k.startswith("line_")}
        assert len(rows) == len(before[measurement])
    everything = shop.rows("kpi", "atom")
    old = [r for (tags, t), r in everything.items() if dict(tags)["machine"] == "m2"
           and dict(tags)["line"] == "l1" and t >= at(3600)]  # fmt: skip
    assert len(old) == 12
    assert not any(any(row.values()) for row in old)
    assert shop.account() == account


def test_a_lines_figures_follow_its_output_and_its_bottleneck(shop):
    """Before the move l1 gives what m2 made, afterwards what m1 did; l2 gains m2."""
    shop.configure(AFTER)
    shop.job().recompute(START_NS, at(7200))
    made = {}
    for (tags, time), row in shop.rows("kpi", "atom", "calendar_time_s").items():
        hour = "before" if time < at(3600) else "after"
        key = dict(tags)["machine"], hour
        made[key] = made.get(key, 0) + row["produced_quantity"]
    outputs = {("l1", "before"): "m2", ("l1", "after"): "m1", ("l2", "before"): "m3", ("l2", "after"): "m2"}
    for hour, span in (("before", (START_NS, at(3600))), ("after", (at(3600), at(7200)))):
        done = fieldlab(
            "kpi", shop.path, "--by", "line", "--format", "json", "--from", span[0], "--to", span[1]
        )
        rows = {row["line"]: row for row in json.loads(done.stdout)}
        assert set(rows) == {"l1", "l2"}
        for line, row in rows.items():
            output = outputs[line, hour]
            assert row["line_produced_quantity"] == pytest.approx(made[output, hour])
            pri = 20 if output == "m2" else 30  # without a bottleneck of its own the output is it
            assert row["line_ideal_good_time_s"] == pytest.approx(row["line_good_quantity"] * pri)
            assert row["line_planned_busy_time_s"] == pytest.approx(3600)
    whole = fieldlab(
        "kpi", shop.path, "--by", "line", "--format", "json", "--from", START_NS, "--to", at(7200)
    )
    rows = {row["line"]: row for row in json.loads(whole.stdout)}
    assert rows["l1"]["line_produced_quantity"] == pytest.approx(made["m2", "before"] + made["m1", "after"])
    assert rows["l1"]["calendar_time_s"] == 3 * 3600
    assert rows["l2"]["calendar_time_s"] == 3 * 3600


def test_an_output_that_changes_within_a_cell_shares_the_cells_parts(shop):
    """Every part is its output's at the time, none is lost or told twice."""
    text = BEFORE.replace(
        "North", "North\n    output: [{from: 2026-01-01, value: m2}, {from: 2026-11-23T00:32:30Z, value: m1}]"
    )
    shop.configure(text)
    shop.job().recompute(START_NS, at(7200))
    told = fieldlab(
        "kpi", shop.path, "--by", "line", "--format", "json", "--from", START_NS, "--to", at(7200)
    )
    (row,) = (r for r in json.loads(told.stdout) if r["line"] == "l1")
    parts = {}
    for name, span in (("m2", (START_NS, at(1950))), ("m1", (at(1950), at(7200)))):
        done = fieldlab(
            "kpi", shop.path, "--by", "machine", "--format", "json", "--from", span[0], "--to", span[1]
        )
        parts[name] = {r["machine"]: r["produced_quantity"] for r in json.loads(done.stdout)}[name]
    assert row["line_produced_quantity"] == pytest.approx(sum(parts.values()))


def test_check_says_where_a_line_may_mean_another_output(lab):
    """A machine left it, and nobody said who was its output."""
    lab.configure(lines([machine("m1")], [machine("m3"), machine("m2", MOVED)]))
    done = fieldlab("check", lab.path)
    assert done.returncode == 0
    assert "line l1: m2 stood in it until 2026-11-23T01:00:00Z; its output is m1 for all time" in done.stdout
    lab.configure(AFTER)
    assert "stood in it" not in fieldlab("check", lab.path).stdout


@pytest.mark.parametrize("lab", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            MOVED.replace("value: l2", "value: l1"),
            'must end with "l2", the line that the machine stands under',
        ),
        (MOVED.replace("value: l1", "value: l9"), "must be one of l1, l2"),
    ],
)
def test_a_move_that_cannot_be_is_said(lab, line, message):
    """The machine stands under the line it is in now."""
    lab.path.write_text("fieldlab: lab\ntimezone: Europe/Amsterdam\n" + AFTER.replace(MOVED, line))
    done = fieldlab("check", lab.path)
    assert done.returncode == 2
    assert f"lines.l2.machines.m2.line: {message}" in done.stderr
