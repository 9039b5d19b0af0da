"""The OPC UA server, seen by an independent client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from asyncua import Client, ua

from fieldlab_configs import Site
from simulator.errors import PortBusy
from simulator.opcua_server import OpcUaMachines
from simulator.opcua_space import moment
from simulator.readings import Reading
from tests.simulator.listeners import Heard, free_port, listen, until
from tests.simulator.sites import MONDAY_8, NS, line

REFUSED = r"refused|Connect"


@pytest.fixture
def site() -> Site:
    return line(plc=free_port())


@pytest.fixture
async def server(site: Site) -> AsyncIterator[OpcUaMachines]:
    server = OpcUaMachines(site, "plc", start_ns=MONDAY_8)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(site: Site, server: OpcUaMachines) -> AsyncIterator[Client]:
    async with Client(site.sources["plc"].endpoint) as client:
        yield client


def later(signal: str, ms: int, value: object, **more: object) -> Reading:
    return Reading("mill", signal, MONDAY_8 + ms * 1_000_000, value, **more)


async def test_nodes_stand_exactly_where_the_configuration_says(
    client: Client, server: OpcUaMachines
) -> None:
    """By namespace URI, with text and number ids, of the type that the signal wants."""
    await server.give([later("state", 1, 6), later("total_count", 1, 7000), later("product", 1, "a"),
                       later("power", 1, 9.5), later("spindle_c", 1, 44.25)])  # fmt: skip
    test, other = [await client.get_namespace_index(f"urn:{name}") for name in ("test", "other")]
    for node, kind, value in (
        (f"ns={test};s=mill.State", ua.VariantType.Int32, 6),
        (f"ns={test};s=mill.Total", ua.VariantType.UInt32, 7000),
        (f"ns={test};s=mill.Product", ua.VariantType.String, "a"),
        (f"ns={test};i=7", ua.VariantType.Double, 9.5),
        (f"ns={other};s=Temp", ua.VariantType.Double, 44.25),
    ):
        told = await client.get_node(node).read_data_value()
        assert (told.Value.VariantType, told.Value.Value) == (kind, value)
        assert told.SourceTimestamp == told.ServerTimestamp == moment(MONDAY_8 + 1_000_000)


async def test_a_node_without_a_reading_says_so(client: Client) -> None:
    """Not 0, not an empty text: waiting for its first value."""
    index = await client.get_namespace_index("urn:test")
    told = await client.get_node(f"ns={index};s=mill.Total").read_data_value(raise_on_bad_status=False)
    assert told.StatusCode.name == "BadWaitingForInitialData"


async def test_machines_are_laid_out_as_opc_ua_for_machinery_names_them(
    client: Client, server: OpcUaMachines
) -> None:
    """Machines, Identification, MachineryItemState: a client finds them by browse path."""
    machinery = await client.get_namespace_index("http://opcfoundation.org/UA/Machinery/")
    devices = await client.get_namespace_index("http://opcfoundation.org/UA/DI/")
    own = await client.get_namespace_index("urn:fieldlab:test")
    mill = await client.nodes.objects.get_child([f"{machinery}:Machines", f"{own}:mill"])
    maker = await mill.get_child([f"{devices}:Identification", f"{devices}:Manufacturer"])
    assert await maker.read_value() == "Fieldlab"
    state = await mill.get_child(
        [f"{machinery}:MachineryBuildingBlocks", f"{machinery}:MachineryItemState", "0:CurrentState"]
    )
    await server.give([later("state", 1, 6)])
    assert (await state.read_value()).Text == "Executing"
    await server.give([later("state", 2, 9)])
    assert (await state.read_value()).Text == "NotExecuting"


async def test_current_time_is_the_simulated_time_and_nothing_else(
    client: Client, server: OpcUaMachines
) -> None:
    """Node and structure agree, and the computer's clock never comes through."""
    clock = client.get_node("i=2258")
    assert await clock.read_value() == moment(MONDAY_8)
    await server.tell_time(MONDAY_8 + 90 * NS)
    await asyncio.sleep(1.2)  # asyncua's own clock would have ticked by now
    assert await clock.read_value() == moment(MONDAY_8 + 90 * NS)
    assert (await client.get_node("i=2256").read_value()).CurrentTime == moment(MONDAY_8 + 90 * NS)


