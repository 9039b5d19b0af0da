"""How a signal of OPC UA is asked for: parts of values, filters, queues, intervals, batches."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.common.utils import Buffer

from fieldlab_configs import Signal
from gateways import opcua_watch
from gateways.errors import Undecodable
from gateways.opcua import OpcUa
from gateways.opcua_client import CappedClient
from gateways.opcua_types import Types
from tests.gateways.helpers import Collector, running, site, until
from tests.gateways.opcua_peer import URI, OpcUaPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    peer = OpcUaPeer()
    await peer.start()
    yield peer
    await peer.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def peer(server):
    await server.forget()
    server.more = {}
    await server.reset()
    return server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, retry_nodes_s=0.2, longest_wait_s=0.3))


def signal(node: str, **more: object) -> Signal:
    return Signal(source="src", node=f"nsu={URI};s={node}", **more)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def axis(server):
    """A node with a structure of the server's own: nested, with arrays, an enumeration, an optional field."""
    mode = await new_enum(server.server, server.index, "Mode", ["Off", "Jog", "Auto"])
    point, _ = await new_struct(
        server.server,
        server.index,
        "Point3",
        [new_struct_field("X", ua.VariantType.Double), new_struct_field("Name", ua.VariantType.String)],
    )
    kind, (encoding, *_) = await new_struct(
        server.server,
        server.index,
        "AxisData",
        [
            new_struct_field("Speed", ua.VariantType.Float),
            new_struct_field("Temps", ua.VariantType.Int16, array=True),
            new_struct_field("Mode", mode),
            new_struct_field("At", point),
            new_struct_field("Path", point, array=True),
            new_struct_field("Note", ua.VariantType.String, optional=True),
        ],
    )
    await server.server.load_data_type_definitions()
    node = await server.server.nodes.objects.add_variable(
        ua.NodeId("Axis", server.index), "Axis", ua.Variant(made(1.5)), datatype=kind.nodeid
    )
    server.nodes["Axis"] = node
    return encoding.nodeid


def made(speed: float, note: str | None = None):
    point = ua.Point3(X=7.0, Name="here")
    return ua.AxisData(
        Speed=speed,
        Temps=[20, 21, 22],
        Mode=ua.Mode.Auto,
        At=point,
        Path=[point, ua.Point3(X=8.0, Name="there")],
        Note=note,
    )


PARTS = {
    "speed": signal("Axis", field="Speed"),
    "temp": signal("Axis", field="Temps.2"),
    "mode": signal("Axis", field="Mode"),
    "x": signal("Axis", field="At.X"),
    "name": signal("Axis", field="Path.1.Name"),
    "note": signal("Axis", field="Note"),
}


@pytest.mark.parametrize("known", [True, False])
async def test_signals_take_fields_of_a_structure(peer, axis, monkeypatch, known):
    """Whether the client was told of the structure before, or only the server knows how it is built."""
    if not known:
        for kind in [k for k, c in ua.extension_objects_by_typeid.items() if c in (ua.AxisData, ua.Point3)]:
            monkeypatch.delitem(ua.extension_objects_by_typeid, kind)
    await peer.write("Axis", ua.Variant(made(1.5)), time.time_ns())
    sink = Collector()
    async with running(site(peer.config, PARTS), sink):
        await until(lambda: len(sink.samples) >= 6)
        await peer.write("Axis", ua.Variant(made(2.5, "late")), time.time_ns())
        await until(lambda: 2.5 in sink.values("speed"))
    assert sink.values("speed") == [1.5, 2.5]
    assert sink.values("temp")[-1] == 22.0
    assert sink.values("mode")[-1] == 2.0
    assert sink.values("x")[-1] == 7.0
    assert sink.values("name")[-1] == "there"
    assert sink.values("note") == [None, "late"]
    assert sink.letters == []


