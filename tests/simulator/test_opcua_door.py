"""Simulated servers that are secured as the configuration says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from fieldlab.simulated import equip
from fieldlab_configs import Site, load
from gateways.pki import Pki
from gateways.pki_names import sorted_names
from simulator.errors import CannotSimulate
from simulator.opcua_server import OpcUaMachines
from tests.simulator.listeners import free_port
from tests.simulator.sites import MONDAY_8

CONFIG = """
fieldlab: test
timezone: UTC
lines:
  - id: line
    machines:
      - id: m1
        states: packml
        signals: {{state: {{source: plc, node: "nsu=urn:test;s=State"}}}}
sources:
  plc:
    kind: opcua
    endpoint: "opc.tcp://127.0.0.1:{port}"
    user: gw
    password: {{file: secrets/plc.password}}
gateways: {{edge1: {{sources: [plc]}}}}
store: {{kind: embedded, path: test.db}}
"""


def written(folder: Path) -> Site:
    path = folder / "test.yaml"
    path.write_text(CONFIG.format(port=free_port()))
    return load(path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = written(tmp_path_factory.mktemp("secured"))
    said = equip(site)
    assert len(said) == 4  # a password, an authority, two certificates
    assert equip(site) == []  # what is there is left as it is
    return site


@pytest.fixture
async def server(site: Site) -> AsyncIterator[OpcUaMachines]:
    server = OpcUaMachines(site, "plc", start_ns=MONDAY_8)
    await server.start()
    yield server
    await server.stop()


async def connected(site: Site, name: str, password: str) -> ua.DataValue:
    """The clock, read as a client with a certificate of that name and that password."""
    source = site.sources["plc"]
    client = Client(source.endpoint, timeout=30)
    client.application_uri = f"urn:fieldlab:test:{name}"
    client.set_user("gw")
    client.set_password(password)
    key = source.pki.parent / f"{name}-key.pem"  # asyncua goes by the ending
    key.write_bytes(source.own_key(name).read_bytes())
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        str(source.own_certificate(name)),
        str(key),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    async with client:
        return await client.get_node("i=2258").read_data_value()


async def test_the_gateway_that_was_equipped_gets_in_and_nobody_else(
    site: Site, server: OpcUaMachines, tmp_path: Path
) -> None:
    """With its certificate and the password that was made up; no other endpoint is offered."""
    source = site.sources["plc"]
    assert (await connected(site, "edge1", source.password.read())).StatusCode.is_good()
    with pytest.raises(ua.UaError, match="BadUserAccessDenied"):
        await connected(site, "edge1", "guessed")
    offered = await Client(source.endpoint).connect_and_get_server_endpoints()
    assert {each.SecurityMode for each in offered} == {ua.MessageSecurityMode.SignAndEncrypt}
    stranger = Pki(tmp_path / "pki")  # an authority that is not trusted here
    stranger.init("other")
    stranger.issue("edge9", "gateway", sorted_names(["urn:fieldlab:test:edge9"], []))
    for ending in (".pem", ".key"):
        shown = (stranger.folder / "own" / f"edge9{ending}").read_bytes()
        (source.pki / "own" / f"edge9{ending}").write_bytes(shown)
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await connected(site, "edge9", source.password.read())


async def test_without_a_certificate_it_says_how_to_make_one(tmp_path: Path) -> None:
    """One message with the command."""
    site = written(tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "plc.password").write_text("secret")
    with pytest.raises(CannotSimulate, match=r"sources\.plc: .*fieldlab pki issue .*pki plc --for opcua"):
        await OpcUaMachines(site, "plc", start_ns=MONDAY_8).start()
