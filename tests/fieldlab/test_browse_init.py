"""``fieldlab browse`` and ``init``: from an address to a config that passes ``check``."""

from __future__ import annotations

import asyncio
import io
import json
import time

import pytest
import pytest_asyncio
from asyncua import ua

from fieldlab_configs import load, parse
from gateways.browse_yaml import id_of
from gateways.pki_facts import load as load_certificate
from gateways.signing import load_key
from gateways.sparkplug_schema import Payload
from tests.fieldlab.command import fieldlab
from tests.gateways.certificates import Made, make
from tests.gateways.mqtt_peer import Publisher
from tests.gateways.opcua_peer import SERVER_URI, URI, OpcUaPeer

CHILDREN = 230  # more than one answer holds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    """A tree with an array, a Bad value, two ways to a branch of many, and names to be careful with."""
    peer = OpcUaPeer()
    await peer.start()
    objects, index = peer.server.nodes.objects, peer.index
    mill = await objects.add_object(index, "Mill")
    await mill.add_variable(ua.NodeId("Total", index), "TotalCount", 7.0)
    await mill.add_variable(ua.NodeId("Power", index), "Power", "much")
    await mill.add_variable(ua.NodeId("Axes", index), "Axes", [1.0, 2.0])
    await mill.add_variable(ua.NodeId("NaN", index), "NotANumber", float("nan"))
    await mill.add_variable(ua.NodeId('a";\nb', index), ua.QualifiedName("\x1b[2Jname: {x", index), 1.0)
    await peer.add("Broken", 1.0)
    await peer.write("Broken", ua.Variant(1.0), time.time_ns(), status=0x80000000)
    many = await objects.add_object(index, "Many")
    await mill.add_reference(many, ua.ObjectIds.Organizes)
    for n in range(CHILDREN):
        await many.add_variable(ua.NodeId(f"Many{n}", index), f"V{n}", float(n))
    yield peer
    await peer.stop()


async def call(*args):
    return await asyncio.to_thread(fieldlab, *args)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def seen(*args):
    done = await call("browse", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, parse_constant=pytest.fail)


async def test_every_variable_of_a_server_is_found_with_its_id_type_value_and_age(server):
    """In as many requests as it takes; each node once, though two ways lead to it."""
    told = await seen(server.endpoint)
    by_node = {each["place"]["node"]: each for each in told["seen"]}
    assert len(by_node) == len(told["seen"])
    assert sum(node.startswith(f"nsu={URI};s=Many") for node in by_node) == CHILDREN
    total = by_node[f"nsu={URI};s=Total"]
    assert (total["path"], total["kind"], total["value"]) == (["Mill", "TotalCount"], "Double", 7.0)
    assert -1 < total["age_s"] < 600  # by two clocks, read one after the other
    assert by_node[f"nsu={URI};s=Broken"]["quality"] == "Bad"
    assert by_node[f"nsu={URI};s=NaN"]["value"] is None
    assert told["cut"] is None


async def test_bounds_are_kept_and_said(server):
    """So many values, so many levels; what lies nearest the root is there."""
    done = await call("browse", server.endpoint, "--limit", "5")
    assert len([line for line in done.stdout.splitlines() if "nsu=" in line]) == 5
    assert "stopped at 5 variables (--limit)" in done.stderr
    done = await call("browse", server.endpoint, "--depth", "1")
    assert "Count" in done.stdout
    assert "TotalCount" not in done.stdout
    assert "stopped at level 1 (--depth)" in done.stderr
    told = await seen(server.endpoint, "--node", f"nsu={URI};i=1", "--filter", "total")
    assert [each["path"] for each in told["seen"]] == [["TotalCount"]]


async def test_nothing_from_a_server_reaches_the_terminal_raw(server):
    """Names with escape sequences and line breaks stay on their line, in the tree and in YAML."""
    for form in ([], ["--yaml"]):
        done = await call("browse", server.endpoint, *form)
        assert "\x1b" not in done.stdout
        assert sum("jname" in line.lower() for line in done.stdout.splitlines()) == 1