async def test_an_element_of_an_array_and_what_is_not_there(peer):
    """One signal's part that is missing is a dead letter; the other signals of the node flow."""
    if "Many" not in peer.nodes:
        await peer.add("Many", [1.0, 2.0, 3.0])
    sink = Collector()
    plan = {
        "third": signal("Many", index=2),
        "tenth": signal("Many", index=9),
        "field": signal("Many", index=0, field="Speed"),
        "none": signal("Count", index=0),
    }
    async with running(site(peer.config, plan), sink):
        await until(lambda: sink.values("third") and len(sink.letters) == 3)
    assert sink.values("third") == [3.0]
    reasons = " / ".join(sorted(letter[3] for letter in sink.letters))
    assert "has 3 elements, and index 9 is asked for" in reasons
    assert "no structure, and its field Speed is asked for" in reasons
    assert "is no array, and index 0 is asked for" in reasons


async def test_a_structure_that_lies_is_undecodable():
    """Lengths, types and nesting that cannot be: a reason, and no memory."""
    types = Types("src", None, None)
    kind, encoding = ua.NodeId(1, 2), ua.NodeId(2, 2)
    types._by_encoding[encoding] = kind
    types._bases[ua.NodeId(11, 0)] = 11
    array = ua.StructureField(Name="A", DataType=ua.NodeId(11, 0), ValueRank=1)
    odd = ua.StructureField(Name="X", DataType=ua.NodeId(99, 3), ValueRank=-1)
    itself = ua.StructureField(Name="S", DataType=kind, ValueRank=-1)
    for fields, body, said in (
        ([array], b"\xff\xff\xff\x7f" + bytes(16), "says to have 2147483647 elements"),
        ([array], b"\x02\x00\x00\x00" + bytes(4), "not the structure"),
        ([itself], b"", "more than 20 deep"),
        (
            [odd],
            b"",
            "the server says nothing",
        ),
    ):
        types._definitions[kind] = ua.StructureDefinition(Fields=fields)
        with pytest.raises(Undecodable, match=said):
            types.whole(ua.ExtensionObject(TypeId=encoding, Body=body or b"\x00"))
    with pytest.raises(Undecodable, match="of which the server says nothing"):
        types.whole(ua.ExtensionObject(TypeId=ua.NodeId(77, 2), Body=b"\x00"))
    assert types.unknown == {ua.NodeId(77, 2)}
    assert not len(Buffer(b""))


async def test_what_the_server_is_asked_for(peer, monkeypatch):
    """Sampling, queue, discard, deadbands and trigger of the source, or of the signal where it says so."""
    asked = {}
    create = opcua_watch.create_items

    async def noting(client, subscription, items):
        asked.update(
            {str(r.ItemToMonitor.NodeId.Identifier): r.RequestedParameters for r in map(monitored, items)}
        )
        return await create(client, subscription, items)

    monitored = opcua_watch.monitored
    monkeypatch.setattr(opcua_watch, "create_items", noting)
    peer.more = {"queue_size": 50, "sampling_interval_ms": 20, "discard": "newest"}
    plan = {
        "count": signal("Count", deadband=5, trigger="status_value_timestamp"),
        "state": signal(
            "State", queue_size=7, sampling_interval_ms=250, discard="oldest", deadband_percent=2
        ),
    }
    async with running(site(peer.config, plan), Collector()):
        await until(lambda: {"Count", "State"} <= set(asked))
    count, state = asked["Count"], asked["State"]
    assert (count.QueueSize, count.SamplingInterval, count.DiscardOldest) == (50, 20, False)
    assert (count.Filter.DeadbandType, count.Filter.DeadbandValue, count.Filter.Trigger) == (1, 5.0, 2)
    assert (state.QueueSize, state.SamplingInterval, state.DiscardOldest) == (7, 250, True)
    assert (state.Filter.DeadbandType, state.Filter.DeadbandValue, state.Filter.Trigger) == (2, 2.0, 1)


