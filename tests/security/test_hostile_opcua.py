"""A hostile OPC UA server: a real one that sends what no machine would; what it costs is counted."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import logging
import math
import struct
import time
from dataclasses import replace

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua import ua_binary

from fieldlab.logs import Discreet, JsonLines
from fieldlab_configs import Signal, load
from gateways import browse_opcua
from gateways.opcua import OpcUa
from ingest.pipeline import Pipeline
from ingest.stores import open_store
from tests.fieldlab.command import fieldlab
from tests.gateways.helpers import Collector, running, site, until
from tests.gateways.opcua_peer import URI, OpcUaPeer
from tests.security.test_hostile_mqtt import anew, most_kib

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NEST = b"\x98" + struct.pack("<i", 1)
RAW = {
    "nested without end": _NEST * 20_000 + b"\x00",
    "a text of 2 GB": b"\x0c" + struct.pack("<i", 2**31 - 1) + b"abc",
    "an array of 2 GB": b"\x86" + struct.pack("<i", 2**31 - 1) + b"abc",
    "dimensions without end": b"\xc6" + struct.pack("<iiiiii", 2, 1, 2, 2, 2**30, 2**30),
    "no type": b"\x3f\x01\x02\x03",
}
"""In the place of a Variant on the wire (Part 6, 5.2.2.16): it cannot be read, nor what is with it."""
ODD = {
    "no UTF-8": (b"\x0c" + struct.pack("<i", 4) + b"\xff\xfe\xed\xa0", "the text is not Unicode"),
    "five million letters": (ua.Variant("x" * 5_000_000), "a text that is too long"),
    "two million numbers": (ua.Variant([1] * 2_000_000, ua.VariantType.Int32), "an array; say which element"),
    "bytes": (ua.Variant(b"\x00" * 3_000_000, ua.VariantType.ByteString), "a value of type bytes"),
    "a guid in a list in a list": (
        ua.Variant([ua.Variant([ua.Variant(1.0)], ua.VariantType.Variant)], ua.VariantType.Variant),
        "an array; say which element",
    ),
}
"""What can be read and not be kept: a dead letter with this reason."""
CONFIG = """
fieldlab: lab
timezone: UTC
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 1
        signals:
          total_count: {{source: src, node: "nsu={uri};s=Count"}}
          evil: {{source: src, node: "nsu={uri};s=Evil"}}
sources: {{src: {{kind: opcua, endpoint: "{endpoint}", security: none, publishing_interval_ms: 20}}}}
gateways: {{edge: {{sources: [src], spool: {{path: spool}}}}}}
store: {{kind: embedded, path: lab.db}}
"""
EVIL = "\x1b[2J\x1b]0;owned\x07\r\nERROR x: y\x9b31m"


class Peer(OpcUaPeer):
    """A server with a good node, Count, and one that says what its type forbids, in whatever bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.raw: dict[str, bytes] = {}
        self.honest = ua_binary.variant_to_binary

    def variant_to_binary(self, variant: ua.Variant) -> bytes:
        """A text that stands for bytes goes over the line as these."""
        marked = self.raw.get(variant.Value) if isinstance(variant.Value, str) else None
        return self.honest(variant) if marked is None else marked

    async def attack(self, name: str, content: bytes | ua.Variant, time_ns: int | None = None) -> None:
        """Say this in the place of a value of the other node."""
        self.raw[name] = content if isinstance(content, bytes) else self.honest(content)
        await self.write("Evil", ua.Variant(name), time_ns or time.time_ns())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    """Running, for all tests."""
    there = Peer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ua_binary, "variant_to_binary", there.variant_to_binary)
        _forget_writers()
        await there.start()
        await there.add("Evil", "fine")
        yield there
        await there.stop()
    _forget_writers()


def _forget_writers() -> None:
    """What writes a type is made once in a process, by the `variant_to_binary` of that moment."""
    for made_once in vars(ua_binary).values():
        if hasattr(made_once, "cache_clear"):
            made_once.cache_clear()