async def test_from_a_server_to_a_config_that_passes_check_and_is_well(server, tmp_path):
    """What was seen becomes signals: roles where name and value fit, the rest measurements or comments."""
    told = await call("browse", server.endpoint, "--json")
    file = tmp_path / "seen.json"
    file.write_text(told.stdout)
    config = tmp_path / "lab.yaml"
    done = await call("init", config, "--yes", "--from", file, "--machine", "mill", "--cycle-time", "12")
    assert done.returncode == 0, done.stderr
    site = load(config)
    signals = site.machine("mill").signals
    assert signals["total_count"].node == f"nsu={URI};s=Total"
    assert signals["power_value"].node == f"nsu={URI};s=Power"  # a text is no power
    assert signals["state"].node == f"nsu={URI};s=State"
    assert "axes" not in signals
    assert f'# axes: {{source: plc1, node: "nsu={URI};s=Axes"}}' in config.read_text()
    assert site.sources["plc1"].security == "none"
    assert (await call("check", config)).returncode == 0
    found = json.loads((await call("doctor", config, "--json")).stdout)
    source = [f for f in found if f["about"] == "source plc1"]
    assert [f["said"] for f in source if f["level"] == "failure"] == []


async def test_the_yaml_can_be_pasted(server):
    """Beside a machine of a config it is a config."""
    done = await call("browse", server.endpoint, "--yaml", "--filter", "mill")
    sources, _, signals = done.stdout.partition("# under a machine")
    lines = "\n".join(f"        {line}" for line in signals.splitlines()[1:])
    head = "fieldlab: lab\ntimezone: UTC\nlines:\n  - id: l1\n    machines:\n      - id: m1\n"
    text = f"{head}{lines}\n{sources}\nstore: {{kind: embedded, path: x.db}}\n"
    site = parse(text)
    assert site.machine("m1").signals["total_count"].source == "plc1"


def birth():
    payload = Payload()
    payload.timestamp = time.time_ns() // 1_000_000
    for name, value in (("Axis/Speed", 12.5), ("Power", 3.0)):
        metric = payload.metrics.add()
        metric.name, metric.datatype, metric.double_value = name, 10, value
        metric.timestamp = payload.timestamp
    return payload.SerializeToString()