async def test_a_server_that_takes_few_nodes_at_once_gets_few(peer, monkeypatch):
    """By the limits it tells; and by halves where it tells none and refuses."""
    sizes = []
    create = opcua_watch.create_items

    async def few(client, subscription, items):
        sizes.append(len(items))
        if len(items) > 3:
            raise ua.uaerrors.BadTooManyOperations
        return await create(client, subscription, items)

    monkeypatch.setattr(opcua_watch, "create_items", few)
    plan = {}
    for n in range(10):
        if f"N{n}" not in peer.nodes:
            await peer.add(f"N{n}", float(n))
        plan[f"n{n}"] = signal(f"N{n}")
    sink = Collector()
    async with running(site(peer.config, plan), sink):
        await until(lambda: len(sink.samples) == 10)
    assert sizes[0] == 11  # and the namespaces
    assert max(sizes[sizes.index(2) :]) <= 3


@pytest.mark.parametrize("how", ["the source says so", "one signal says so", "no subscriptions"])
async def test_reading_at_intervals(peer, monkeypatch, how, caplog):
    """Each change once; the end of the server is the end of life."""
    plan = peer.signals()
    if how == "the source says so":
        peer.more = {"read_every_s": 0.05}
    elif how == "one signal says so":
        plan["count"] = signal("Count", read_every_s=0.05)
    else:
        monkeypatch.setattr("gateways.opcua_polling.EVERY_S", 0.05)

        async def none(*_):
            raise ua.uaerrors.BadServiceUnsupported

        monkeypatch.setattr(CappedClient, "create_publishing", none)
    sink = Collector()
    begin = time.time_ns()
    async with running(site(peer.config, plan), sink):
        await until(sink.is_up)
        await until(lambda: sink.values("count") and sink.values("state"))
        assert len(peer.server.iserver.subscription_service.subscriptions) == int(how == "one signal says so")
        for n in range(1, 4):
            await peer.publish("count", float(n), begin + n)
            await until(lambda n=n: float(n) in sink.values("count"))
        await peer.write("Count", ua.Variant(4.0), begin + 4, status=ua.StatusCodes.BadSensorFailure)
        await until(lambda: None in sink.values("count"))
        await peer.vanish()
        await until(lambda: not sink.is_up())
        await peer.publish("count", 5.0, begin + 5)
        await peer.reappear()
        await until(lambda: sink.is_up() and 5.0 in sink.values("count") and sink.gaps)
    assert [s.value for s in sink.of("count") if s.value != 0.0] == [1.0, 2.0, 3.0, None, 5.0]
    assert {gap.reason for gap in sink.gaps} == {"outage"}
    assert ("no subscriptions" in caplog.text) is (how == "no subscriptions")


async def test_a_node_that_is_read_and_is_not_there_costs_the_others_nothing(peer):
    """Told as Bad, looked for again, and read once it is there."""
    peer.more = {"read_every_s": 0.05}
    plan = peer.signals() | {"late": signal("Late"), "lost": Signal(source="src", node="nsu=urn:no;s=X")}
    sink = Collector()
    async with running(site(peer.config, plan), sink):
        await until(lambda: sink.values("late") and sink.values("lost") and sink.values("count"))
        assert {sink.of("late")[0].quality, sink.of("lost")[0].quality} == {"BadNodeIdUnknown"}
        await peer.add("Late", 1.0)
        await until(lambda: 1.0 in sink.values("late"))


async def test_a_subscription_that_falls_silent_is_noticed(peer, monkeypatch, caplog):
    """The server answers, but tells nothing of a change: reading finds it out, and it is made anew."""
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, look_s=0.3))
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: sink.is_up() and sink.values("count"))
        subscription = peer.subscription()

        async def nothing(*_):
            await asyncio.sleep(0)

        subscription.enqueue_datachange_event = nothing
        await peer.publish("count", 3.0, time.time_ns())
        await until(lambda: 3.0 in sink.values("count"))
        await until(lambda: sink.gaps)
    assert "tells nothing new of m1.count" in caplog.text
    assert {gap.reason for gap in sink.gaps} == {"outage"}
