"""Six fieldlabs of different trades: each runs whole, over real protocols, and is held to what happened."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from fieldlab.examples import examples
from fieldlab_configs import OpcUaSource, load
from ingest.stores import open_store
from simulator.score import differences
from tests.fieldlab.command import EXAMPLES, fieldlab, figures, started
from tests.servers import free_port
from tests.simulator.test_trades import TRADES

BALANCE = ("stored", "replaced", "dead", "waiting")
SECONDS, SPEED = 6, 480  # from 08:00 to 08:48


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("trade", TRADES)
def test_a_trade_is_measured_as_it_happened(trade: str, tmp_path: Path) -> None:
    """OPC UA encrypted and with a password, MQTT, Sparkplug B: no figure is off, no sample lost."""
    folder = tmp_path / "data"
    options = ("--seconds", SECONDS, "--speed", SPEED, "--no-browser", "--json", "--data", folder)
    process = started("demo", trade, *options)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    told = json.loads(out)
    site = load(folder / f"{trade}.yaml")
    assert {row["machine"] for row in told["machines"]} == {m.id for m in site.machines()}
    for row in told["machines"]:
        assert [str(d) for d in differences(row, row["truth"])] == [], row["machine"]
        assert row["produced_quantity"] > 0
        assert row["coverage"] == 1
    ledger = told["ledger"]
    assert ledger["received"] == sum(ledger[name] for name in BALANCE) > 500
    assert ledger["dead"] == ledger["gaps"] == ledger["waiting"] == 0
    servers = [source for source in site.sources.values() if isinstance(source, OpcUaSource)]
    assert {(s.security, s.user) for s in servers} == {("sign_and_encrypt", "fieldlab")}
    span = ("--from", "2026-01-05T08:00:00+01:00", "--to", "2026-01-05T08:48:00+01:00")
    rows = figures(folder / f"{trade}.yaml", *span, "--by", "machine")
    assert [row["oee_index"] for row in rows] == [row["oee_index"] for row in told["machines"]]
    store = open_store(site)
    kept = {table.tags["machine"] for table in store.read("kpi", "atom", fields=["produced_quantity"])}
    store.close()
    assert kept == {machine.id for machine in site.machines()}


@pytest.mark.service
@pytest.mark.slow
def test_an_example_comes_up_on_one_computer_as_it_is(tmp_path: Path) -> None:
    """Copied, and brought up: certificates, passwords and a broker that asks for one are made for it."""
    path = tmp_path / "mine.yaml"
    done = fieldlab("init", path, "--example", "sheet-metal", "--fieldlab", "mine")
    assert done.returncode == 0, done.stderr
    text = path.read_text(encoding="utf-8")
    for port in ("48521", "18521"):
        text = text.replace(port, str(free_port()))
    path.write_text(text, encoding="utf-8")
    process = started("up", path, "--simulate", "--port", 0)
    try:
        deadline = time.monotonic() + 180
        heard: set[tuple[str, str]] = set()
        wanted = {(m.id, name) for m in load(path).machines() for name in m.signals}
        while heard < wanted and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.5)  # a poll of another process, bounded above
            if (tmp_path / "data" / "sheet-metal.db").exists():
                store = open_store(load(path))
                rows = store.last_before("raw", "machine", 2**62)
                heard = {(dict(row.tags)["machine"], row.field.removesuffix("_text")) for row in rows}
                store.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert heard == wanted
    for name in ("laser", "broker"):
        assert (tmp_path / "secrets" / f"{name}.password").stat().st_mode & 0o077 == 0


def test_examples_are_listed_the_trades_first() -> None:
    """Each on a line, with what it is."""
    done = fieldlab("init", "--examples")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [*TRADES, "demo", "recorded", "compose"]
    assert all(20 < len(each.about) < 160 for each in examples())
    assert set(names) == {path.stem for path in EXAMPLES.glob("*.yaml")}


@pytest.mark.parametrize("trade", TRADES)
def test_a_copy_of_an_example_is_a_config_of_ones_own(trade: str, tmp_path: Path) -> None:
    """All comments kept, under another id, name and language; `check` has nothing to say."""
    path = tmp_path / "own.yaml"
    given = (
        "--fieldlab",
        "own",
        "--name",
        'Our "own": lab',
        "--language",
        "en",
        "--timezone",
        "Europe/Brussels",
    )
    done = fieldlab("init", path, "--example", trade, *given)
    assert done.returncode == 0, done.stderr
    site = load(path)
    assert (site.fieldlab, site.name, site.language) == ("own", 'Our "own": lab', "en")
    assert site.timezone.latest == "Europe/Brussels"
    assert fieldlab("check", path).returncode == 0
    original = (EXAMPLES / f"{trade}.yaml").read_text(encoding="utf-8").splitlines()
    changed = [
        a for a, b in zip(original, path.read_text(encoding="utf-8").splitlines(), strict=True) if a != b
    ]
    assert [line.partition(":")[0] for line in changed] == ["fieldlab", "name", "timezone", "language"]


@pytest.mark.parametrize("trade", TRADES)
def test_an_example_is_one_to_start_from(trade: str) -> None:
    """Comments, products, meters, a question with a company that is nobody's, secrets by reference only."""
    text = (EXAMPLES / f"{trade}.yaml").read_text(encoding="utf-8")
    site = load(EXAMPLES / f"{trade}.yaml")
    assert sum("#" in line for line in text.splitlines()) > 20
    assert all(len(line) <= 120 for line in text.splitlines())
    machines = list(site.machines())
    assert all({"energy", "power"} & set(machine.signals) for machine in machines)
    assert sum(len(machine.products) >= 2 for machine in machines) >= len(machines) - 1
    assert all(experiment.question.endswith("?") for experiment in site.experiments)
    assert {company.id for company in site.companies} <= {"company_a", "company_b"}
    assert site.shifts is not None
    assert len(site.holidays) == 12
    kinds = {source.kind for source in site.sources.values()}
    assert "opcua" in kinds
    assert kinds & {"mqtt", "sparkplug"}
    assert all(
        source.security == "sign_and_encrypt" for source in site.sources.values() if source.kind == "opcua"
    )
    assert all(source.password.file for source in site.sources.values())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ("init", "x.yaml", "--example", "packagin"),
            "there is no example packagin; did you mean packaging?",
        ),
        (("init", "x.yaml", "--example", "food", "--machine", "m"), "--machine does not go with --example"),
        (("init", "x.yaml", "--example", "food", "--from", "f"), "--from does not go with --example"),
        (("init", "x.yaml", "--example", "food", "--fieldlab", "No id"), "must be an id"),
        (("demo", "foot"), "there is no example foot; did you mean food?"),
        (("demo", "absent.yaml"), "absent.yaml: there is no such file"),
        (("demo", "driven.yaml"), "sources.x: a source of kind driver cannot be simulated"),
        (("demo", "silent.yaml"), "no signal has a source, so there is no machine to simulate"),
        (("demo", "wrong.yaml"), "wrong.yaml:1: "),
    ],
)
def test_what_cannot_be_done_is_said(args: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """One message, exit status 2, nothing written."""
    machine = "fieldlab: x\ntimezone: UTC\nlines: [{id: l, machines: [{id: m, signals: {x: {%s}}}]}]\n"
    driven = "sources: {x: {kind: driver, driver: y, address: z}}\n"
    (tmp_path / "driven.yaml").write_text(machine % "source: x, address: a" + driven)
    (tmp_path / "silent.yaml").write_text(machine % "")
    (tmp_path / "wrong.yaml").write_text("fieldlab: x\n")
    more = ("--no-browser", "--seconds", "1") if args[0] == "demo" else ()
    done = fieldlab(*args, *more, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.yaml").exists()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Unless it is said to be replaced."""
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert fieldlab("init", path, "--example", "food").returncode == 2
    assert path.read_text() == "mine"
    assert fieldlab("init", path, "--example", "food", "--force").returncode == 0
    assert load(path).fieldlab == "food"