@pytest.mark.service
async def test_topics_are_shown_with_fields_times_and_metrics(mosquitto, tmp_path):
    """JSON, bare values, bytes, Sparkplug; and a config from it."""
    machine = await asyncio.to_thread(Publisher, mosquitto.port)
    now = time.time()
    document = {"ts": now - 100, "v": {"total": 5, "huge": 10**400, "a.b": True}, "axes": [1, 2]}
    for topic, payload in (
        ("see/m1/data", json.dumps(document)),
        ("see/m1/temp", "21.5"),
        ("see/m1/raw", b"\xff\x00"),
        ("see/m1/records", '[{"n": 1}, {"n": 2}]'),
        ("spBv1.0/plant/DBIRTH/edge/press", birth()),
    ):
        await asyncio.to_thread(machine.publish, topic, payload, retain=True)
    address = f"mqtt://127.0.0.1:{mosquitto.port}"
    told = await seen(f"{address}/see/#", "--seconds", "3")
    found = {(e["place"]["topic"], e["place"].get("field")): e for e in told["seen"]}
    total = found["see/m1/data", "v.total"]
    assert (total["value"], total["place"]["time_field"]) == (5.0, "ts")
    assert 99 < total["age_s"] < 200
    assert found["see/m1/data", 'v."a.b"']["value"] == 1.0
    assert found["see/m1/data", "axes.1"]["value"] == 2.0
    assert found["see/m1/data", "v.huge"]["value"] is None
    assert found["see/m1/records", "n"]["value"] == 1.0
    assert found["see/m1/raw", None]["quality"] == "2 bytes, no text"
    nodes = await seen(f"{address}/spBv1.0/%23", "--seconds", "3")
    assert {(e["place"]["device"], e["place"]["metric"], e["value"]) for e in nodes["seen"]} == {
        ("plant/edge/press", "Axis/Speed", 12.5), ("plant/edge/press", "Power", 3.0),
    }  # fmt: skip
    for name, result in (("topics", told), ("nodes", nodes)):
        (tmp_path / name).write_text(json.dumps(result))
    config = tmp_path / "lab.yaml"
    done = await call("init", config, "--yes", "--from", tmp_path / "topics", "--from", tmp_path / "nodes")
    assert done.returncode == 0, done.stderr
    signals = load(config).machine("machine1").signals
    assert (signals["total_count"].topic, signals["total_count"].field) == ("see/m1/data", "v.total")
    assert (signals["power"].device, signals["power"].metric) == ("plant/edge/press", "Power")
    for topic in ("data", "temp", "raw", "records"):
        await asyncio.to_thread(machine.publish, f"see/m1/{topic}", b"", retain=True)
    machine.close()


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["http://x"], 2, "browse opc.tcp://"),
        (["mqtt://user:Geheim1@x"], 2, "a login does not belong in an address"),
        (["opc.tcp://x:1", "--password-env", "P"], 2, "a password needs --user"),
        (["opc.tcp://x:1", "--user", "u", "--password-env", "NOT_SET_1"], 2, "NOT_SET_1 is not set"),
        (["opc.tcp://x:1", "--source", "plc"], 2, "are of a config"),
        (["nowhere.yaml", "--source", "plc"], 2, "there is no such file"),
        (["opc.tcp://127.0.0.1:1"], 1, "nobody listens there"),
        (["opc.tcp://127.0.0.1:1", "--security", "sign"], 1, "make it: fieldlab pki init"),
        (["mqtt://127.0.0.1:1"], 1, "nobody listens there"),
    ],
)
async def test_wrong_use_and_who_is_not_there_are_one_message(args, status, said, tmp_path):
    """And nothing secret in it."""
    done = await asyncio.to_thread(fieldlab, "browse", *args, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert "Geheim1" not in done.stderr
    assert done.stderr.count("\n") == 1


async def test_init_asks_and_takes_what_is_usual_for_an_empty_answer(tmp_path, monkeypatch):
    """The id from the file's name; a source that was told."""
    answers = "\nMy lab\nUTC\nen\n\nmill\n12.5\n\nopc.tcp://10.0.0.5:4840\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    done = fieldlab("init", tmp_path / "My Lab.yaml")
    assert done.returncode == 0, done.stderr
    site = load(tmp_path / "My Lab.yaml")
    assert (site.fieldlab, site.name, site.language) == ("my_lab", "My lab", "en")
    assert site.sources["plc1"].endpoint == "opc.tcp://10.0.0.5:4840"
    assert site.sources["plc1"].security == "sign_and_encrypt"


async def test_init_replaces_nothing_unless_told_to(tmp_path, monkeypatch):
    """Not a byte; nor is anything written that check would refuse, or where nobody answers."""
    config = tmp_path / "lab.yaml"
    config.write_text("mine")
    done = fieldlab("init", config, "--yes")
    assert (done.returncode, config.read_text()) == (2, "mine")
    for wrong in (
        ["--timezone", "Nowhere"], ["--states", "nobody"], ["--fieldlab", "Ü"], ["--source", "ftp://x"],
        ["--from", str(config)], ["--store", "http://"],
    ):  # fmt: skip
        done = fieldlab("init", config, "--yes", "--force", *wrong)
        assert (done.returncode, config.read_text(), done.stderr.count("\n")) == (2, "mine", 1), wrong
    config.write_text("mine")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    done = fieldlab("init", config, "--force")
    assert (done.returncode, "give --fieldlab, or --yes" in done.stderr) == (2, True)
    assert fieldlab("init", config, "--yes", "--force").returncode == 0
    assert load(config).fieldlab == "lab"


@pytest.mark.parametrize(
    ("text", "name"),
    [("SpindleTemp (°C)", "spindle_temp_c"), ("time", "time_value"), ("state_text", "state_text_value"),
     ("\x1b[2J", "2_j"), ("", "value")],
)  # fmt: skip
async def test_a_name_from_elsewhere_becomes_an_id(text, name):
    """Of the characters that an id has."""
    assert id_of(text) == name


async def by_what_was_seen(told, folder):
    """A config that init makes of it connects as browse did, the password by reference."""
    (folder / "seen.json").write_text(json.dumps(told))
    config = folder / "lab.yaml"
    assert (await call("init", config, "--yes", "--from", folder / "seen.json")).returncode == 0
    source = load(config).sources["plc1"]
    assert (source.security, source.user, source.server_name) == ("sign_and_encrypt", "gw", "plc9")
    assert source.password.file == folder / "password"
    assert fieldlab("pki", "issue", folder / "pki", "edge1").returncode == 0
    again = await seen(config, "--source", "plc1")
    assert again["source"] == told["source"]


async def test_a_server_that_talks_in_clear_to_nobody_is_given_what_helps():
    """Options, for an address was given; what a config calls them would not be found."""
    peer = OpcUaPeer()
    peer.policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    peer.identity = make("plc", uri=SERVER_URI)
    await peer.start()
    try:
        done = await call("browse", peer.endpoint)
    finally:
        await peer.stop()
    assert (done.returncode, "give --user NAME --password-env VARIABLE" in done.stderr) == (1, True), (
        done.stderr
    )


async def test_makers_own_names_and_units_are_known(tmp_path):
    """German and Dutch ones; what the server says of a unit, and a question where it says nothing."""
    names = {
        "Stückzahl": 7.0,
        "Ausschuss": 1.0,
        "Betriebszustand": 4.0,
        "Wirkleistung": 5200.0,
        "Energie": 9.0,
    }
    peer = OpcUaPeer()
    await peer.start()
    try:
        for name, value in {**names, "Oel": 44.0}.items():
            await peer.add(name, value)
        for name, code, text in (("Wirkleistung", 5723220, "Watt"), ("Oel", -1, "°C")):
            unit = ua.EUInformation(UnitId=code, DisplayName=ua.LocalizedText(text))
            await peer.nodes[name].add_property(0, "EngineeringUnits", unit)
        told = await seen(peer.endpoint)
        tree = (await call("browse", peer.endpoint)).stdout
    finally:
        await peer.stop()
    assert "Wirkleistung  Double  5200 W" in tree
    assert "EngineeringUnits" not in tree
    (tmp_path / "seen.json").write_text(json.dumps(told))
    config = tmp_path / "lab.yaml"
    assert (await call("init", config, "--yes", "--from", tmp_path / "seen.json")).returncode == 0
    signals = load(config).machine("machine1").signals
    assert {"total_count", "scrap_count", "state", "power", "energy"} <= set(signals)
    assert signals["power"].unit.latest == "W"
    assert signals["oel"].unit.latest == "°C"
    assert "unit: kWh}  # Double 9; is it kWh, or Wh?" in config.read_text()


async def test_values_of_one_name_have_each_its_own_unit():
    """Two of one display name; a maker's folder of the name of that property is a folder like any."""
    peer = OpcUaPeer()
    await peer.start()
    try:
        for number, (code, value) in enumerate(((5723220, 5200.0), (4937556, 5.2))):
            node = await peer.server.nodes.objects.add_variable(
                ua.NodeId(f"P{number}", peer.index), ua.QualifiedName("Power", peer.index), value
            )
            unit = ua.EUInformation(UnitId=code, DisplayName=ua.LocalizedText("?"))
            await node.add_property(0, "EngineeringUnits", unit)
        folder = await peer.server.nodes.objects.add_folder(peer.index, "EngineeringUnits")
        await folder.add_variable(ua.NodeId("In", peer.index), "Inside", 1.0)
        tree = (await call("browse", peer.endpoint)).stdout
    finally:
        await peer.stop()
    assert "Power  Double  5200 W" in tree
    assert "Power  Double  5.2 kW" in tree
    assert "Inside" in tree


async def test_with_a_password_the_connection_is_encrypted_and_both_sides_are_known(tmp_path):
    """Certificates of `fieldlab pki`; without one of our own it is said what to do."""
    pki = tmp_path / "pki"
    (tmp_path / "password").touch(0o600)
    (tmp_path / "password").write_text("Geheim1")
    for args in (
        ["init", pki, "--fieldlab", "lab"],
        ["issue", pki, "plc", "--for", "opcua", "--uri", SERVER_URI, "--host", "plc9"],
    ):
        assert fieldlab("pki", *args).returncode == 0
    peer = OpcUaPeer()
    peer.policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    certificate, key = load_certificate(pki / "own" / "plc.pem"), load_key(pki / "own" / "plc.key")
    peer.identity = Made(certificate, key)
    await peer.start()
    login = ("--user", "gw", "--password-file", tmp_path / "password", "--pki", pki)
    try:
        done = await call("browse", peer.endpoint, *login)
        assert (done.returncode, "browse.pem" in done.stderr) == (1, True), done.stderr
        assert fieldlab("pki", "issue", pki, "browse").returncode == 0
        done = await call("browse", peer.endpoint, *login)
        assert "right server by another name: --server-name plc9" in done.stderr
        told = await seen(peer.endpoint, *login, "--server-name", "plc9")
        assert ["Count"] in [each["path"] for each in told["seen"]]
        await by_what_was_seen(told, tmp_path)
    finally:
        await peer.stop()
