"""asyncua's four ways to judge a certificate, each beside a gateway of ours.

Three of them take a server of an authority that nobody trusts; a gateway never does. And a server that judges
by any of the four takes the certificate that `fieldlab pki` issued to the gateway.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.uacrypto import CertProperties
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions

from gateways.opcua import OpcUa
from gateways.pki import Pki
from gateways.pki_facts import Names, load
from gateways.signing import load_key
from tests.gateways.certificates import Made
from tests.gateways.helpers import Collector, running, site, until
from tests.gateways.opcua_peer import SERVER_URI, OpcUaPeer

_OF = CertificateValidatorOptions
SETUPS = {
    "none": None,
    "basic": _OF.BASIC_VALIDATION,
    "extended": _OF.EXT_VALIDATION,
    "trusted": _OF.TRUSTED_VALIDATION,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The fieldlab's own authority, and that of a stranger whose server has the very same names."""
    root = tmp_path_factory.mktemp("pki")
    for name in ("lab", "stranger"):
        pki = Pki(root / name)
        pki.init("lab")
        pki.issue("edge", "gateway", Names(uris=("urn:fieldlab:lab:edge",)))
        pki.issue("plc1", "opcua", Names(uris=(SERVER_URI,), addresses=("127.0.0.1",)))
    return root


async def served(folders, whose: str) -> OpcUaPeer:
    """A server with the certificate of one of the two."""
    peer = OpcUaPeer()
    own = folders / whose / "own"
    peer.policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    peer.identity = Made(load(own / "plc1.pem"), load_key(own / "plc1.key"))
    await peer.start()
    peer.more = {"security": "sign_and_encrypt", "pki": folders / "lab"}
    return peer


async def validator(folders, setup: str, role: CertificateValidatorOptions) -> CertificateValidator | None:
    """One of the four, on the lab's trust list."""
    store = TrustStore([folders / "lab" / "trusted"], [])
    await store.load()
    return None if SETUPS[setup] is None else CertificateValidator(SETUPS[setup] | role, store)


async def takes(folders, peer: OpcUaPeer, setup: str) -> bool:
    """Whether asyncua's own client, set up so, talks to the server."""
    own = folders / "lab" / "own"
    client = Client(peer.endpoint)
    client.application_uri = "urn:fieldlab:lab:edge"
    client.certificate_validator = await validator(folders, setup, _OF.PEER_SERVER)
    await client.set_security(
        SecurityPolicyBasic256Sha256, str(own / "edge.der"), CertProperties(own / "edge.key", "pem")
    )
    with contextlib.suppress(ua.UaError):
        async with client:
            return await client.nodes.server_state.read_value() == 0
    return False


@pytest.mark.parametrize("setup", SETUPS)
async def test_a_strangers_server(folders, setup, monkeypatch, caplog):
    """Of the four only the trust list refuses it; a gateway of ours does, whatever others do."""
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, longest_wait_s=0.5))
    peer = await served(folders, "stranger")
    try:
        assert await takes(folders, peer, setup) is (setup != "trusted")
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(lambda: "not trusted" in caplog.text, what=lambda: caplog.text)
        assert sink.values("count") == []
    finally:
        await peer.stop()


@pytest.mark.parametrize("setup", SETUPS)
async def test_a_server_that_judges_us(folders, setup):
    """By any of the four: what `fieldlab pki` issued is taken, and values flow."""
    peer = await served(folders, "lab")
    judge = await validator(folders, setup, _OF.PEER_CLIENT)
    if judge is not None:
        peer.server.set_certificate_validator(judge)
    try:
        sink = Collector()
        async with running(site(peer.config, peer.signals()), sink):
            await until(sink.is_up)
    finally:
        await peer.stop()
