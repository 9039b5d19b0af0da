"""The OPC UA driver against servers that nobody here wrote: node-opcua's sample, and Eclipse Milo."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
import pytest_asyncio

from fieldlab_configs import OpcUaSource, Secret, Signal
from gateways.opcua import OpcUa
from gateways.opcua_client import CappedClient
from gateways.pki import Pki
from gateways.pki_facts import Names
from tests.faults.proxy import Proxy
from tests.gateways.foreign_peers import milo_server, node_server
from tests.gateways.helpers import Collector, S, running, site, until
from tests.servers import ServerMissingError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.service]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of the server."""
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def port(folder):
    try:
        with node_server(folder) as port:
            yield port
    except ServerMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A fieldlab's own authority, and a certificate for the gateway; nobody else is trusted yet."""
    folder = tmp_path_factory.mktemp("pki")
    made = Pki(folder)
    made.init("lab")
    made.issue("edge", "gateway", Names())
    return folder


@pytest_asyncio.fixture(loop_scope="module")
async def proxy(port):
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, retry_nodes_s=0.3, longest_wait_s=0.5))


def source(proxy: Proxy, **more: object) -> OpcUaSource:
    endpoint = f"opc.tcp://127.0.0.1:{proxy.port}"
    return OpcUaSource(kind="opcua", endpoint=endpoint, **({"publishing_interval_ms": 50} | more))


def signal(name: str, **more: object) -> Signal:
    return Signal(source="src", node=f"ns=1;s={name}", **more)


def trusted(pki, caplog) -> bool:
    """Do what the log says to do with a certificate that is not trusted yet."""
    for short in re.findall(r"fieldlab pki trust \S+ ([0-9a-f]{16})", caplog.text):
        if any((pki / "rejected").glob(f"*{short}*")):
            Pki(pki).trust(short)
    return True


SIGNALS = {
    "fan": signal("FanSpeed"),
    "pump": signal("PumpSpeed", deadband=0.001),
    "third": signal("Position", index=2),
    "part": signal("TemperatureAnalogItem", deadband_percent=1),
    "cpu": signal("Pressure", read_every_s=0.2),
    "nothing": signal("NotThere"),
    "build": Signal(source="src", node="i=2256", field="BuildInfo.ProductName"),
    "state": Signal(source="src", node="i=2259"),
}


async def test_trusted_signed_encrypted_and_logged_in(proxy, pki, folder, tmp_path, caplog):
    """Refused by us, then by it; each is mended as the log says; then every kind of signal flows."""
    secret = tmp_path / "password"
    secret.write_text("password1")
    secret.chmod(0o600)
    config = source(proxy, pki=pki, server_name="any", user="user1", password=Secret(file=secret))
    sink = Collector()
    async with running(site(config, SIGNALS), sink):
        await until(lambda: "fieldlab pki trust" in caplog.text)
        assert trusted(pki, caplog)
        await until(lambda: "refuses the gateway's certificate" in caplog.text)
        for name, file in (("certs", pki / "ca" / "ca.pem"), ("crl", pki / "crl" / "ca.crl")):
            (folder / "NodeOPCUA-Server-nodejs" / "pki" / "issuers" / name / file.name).write_bytes(
                file.read_bytes()
            )
        wanted = set(SIGNALS)
        await until(lambda: wanted == {s.signal for s in sink.samples}, what=lambda: sink.samples)
        await until(lambda: len(set(sink.values("fan"))) > 2)
    assert [s.quality for s in sink.of("nothing")] == ["BadNodeIdUnknown"]
    assert sink.values("third")[0] == 3.0
    assert sink.values("build")[0]
    assert sink.values("state")[0] == 0.0
    assert all(s.quality == "good" for s in sink.of("fan"))
    assert sink.letters == []


async def test_a_cut_costs_nothing(proxy):
    """It keeps session and subscription; what it queued arrives, and no gap is told."""
    config = source(proxy, security="none")
    sink = Collector()
    async with running(site(config, {"fan": SIGNALS["fan"]}), sink):
        await until(lambda: len(sink.samples) > 3)
        with proxy.refused():
            await until(lambda: not sink.is_up())
            told = len(sink.samples)
        await until(lambda: sink.is_up() and len(sink.samples) > told + 3)
    times = [s.time_ns for s in sink.of("fan")]
    assert times == sorted(set(times))
    assert sink.gaps == []


@pytest.fixture(scope="module")
def milo(tmp_path_factory):
    try:
        with milo_server(tmp_path_factory.mktemp("milo")) as port:
            yield port
    except ServerMissingError as missing:
        pytest.skip(str(missing))


MILO = {"count": Signal(source="src", node="nsu=urn:test:milo;s=Count")}


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
async def test_milo_speaks_every_policy(milo, pki, policy, caplog):
    """And its certificate is trusted at the word of the log."""
    endpoint = f"opc.tcp://127.0.0.1:{milo}/milo"
    config = OpcUaSource(kind="opcua", endpoint=endpoint, pki=pki, policy=policy)
    sink = Collector()
    async with running(site(config, MILO), sink):
        await until(lambda: trusted(pki, caplog) and len(sink.samples) > 2)


@pytest.mark.parametrize("session_stays", [True, False])
async def test_milo_loses_nothing_to_a_cut_or_it_is_said(milo, pki, monkeypatch, caplog, session_stays):
    """The session goes on and nothing is lost; without it Milo lets nobody take over: an exact gap."""
    if not session_stays:
        monkeypatch.setattr(CappedClient, "_try_load_persisted_session", lambda _: False)
    with Proxy(milo) as proxy:
        config = OpcUaSource(
            kind="opcua",
            endpoint=f"opc.tcp://127.0.0.1:{proxy.port}/milo",
            pki=pki,
            sampling_interval_ms=20,
            publishing_interval_ms=50,
        )
        sink = Collector()
        async with running(site(config, MILO), sink):
            await until(lambda: trusted(pki, caplog) and len(sink.samples) > 3)
            with proxy.refused():
                await until(lambda: not sink.is_up())
                told = len(sink.samples)
            await until(lambda: sink.is_up() and len(sink.samples) > told + 3)
            await until(lambda: session_stays or sink.gaps)
    counts = [(s.value, s.time_ns) for s in sink.of("count") if isinstance(s.value, float)]
    jumps = [(a, b) for a, b in itertools.pairwise(counts) if b[0] != a[0] + 1]
    if session_stays:
        assert (jumps, sink.gaps) == ([], [])
        return
    (((_, last), (_, first)),) = jumps
    (gap,) = sink.gaps
    assert (gap.signal, gap.reason) == ("none", "outage")
    assert last <= gap.start_ns <= last + S // 2
    assert first - S // 2 <= gap.end_ns <= first + S // 2
