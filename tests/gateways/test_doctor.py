"""``fieldlab doctor`` in front of real servers: what is well, what is not, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from asyncua import ua

from tests import servers
from tests.fieldlab.command import fieldlab
from tests.gateways.certificates import DAY, make, now
from tests.gateways.mqtt_peer import Publisher
from tests.gateways.opcua_peer import SERVER_URI, URI, OpcUaPeer

pytestmark = pytest.mark.service

CONFIG = """
fieldlab: lab
timezone: UTC
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        states: packml
        signals: {{{signals}}}
sources: {{{sources}}}
gateways: {{edge: {{sources: [{names}]{more}}}}}
store: {{{store}}}
"""
COUNT = f'total_count: {{source: plc, node: "nsu={URI};s=Count"}}'


def write(folder, signals, sources, store="kind: embedded, path: lab.db", more=""):
    config = folder / "lab.yaml"
    names = ", ".join(text.partition(":")[0] for text in sources)
    text = CONFIG.format(
        signals=", ".join(signals), sources=", ".join(sources), names=names, store=store, more=more
    )
    config.write_text(text)
    return config


async def doctor(config, *options):
    """Findings, as (about, check) to level, and their texts; and the exit status."""
    done = await asyncio.to_thread(fieldlab, "doctor", config, "--json", "--listen", "1", *options)
    assert done.stdout, done.stderr
    assert done.stderr.count("Traceback") == 0
    findings = json.loads(done.stdout)
    worst = {}
    for finding in findings:
        worst.setdefault((finding["about"], finding["check"]), set()).add(finding["level"])
    said = {(f["about"], f["check"], f["level"]): f"{f['said']} -> {f['remedy']}" for f in reversed(findings)}
    assert done.returncode == int(any(f["level"] == "failure" for f in findings))
    return worst, said


@pytest.fixture
async def peer():
    one = OpcUaPeer()
    await one.start()
    yield one
    await one.stop()


def plc(peer, more="security: none"):
    return f'plc: {{kind: opcua, endpoint: "{peer.endpoint}", {more}}}'


async def test_a_token_that_goes_in_clear_to_another_computer_is_warned_of(tmp_path, monkeypatch) -> None:
    """Not where it stays on this one."""
    monkeypatch.setenv("TOKEN", "only-for-tests")
    for host, warned in (("127.0.0.2", True), ("127.0.0.1", False)):
        store = f'kind: influxdb, org: o, url: "http://{host}:{servers.free_port()}", token: {{env: TOKEN}}'
        plc = f'plc: {{kind: opcua, endpoint: "opc.tcp://127.0.0.1:{servers.free_port()}", security: none}}'
        _, said = await doctor(write(tmp_path, [COUNT], [plc], store))
        found = said.get(("store", "security", "warning"))
        assert (found is not None) is warned
        assert not warned or found.startswith(
            "no TLS: everything is sent in clear, the token too -> store.url"
        )


async def test_a_password_that_goes_in_clear_to_another_computers_broker_is_warned_of(
    tmp_path, monkeypatch
) -> None:
    """Of a real broker that both addresses lead to; not where it stays on this computer."""
    monkeypatch.setenv("WORD", "only-for-tests")
    port = servers.free_port()
    listeners = f"listener {port} 127.0.0.2\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(listeners)
    try:
        command = [servers.find_program("mosquitto"), "-c", str(conf)]
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    count = "total_count: {source: broker, topic: lab/n}"
    with servers.running(command, tmp_path, lambda: servers.listens(port)):
        for host, warned in (("127.0.0.2", True), ("127.0.0.1", False)):
            broker = f"broker: {{kind: mqtt, host: {host}, port: {port}, user: gw, password: {{env: WORD}}}}"
            worst, said = await doctor(write(tmp_path, [count], [broker]))
            assert worst["source broker", "connection"] == {"ok"}
            found = said.get(("source broker", "security", "warning"))
            assert (found is not None) is warned
            assert not warned or found.startswith(
                "no TLS: everything is sent in clear, a password too -> sources.broker.tls: true"
            )


async def test_all_that_can_be_wrong_with_nodes_is_said_node_by_node(peer, tmp_path):
    """Missing, of another namespace, without EURange, of the wrong type, sampled more slowly."""
    signals = [
        f'total_count: {{source: plc, node: "nsu={URI};s=Count", deadband_percent: 5}}',
        f'good_count: {{source: plc, node: "nsu={URI};s=State"}}',
        f'state: {{source: plc, node: "nsu={URI};s=Gone"}}',
        'power: {source: plc, node: "nsu=urn:elsewhere;s=Power"}',
    ]
    config = write(tmp_path, signals, [plc(peer, "security: none, sampling_interval_ms: 5")])
    worst, said = await doctor(config)
    about = "source plc"
    assert worst[about, "policies"] == worst[about, "login"] == worst[about, "clock"] == {"ok"}
    assert worst[about, "security"] == {"warning"}
    assert "has no namespace urn:elsewhere; it has http://opc" in said[about, "nodes", "failure"]
    assert said[about, "types", "failure"].startswith(
        f"m1.good_count (nsu={URI};s=State): text 'IDLE' where a number belongs"
    )
    assert "has no EURange" in said[about, "deadband", "failure"]
    assert "sampled every 100 ms, asked for 5" in said[about, "sampling", "warning"]
    assert worst["store", "store"] == {"failure"}  # not set up


async def test_an_eurange_is_seen_and_what_is_well_is_one_line(peer, tmp_path):
    """A percent deadband of a node that has a range."""
    await peer.nodes["Count"].add_property(0, "EURange", ua.Range(0.0, 100.0))
    signal = f'total_count: {{source: plc, node: "nsu={URI};s=Count", deadband_percent: 5}}'
    config = write(tmp_path, [signal], [plc(peer)])
    with config.open("a") as file:
        file.write("also: {second: {kind: embedded, path: nowhere.db}}\n")
    assert fieldlab("store", "setup", config).returncode == 0
    worst, said = await doctor(config)
    assert ("source plc", "deadband") not in worst
    assert said["source plc", "nodes", "ok"].startswith("all 1 have a value that fits")
    assert "1 nodes, sampled every 100 ms" in said["source plc", "watching", "ok"]
    assert worst["store", "store"] == {"ok"}
    assert worst["store second", "store"] == {"ok"}
    assert not any("failure" in levels for levels in worst.values())


@pytest.mark.parametrize(
    ("code", "text", "value", "unit", "level", "part"),
    [
        (5723220, "Watt", 5200.0, "kW", "failure", "the server says W, the config kW; say unit: W"),
        (-1, "kW·h", 5.0, "kW", "warning", "the server says kWh, the config kW -> are both the same?"),
        (None, "", 5200.0, "kW", "warning", "m1.power: 5,200 kW, read as kW -> if the machine tells watts"),
        (5723220, "W", 5200.0, "W", None, ""),
        (None, "", 5200.0, "W", None, ""),
        (5723220, "W", 5200.0, "kW, scale: 0.001", None, ""),
        (None, "", 5200.0, "kW, scale: 0.001", None, ""),
        (5723220, "W", 5200.0, "W, scale: 0.001", "failure", "and scale: 0.001; say unit: W, and no scale"),
    ],
)
async def test_a_power_that_is_wrong_by_a_thousand_is_seen(
    peer, tmp_path, code, text, value, unit, level, part
):
    """By what the server says of its unit, else by its size."""
    node = await peer.add("Power", value)
    if code is not None:
        told = ua.EUInformation(UnitId=code, DisplayName=ua.LocalizedText(text))
        await node.add_property(0, "EngineeringUnits", told)
    signal = f'power: {{source: plc, node: "nsu={URI};s=Power", unit: {unit}}}'
    worst, said = await doctor(write(tmp_path, [COUNT, signal], [plc(peer)]))
    assert worst.get(("source plc", "units")) == ({level} if level else None)
    assert level is None or part in said["source plc", "units", level]


async def test_a_servers_clock_that_is_off_is_seen(peer, tmp_path):
    """An hour ahead its timestamps are not believed."""
    await peer.tell_time(time.time_ns() + 3600 * 10**9)
    worst, said = await doctor(write(tmp_path, [COUNT], [plc(peer)]))
    assert worst["source plc", "clock"] == {"failure"}
    assert "s ahead: its timestamps are not believed" in said["source plc", "clock", "failure"]


async def test_certificates_are_judged_before_anything_secret_is_sent(tmp_path):
    """One that ends soon is a warning; of a stranger, or for another host, a failure."""
    authority = make("fieldlab authority", authority=True)
    folder = tmp_path / "pki"
    ours = make("edge", uri="urn:fieldlab:lab:edge", issuer=authority, client=True)
    ours.write(folder / "own" / "edge.pem", folder / "own" / "edge.key")
    (folder / "trusted").mkdir()
    (folder / "trusted" / "authority.pem").write_bytes(authority.pem)
    peer = OpcUaPeer()
    peer.policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    peer.identity = make("plc", uri=SERVER_URI, issuer=authority, end=now() + 10 * DAY)
    await peer.start()
    try:
        config = write(tmp_path, [COUNT], [plc(peer, "queue_size: 10")])
        worst, said = await doctor(config)
        about = "source plc"
        assert worst[about, "server certificate"] == {"warning"}
        assert "days left -> renew it on the server" in said[about, "server certificate", "warning"]
        assert worst[about, "own certificate"] == worst[about, "login"] == worst[about, "nodes"] == {"ok"}
        assert "sign_and_encrypt Basic256Sha256" in said[about, "policies", "ok"]
        other = write(tmp_path, [COUNT], [plc(peer, "server_name: elsewhere.example")])
        worst, said = await doctor(other)
        assert "and not for elsewhere.example" in said[about, "server certificate", "failure"]
        (folder / "trusted" / "authority.pem").unlink()
        worst, said = await doctor(config)
        assert "is not trusted" in said[about, "server certificate", "failure"]
        assert (about, "login") not in worst
        (folder / "own" / "edge.key").unlink()
        worst, said = await doctor(config)
        assert "edge.key is missing" in said[about, "own certificate", "failure"]
    finally:
        await peer.stop()


async def test_a_broker_tells_what_is_heard_and_the_gateway_keeps_its_session(mosquitto, tmp_path):
    """A topic with a kept message, one without; nothing of it is taken away from the gateway's own queue."""
    machine = Publisher(mosquitto.port)
    machine.publish("lab/heard", '{"n": 1}', retain=True)
    signals = [
        "total_count: {source: broker, topic: lab/heard, field: n}",
        "good_count: {source: broker, topic: lab/silent, field: n}",
    ]
    broker = f"broker: {{kind: mqtt, host: 127.0.0.1, port: {mosquitto.port}, clock_topic: lab/heard}}"
    worst, said = await doctor(write(tmp_path, signals, [broker], more=", clock: source"), "--listen", "4")
    assert worst["source broker", "connection"] == {"ok"}
    assert said["source broker", "topics", "warning"].startswith("nothing heard of lab/silent")
    assert "TopicAliasMaximum" in said["source broker", "broker limits", "ok"]
    assert worst["gateway edge", "clock"] == {"warning"}
    assert worst["gateway edge", "spool"] == {"not checked"}
    machine.close()