@pytest_asyncio.fixture(loop_scope="module")
async def peer(server, monkeypatch):
    """The server, saying nothing odd yet; waits of tests, not of factories."""
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, retry_nodes_s=0.2, longest_wait_s=0.5))
    await server.write("Evil", ua.Variant("fine"), time.time_ns())
    return server


def wanted(peer: OpcUaPeer) -> dict[str, Signal]:
    """Both of its signals."""
    return peer.signals() | {"evil": Signal(source="src", node=f"nsu={URI};s=Evil")}


async def flows(peer: OpcUaPeer, sink: Collector, numbers: itertools.count) -> None:
    """Values of the good node arrive, whatever was with the first of them."""
    first = next(numbers)
    deadline = time.monotonic() + 60
    sent = [first]
    while not set(sent) & {*sink.values("count")} - {first}:
        assert time.monotonic() < deadline
        sent.append(next(numbers))
        await peer.publish("count", float(sent[-1]), time.time_ns())
        await asyncio.sleep(0.05)  # one publishing interval of the server, and a little


async def test_what_cannot_be_read_is_a_gap_and_the_next_message_arrives(peer, caplog) -> None:
    """Lengths that lie, nesting without end: counted as lost, no restart, no traceback of ours."""
    sink, numbers = Collector(), itertools.count(1)
    async with running(site(peer.config, wanted(peer)), sink):
        await until(lambda: sink.is_up() and sink.values("evil"))  # or it would be lost with the first attack
        for name, content in RAW.items():
            gaps = len(sink.gaps)
            await peer.attack(name, content)
            await flows(peer, sink, numbers)
            await until(lambda g=gaps: len(sink.gaps) > g, what=name)
            assert sink.gaps[-1].reason in ("sequence", "outage", "disconnected"), sink.gaps[-1]
    assert "is started anew" not in caplog.text
    assert not [r for r in caplog.records if r.exc_info and r.name.startswith("gateways")]
    assert set(sink.values("evil")) == {"fine"}


async def test_what_can_be_read_and_not_be_kept_is_a_dead_letter(peer, tmp_path) -> None:
    """Through the real pipeline: received is stored and dead; the good node beside it loses nothing."""
    config = tmp_path / "lab.yaml"
    config.write_text(CONFIG.format(uri=URI, endpoint=peer.endpoint))
    lab = load(config)
    store = open_store(lab)
    store.setup()
    before, began = anew(), time.monotonic()
    async with Pipeline(lab, "edge", store, now_ns=time.time_ns) as pipe, running(lab, pipe):
        await until(lambda: pipe.ledger().received >= 2, what=pipe.ledger)
        for number, (name, (value, _)) in enumerate(ODD.items(), 1):
            dead = pipe.ledger().dead
            await peer.attack(name, value)
            await until(lambda d=dead: pipe.ledger().dead > d, what=name)
            await peer.publish("count", float(number), time.time_ns())
        assert await pipe.drained(90)
        ledger = pipe.ledger()
    assert ledger.received == ledger.stored + ledger.dead + ledger.replaced
    assert time.monotonic() - began < 60
    assert most_kib("VmHWM") - before < 400_000
    store.close()
    told = (await asyncio.to_thread(fieldlab, "ledger", config, "--dead")).stdout
    for name, (_, reason) in ODD.items():
        assert reason in told, (name, told)


async def test_numbers_and_times_beyond_all_bounds(peer) -> None:
    """NaN and infinity are none; years 1601 and 9999 are texts as any; a time in 1601 is no time."""
    sink = Collector()
    async with running(site(peer.config, wanted(peer)), sink):
        await until(sink.is_up)
        for year in (1601, 9999):
            await peer.attack(f"year {year}", ua.Variant(dt.datetime(year, 1, 1, tzinfo=dt.UTC)))
            await until(lambda y=year: any(str(v).startswith(str(y)) for v in sink.values("evil")))
        for number in (math.nan, math.inf, -math.inf, 1.7e308):
            await peer.attack(f"number {number}", ua.Variant(number))
            await until(lambda n=number: any(repr(v) == repr(n) for v in sink.values("evil")))
        for years in (-369, 7900):  # the source's own time
            now = time.time_ns()
            await peer.write("Evil", ua.Variant(f"at {years}"), now + years * 365 * 86_400 * 10**9)
            await until(lambda y=years: f"at {y}" in sink.values("evil"))
    for sample in sink.of("evil"):
        assert abs(sample.time_ns - time.time_ns()) < 3600 * 10**9, sample


