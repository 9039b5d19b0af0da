"""The examples run as they are, and show what they are there to show."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest

import fieldlab_configs
from fieldlab_configs import STATE_CLASSES, MqttSource, OpcUaSource, Site, load

EXAMPLES = sorted(Path(fieldlab_configs.__file__).parent.glob("examples/*.yaml"))
RECORDINGS = Path(__file__).parents[3] / "shared/data/nist_sms_testbed"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_right(path: Path) -> None:
    """It loads, and holds machines."""
    assert list(load(path).machines())


@pytest.fixture
def demo() -> Iterator[Site]:
    """The demonstration, as an installed product finds it."""
    with as_file(files("fieldlab_configs.examples") / "demo.yaml") as path:
        yield load(path)


def test_the_demonstration_is_a_line_of_four_machines_on_two_protocols(demo: Site) -> None:
    """Two by OPC UA, two by MQTT, all on this computer."""
    machines = list(demo.machines())
    assert [m.kind for m in machines] == ["mill", "press", "oven", "packaging"]
    kinds = [{type(demo.sources[s.source]) for s in m.signals.values()} for m in machines]
    assert kinds == [{OpcUaSource}, {OpcUaSource}, {MqttSource}, {MqttSource}]
    assert all("link" in m.signals for m, k in zip(machines, kinds, strict=True) if k == {MqttSource})
    assert {s.security for s in demo.sources.values() if isinstance(s, OpcUaSource)} == {"none"}
    assert demo.store.kind == "embedded"
    assert {g.clock for g in demo.gateways.values()} == {"source"}


def test_every_machine_of_the_demonstration_can_tell_every_state(demo: Site) -> None:
    """So that the simulator's whole truth can be told; unknown is what nobody tells."""
    for machine in demo.machines():
        assert set(machine.states.latest.map.values()) | {"unknown"} == set(STATE_CLASSES), machine.id
        assert {"state", "total_count", "product"} <= set(machine.signals)
        assert len({"good_count", "scrap_count"} & set(machine.signals)) == 1
        assert {"power", "energy"} & set(machine.signals)
        assert len(machine.products) == 2


def test_the_demonstration_always_has_planned_time(demo: Site) -> None:
    """Its shifts cover the week, so a visitor at any hour sees figures."""
    assert sum(shift.seconds * len(shift.days) for shift in demo.shifts.latest) == 7 * 86_400


@pytest.mark.parametrize("machine", ["hurco01", "gfagie01"])
def test_the_recorded_example_fits_the_recordings(machine: str) -> None:
    """Every item that it names is in the recording, and every state there has a class."""
    (recording,) = RECORDINGS.glob(f"{machine}_*.shdr") if RECORDINGS.is_dir() else (None,)
    if recording is None:
        pytest.skip("the recordings of ../shared/data/nist_sms_testbed are not here")
    values: dict[str, set[str]] = {}
    for line in recording.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split("|")
        for item, value in zip(fields[1::2], fields[2::2], strict=False):
            values.setdefault(item, set()).add(value)
    site = load(next(path for path in EXAMPLES if path.stem == "recorded"))
    signals = site.machine(machine).signals
    assert {signal.item for signal in signals.values()} <= set(values)
    assert values[signals["state"].item] <= set(site.machine(machine).states.latest.map)
