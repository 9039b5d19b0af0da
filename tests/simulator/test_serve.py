"""Whole simulations over real protocols, at speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from asyncua import Client, ua

from fieldlab_configs import parse
from simulator.errors import CannotSimulate, PortBusy
from simulator.opcua_space import moment
from simulator.serve import Simulation
from tests.servers import MosquittoServer
from tests.simulator.listeners import Heard, free_port, listen, subscriber, until
from tests.simulator.sites import MONDAY_8, NS, line, of, played

REFUSED = r"refused|Connect"


@pytest.mark.service
async def test_what_clients_hear_is_what_the_machines_told(mosquitto: MosquittoServer, topics: str) -> None:
    """Twenty minutes in four seconds: every reading over OPC UA and MQTT, with the truth beside it."""
    site = line(plc=free_port(), broker=mosquitto.port, topics=topics)
    heard = Heard()
    async with (
        Simulation(site, seed=3, start_ns=MONDAY_8, speed=300, planned_s=1200) as simulation,
        Client(site.sources["plc"].endpoint) as client,
        subscriber(mosquitto.port, topics) as inbox,
    ):
        await listen(client, site, "mill", heard)
        await until(lambda: len(heard.rows) == 9 and bool(inbox.of("t/pack/count")))
        assert simulation.now_ns == MONDAY_8
        assert heard.of("clock") == [(moment(MONDAY_8), "Good", moment(MONDAY_8))]
        await simulation.run(until_ns=MONDAY_8 + 1200 * NS)
        await simulation.settled()
        await until(lambda: inbox.of("t/clock")[-1] == "2026-01-05T07:20:00Z")
        await until(lambda: heard.of("clock")[-1][0] == moment(MONDAY_8 + 1200 * NS))
        truth = simulation.truth("pack")
    readings, plant, _ = played(site, 1200, seed=3)
    for signal in ("state", "total_count", "good_count", "product", "spindle_c", "energy"):
        expected = [(r.value, "Good", moment(r.time_ns)) for r in of(readings, "mill", signal)]
        changes = [row for row, before in zip(expected, [None, *expected], strict=False)
                   if before is None or row[0] != before[0]]  # fmt: skip
        assert heard.of(signal) == changes
    counts = [m["n"]["good"] for m in inbox.of("t/pack/count") if "good" in m["n"]]
    assert counts == [r.value for r in of(readings, "pack", "good_count")]
    assert truth["good_quantity"] == counts[-1] - counts[0]
    assert truth == {**plant.truth("pack"), "silent_s": 0.0, "silent": []}


async def reaches(endpoint: str, silent: Callable[[], bool]) -> bool:
    """Whether a client can connect; who is only slow is asked again, for as long as it should be silent."""
    while silent():
        client = Client(endpoint, timeout=1)
        try:
            await client.connect()
        except ConnectionError:
            return False
        except (TimeoutError, ua.UaError):
            continue
        await client.disconnect()
        break
    return True


@pytest.mark.service
async def test_a_lost_link_is_lost_on_the_wire(mosquitto: MosquittoServer, topics: str) -> None:
    """The server cannot be reached, the will is spoken; afterwards the present is told."""
    site = line(plc=free_port(), broker=mosquitto.port, topics=topics)
    simulation = Simulation(site, seed=1, start_ns=MONDAY_8, speed=120, faults=("link-loss",), planned_s=1200)
    windows = {w.source: w for w in simulation.windows}
    ordered = sorted(windows.values(), key=lambda w: w.start_ns)
    async with simulation, subscriber(mosquitto.port, topics, "pack/#") as inbox:
        await until(lambda: inbox.of("t/pack/online")[-1:] == [1])
        stop = asyncio.Event()
        running = asyncio.create_task(simulation.run(stop=stop))
        plc = windows["plc"]
        await until(lambda: simulation.now_ns > plc.start_ns)
        reached = await reaches(site.sources["plc"].endpoint, lambda: simulation.now_ns <= plc.end_ns)
        assert not reached or simulation.now_ns > plc.end_ns  # it is back meanwhile, on a busy machine
        await until(lambda: simulation.now_ns > ordered[-1].end_ns)
        await until(lambda: inbox.of("t/pack/online")[-3:] == [1, 0, 1])
        stop.set()
        await running
        truth = simulation.truth("mill")
        async with Client(site.sources["plc"].endpoint) as client:
            index = await client.get_namespace_index("urn:test")
            total = await client.get_node(f"ns={index};s=mill.Total").read_data_value()
    assert truth["silent"] == [[plc.start_ns, plc.end_ns]]
    assert truth["silent_s"] == (plc.end_ns - plc.start_ns) / NS >= 1.5 * 120
    assert total.SourceTimestamp >= moment(plc.end_ns)
    lost = windows["broker"]
    times = [m["ts"] for m in inbox.of("t/pack/state") + inbox.of("t/pack/power")]
    inside = [
        t for t in times if moment(lost.start_ns).isoformat() < t < moment(lost.end_ns).isoformat()[:23]
    ]
    assert not inside


@pytest.mark.service
async def test_it_stops_when_told_and_leaves_nothing_behind(mosquitto: MosquittoServer, topics: str) -> None:
    """Within a moment, with the last meter reading told, and the port free again."""
    site = line(plc=free_port(), broker=mosquitto.port, topics=topics)
    async with Simulation(site, seed=1, start_ns=MONDAY_8, speed=60) as simulation:
        running = asyncio.create_task(simulation.run())
        await until(lambda: simulation.now_ns > MONDAY_8 + 30 * NS)
        began = time.monotonic()
        simulation.stop()
        await running
        assert simulation.truth("mill")["calendar_time_s"] == (simulation.now_ns - MONDAY_8) / NS
    assert time.monotonic() - began < 3
    async with Simulation(site, seed=1, start_ns=MONDAY_8, speed=60):
        pass


async def test_a_start_that_fails_halfway_leaves_nothing_running() -> None:
    """OPC UA is up when the broker proves absent; its port is free again afterwards."""
    site = line(plc=free_port(), broker=free_port())
    with pytest.raises(PortBusy, match=r"sources\.broker"):
        async with Simulation(site, seed=1, start_ns=MONDAY_8, speed=60):
            pass
    with pytest.raises(OSError, match=REFUSED):
        await Client(site.sources["plc"].endpoint, timeout=1).connect()


def test_a_site_without_sources_cannot_be_simulated() -> None:
    """One message that says why."""
    site = parse("fieldlab: x\ntimezone: UTC\nlines: [{id: l, machines: [{id: m}]}]")
    with pytest.raises(
        CannotSimulate, match="no machine has a signal with an OPC UA, MQTT or Sparkplug source"
    ):
        Simulation(site, seed=1, start_ns=MONDAY_8, speed=1)