async def test_every_reading_of_one_tick_arrives_in_order_before_the_clock(
    site: Site, client: Client, server: OpcUaMachines
) -> None:
    """A thousand readings at once, each with its own source timestamp."""
    heard = Heard()
    await listen(client, site, "mill", heard)
    assert server.subscribed()
    await server.give([later("total_count", ms, 5000 + ms) for ms in range(1, 1001)])
    await server.tell_time(MONDAY_8 + NS)
    await until(lambda: len(heard.of("clock")) == 2)
    told = heard.of("total_count")[1:]  # the first said that there was none yet
    assert [value for value, _, _ in told] == list(range(5001, 6001))
    assert [stamp for _, _, stamp in told] == [moment(MONDAY_8 + ms * 1_000_000) for ms in range(1, 1001)]


async def test_bad_quality_has_a_status_and_no_value(
    site: Site, client: Client, server: OpcUaMachines
) -> None:
    """And the good value after it is told again."""
    heard = Heard()
    await listen(client, site, "mill", heard)
    await server.give([later("state", 1, 6), later("state", 2, None, quality="BadSensorFailure")])
    await server.give([later("state", 3, 6)])
    await until(lambda: len(heard.of("state")) == 4)
    assert [row[:2] for row in heard.of("state")[1:]] == [
        (6, "Good"),
        (None, "BadSensorFailure"),
        (6, "Good"),
    ]


async def test_a_duplicate_is_notified_though_nothing_changed(
    site: Site, client: Client, server: OpcUaMachines
) -> None:
    """The same value with the same timestamp, twice."""
    heard = Heard()
    await listen(client, site, "mill", heard)
    await server.give([later("state", 1, 6), later("state", 1, 6, again=True), later("state", 1, 6)])
    await server.tell_time(MONDAY_8 + NS)
    await until(lambda: len(heard.of("clock")) == 2)
    assert heard.of("state")[1:] == [(6, "Good", moment(MONDAY_8 + 1_000_000))] * 2


async def test_nobody_may_write_whatever_the_name(site: Site, server: OpcUaMachines) -> None:
    """Neither anonymous nor "admin" with a password of their own choice."""
    for user in (None, "admin"):
        client = Client(site.sources["plc"].endpoint)
        if user:
            client.set_user(user)
            client.set_password("admin")
        async with client:
            index = await client.get_namespace_index("urn:test")
            node = client.get_node(f"ns={index};s=mill.Total")
            with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await node.write_value(ua.Variant(1, ua.VariantType.UInt32))
            with pytest.raises(ua.UaStatusCodeError):
                await client.nodes.objects.add_folder(f"ns={index};s=x", f"{index}:x")


async def test_it_listens_on_the_loopback_interface_alone(server: OpcUaMachines) -> None:
    """Whatever the endpoint's name, unless asked otherwise."""
    sockets = server._server.bserver._server.sockets
    assert {s.getsockname()[0] for s in sockets} == {"127.0.0.1"}


async def test_a_busy_port_is_said_with_the_source_and_the_port() -> None:
    """One message that helps, and nothing left running."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = OpcUaMachines(line(plc=port), "plc", start_ns=MONDAY_8)
        with pytest.raises(PortBusy, match=f"sources.plc: cannot listen on 127.0.0.1:{port}"):
            await server.start()
        await server.stop()


async def test_a_vanished_server_is_unreachable_and_comes_back_knowing_nobody(
    site: Site, client: Client, server: OpcUaMachines
) -> None:
    """Connections are cut, new ones refused; afterwards no session or subscription is left."""
    await listen(client, site, "mill", Heard())
    await server.vanish()
    with pytest.raises(OSError, match=REFUSED):
        await Client(site.sources["plc"].endpoint, timeout=2).connect()
    await server.reappear()
    assert not server.subscribed()
    async with Client(site.sources["plc"].endpoint) as again:
        heard = Heard()
        await listen(again, site, "mill", heard)
        await server.give([later("state", 5, 4)])
        await until(lambda: bool(heard.of("state")) and heard.of("state")[-1][0] == 4)