async def test_browsing_a_tree_without_end_ends(peer, monkeypatch) -> None:
    """Circles, branches of thousands, names that try to be commands, names of megabytes."""
    objects, index = peer.server.nodes.objects, peer.index
    a = await objects.add_object(index, "A")
    b = await a.add_object(index, "B")
    await b.add_reference(a, ua.ObjectIds.Organizes)
    await b.add_variable(ua.NodeId("inside", index), "Inside", 1.0)
    await b.add_variable(ua.NodeId(EVIL, index), ua.QualifiedName(EVIL, index), EVIL)
    await b.add_variable(ua.NodeId("long", index), ua.QualifiedName("n" * 3_000_000, index), "v" * 3_000_000)
    await b.add_variable(ua.NodeId("i" * 1_000_000, index), "Unnameable", 1.0)
    deep = b
    for number in range(30):
        deep = await deep.add_object(index, f"D{number}")
    many = await a.add_object(index, "Many")
    for number in range(1_500):
        await many.add_object(index, f"O{number}")
    began = time.monotonic()
    for form in ([], ["--yaml"], ["--json"]):
        done = await asyncio.to_thread(fieldlab, "browse", peer.endpoint, *form)
        assert done.returncode == 0, done.stderr
        assert "stopped at level 10 (--depth)" in done.stderr
        out = done.stdout + done.stderr
        assert done.stdout.count("s=inside") == 1
        assert [c for c in set(out) if not c.isprintable() and c != "\n"] == []
        assert not any(line.startswith("ERROR x") for line in out.splitlines())
        assert max(map(len, out.splitlines())) < (10_000 if form != ["--json"] else 10_000_000)
        assert "Unnameable" not in out
    assert time.monotonic() - began < 120
    monkeypatch.setattr(browse_opcua, "MOST_NODES", 500)
    told = await browse_opcua.browse_opcua(
        peer.config, "browse", browse_opcua.Bounds(seconds=20.0), lambda _: None
    )
    assert told.cut == "stopped at 500 nodes; begin further down (--node)"


async def test_a_server_that_answers_never_is_given_up(peer, monkeypatch, caplog) -> None:
    """It takes the connection and says nothing: each try has its end; the machine beside it flows."""
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, answer_s=0.5, longest_wait_s=0.2))
    heard = []

    async def silent(reader, writer) -> None:
        heard.append(await reader.read(8))
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    mute = OpcUaPeer()
    mute.port = listener.sockets[0].getsockname()[1]
    power = peer.signals()["count"].model_copy(update={"source": "mute"})
    both = site(peer.config, peer.signals() | {"power": power})
    edge = both.gateways["edge"].model_copy(update={"sources": ("src", "mute")})
    both = both.model_copy(
        update={"sources": both.sources | {"mute": mute.config}, "gateways": {"edge": edge}}
    )
    sink = Collector()
    async with running(both, sink):
        await until(lambda: len(heard) >= 2)
        await peer.publish("count", 5.0, time.time_ns())
        await until(lambda: 5.0 in sink.values("count"))
    listener.close()
    assert "no answer in time" in caplog.text
    began = time.monotonic()
    done = await asyncio.to_thread(fieldlab, "browse", mute.endpoint)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert time.monotonic() - began < 30


async def test_what_a_server_says_makes_one_line_of_the_json_log() -> None:
    """Also what begins a command of a terminal in one letter (U+009B), or another line (U+2028)."""
    record = logging.LogRecord(
        "gateways", logging.WARNING, "", 0, "from %s", (f"{EVIL}\u2028\U000e0001",), None
    )
    line = Discreet(JsonLines()).format(record)
    assert line.isprintable()
    assert json.loads(line)["message"] == f"from {EVIL}\u2028\U000e0001"