async def test_who_is_not_there_is_said_in_a_sentence(tmp_path):
    """Server, broker and store away, a secret missing: four failures, no traceback."""
    gone = servers.free_port()
    sources = [
        f'plc: {{kind: opcua, endpoint: "opc.tcp://127.0.0.1:{gone}", security: none}}',
        f"broker: {{kind: mqtt, host: 127.0.0.1, port: {gone}, user: gw, password: {{env: NOT_SET}}}}",
        f"other: {{kind: mqtt, host: 127.0.0.1, port: {gone}}}",
    ]
    config = write(tmp_path, [COUNT], sources, f'kind: influxdb, url: "http://127.0.0.1:{gone}"')
    _, said = await doctor(config)
    assert "nobody listens there" in said["source plc", "connection", "failure"]
    assert "nobody listens there" in said["source other", "connection", "failure"]
    assert "NOT_SET is not set" in said["config", "secret", "failure"]
    assert "NOT_SET is not set" in said["source broker", "connection", "failure"]
    assert "cannot be reached" in said["store", "store", "failure"]
    plain = await asyncio.to_thread(fieldlab, "doctor", config, "--listen", "1")
    assert plain.returncode == 1
    assert "not checked" in plain.stdout.splitlines()[-1]


def influxql(url, statement, **login):
    asked = urllib.parse.urlencode({"q": statement, **login})
    for left in range(50, -1, -1):
        try:
            urllib.request.urlopen(f"{url}/query?{asked}", b"", timeout=10).close()  # noqa: S310 - our own server
        except urllib.error.HTTPError as error:
            # A user who was just made is not known everywhere in the server yet.
            if error.code not in {401, 403} or not left:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A real InfluxDB 1.6 that asks for a login, with one user for everything and one that may only write."""
    try:
        with servers.influxd(tmp_path_factory.mktemp("influx"), auth=True) as (server, _):
            login = {"u": "root", "p": "secret-root"}
            influxql(server.url, "CREATE USER root WITH PASSWORD 'secret-root' WITH ALL PRIVILEGES")
            influxql(server.url, "CREATE USER gw WITH PASSWORD 'secret-gw'", **login)
            for bucket in ("lab_raw", "lab_kpi"):
                influxql(server.url, f"CREATE DATABASE {bucket}", **login)
            influxql(server.url, "GRANT WRITE ON lab_raw TO gw", **login)
            lines = b'machine,fieldlab=lab,line=l1,machine=m1 total_count="a text" 1'
            where = f"{server.url}/write?db=lab_raw&{urllib.parse.urlencode(login)}"
            urllib.request.urlopen(where, lines, timeout=10).close()  # noqa: S310 - our own server
            yield server.url
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))


async def test_a_field_of_another_type_is_found_before_its_values_die(guarded, peer, tmp_path, monkeypatch):
    """By whom may read; who may only write is told that nobody looked, and that it may write."""
    store = f'kind: influxdb, url: "{guarded}", token: {{env: TOKEN}}'
    config = write(tmp_path, [COUNT], [plc(peer)], store)
    monkeypatch.setenv("TOKEN", "root:secret-root")
    worst, said = await doctor(config)
    assert (
        "m1.total_count: the field total_count holds string, not float" in said["store", "types", "failure"]
    )
    assert worst["store", "write"] == {"ok"}
    monkeypatch.setenv("TOKEN", "gw:secret-gw")
    worst, said = await doctor(config)
    assert worst["store", "write"] == {"ok"}
    assert worst["store", "types"] == worst["store", "read"] == {"not checked"}
    monkeypatch.setenv("TOKEN", "gw:wrong")
    worst, said = await doctor(config)
    assert worst["store", "write"] == {"failure"}
