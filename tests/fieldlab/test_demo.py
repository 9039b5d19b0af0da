"""``fieldlab demo``: the whole product held to what the simulated machines really did."""

import json
import signal
import socket
import time

import pytest

from fieldlab_configs import load
from ingest.store import Row
from ingest.stores import open_store
from simulator.score import differences
from tests.fieldlab.command import fieldlab, figures, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
SECONDS, SPEED = 12, 120
BALANCE = ("stored", "replaced", "dead", "waiting")
FAULTS = ("link-loss", "counter-reset", "spurious-zero", "nan", "bad-quality", "duplicate", "late")


def demo(*args, seconds=SECONDS):
    """Run the demo to its end; its summary."""
    process = started("demo", "--seconds", seconds, "--speed", SPEED, "--no-browser", "--json", *args)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return json.loads(out)


def wrong(summary):
    """Every figure that is further from the truth than it may be, by machine."""
    return {
        row["machine"]: [str(d) for d in found]
        for row in summary["machines"]
        if (found := differences(row, row["truth"]))
    }


def balanced(ledger):
    """The account of samples adds up, and nothing waits."""
    return ledger["received"] == sum(ledger[name] for name in BALANCE) and ledger["waiting"] == 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A demo that was run, its folder, and its summary."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    return folder, demo("--seed", 7, "--data", folder)


def test_what_is_measured_is_what_happened(kept):
    """Counts equal the truth exactly, ratios within 0.005, energy within half a percent."""
    _, summary = kept
    assert len(summary["machines"]) == 4
    assert wrong(summary) == {}
    assert all(row["produced_quantity"] > 0 for row in summary["machines"])
    assert balanced(summary["ledger"])
    assert summary["ledger"]["dead"] == summary["ledger"]["gaps"] == 0


def test_kpi_on_the_demos_own_config_prints_the_same(kept):
    """The summary and ``fieldlab kpi`` are one answer."""
    folder, summary = kept
    span = ("--from", "2026-01-05T07:00:00Z", "--to", f"2026-01-05T07:{SECONDS * SPEED // 60:02}:00Z")
    rows = figures(folder / "demo.yaml", *span, "--by", "machine")
    for row, expected in zip(rows, summary["machines"], strict=True):
        assert row == {name: expected[name] for name in row}


def test_a_corrupted_sample_is_seen(kept):
    """One changed counter reading in the store, and the comparison fails: it can."""
    folder, summary = kept
    site = load(folder / "demo.yaml")
    store = open_store(site)
    tags = (("fieldlab", site.fieldlab), ("line", "line1"), ("machine", "mill1"))
    (table,) = store.read("raw", "machine", where={"machine": "mill1"}, fields=["total_count"])
    last_ns, last = int(table.time_ns[-1]), float(table.columns["total_count"][-1])
    store.write("raw", [Row("machine", tags, "total_count", last_ns, last + 1)])
    store.close()
    span = ("--from", "2026-01-05T07:00:00Z", "--to", f"2026-01-05T07:{SECONDS * SPEED // 60:02}:00Z")
    rows = figures(folder / "demo.yaml", *span, "--by", "machine")
    found = {
        row["machine"]: [d.name for d in differences(row, truth["truth"])]
        for row, truth in zip(rows, summary["machines"], strict=True)
    }
    assert "produced_quantity" in found.pop("mill1")
    assert not any(found.values())


@pytest.mark.parametrize("faults", [FAULTS[:3], FAULTS[3:]], ids=["losses", "noise"])
def test_faults_are_unknown_time_and_lose_no_part(faults):
    """Counts still equal the truth, the silent time is unknown time, the true OEE lies within its bounds."""
    summary = demo("--seed", 11, *(arg for name in faults for arg in ("--fault", name)), seconds=20)
    assert wrong(summary) == {}
    assert balanced(summary["ledger"])
    for row in summary["machines"]:
        silent_s = row["truth"]["silent_s"]
        if silent_s == 0:
            assert row["unknown_time_s"] == 0, row["machine"]
        else:
            # To find the machine again takes up to some real seconds, each of which is two minutes here.
            assert 0.9 * silent_s <= row["unknown_time_s"] <= silent_s + 6 * SPEED, row["machine"]
    if "nan" in faults:
        assert summary["ledger"]["dead"] > 0
        assert summary["ledger"]["replaced"] > 0


def test_ctrl_c_stops_within_three_seconds_and_prints_the_summary(tmp_path):
    """Nothing is left behind, and what was measured is said."""
    process = started("demo", "--no-browser", "--data", tmp_path / "data")
    deadline = time.monotonic() + 90
    lines = []
    while time.monotonic() < deadline and not any(line.startswith("config:") for line in lines):
        lines.append(process.stdout.readline())
    config = next(line for line in lines if line.startswith("config:")).removeprefix("config:").strip()
    while time.monotonic() < deadline:
        if (
            '"stored": 0' not in (books := fieldlab("ledger", config, "--format", "json")).stdout
            and books.stdout
        ):
            break
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert time.monotonic() - asked < 3.0
    assert "Traceback" not in err
    assert "what the simulated machines really did" in out
    assert "samples received" in out


def started_and_page_told(*args):
    """A demo that has just told its page; its machines are still setting themselves up, or just have."""
    process = started("demo", "--no-browser", *args)
    while process.poll() is None and not process.stdout.readline().startswith("config:"):
        pass
    return process


def test_ctrl_c_before_the_machines_are_ready_stops_as_soon(tmp_path):
    """Nobody waits for machines that nobody wants any more."""
    process = started_and_page_told("--data", tmp_path / "data")
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert time.monotonic() - asked < 3.0
    assert "Traceback" not in err


def test_the_machines_end_with_a_demo_that_was_killed(tmp_path):
    """Their process keeps the pipe of our standard error: it closes when both are gone."""
    process = started_and_page_told("--data", tmp_path / "data")
    process.kill()
    killed = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - killed < 5.0
    assert "Traceback" not in err


def test_a_busy_port_is_said():
    """One message with the port in it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = fieldlab("demo", "--no-browser", "--port", port, "--seconds", 1)
    assert done.returncode == 2
    assert str(port) in done.stderr
