"""TLS towards real brokers: what is refused, in which words; certificates as `fieldlab pki` makes them."""

from __future__ import annotations

import json
import logging
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fieldlab_configs import MqttSource
from gateways.mqtt_tls import context, explain
from gateways.pki import Pki
from gateways.pki_facts import Names
from gateways.remedies import BY_HAND
from tests import servers
from tests.gateways.certificates import authorities
from tests.gateways.helpers import Collector, running, site, until
from tests.gateways.mqtt_peer import DATA, MqttPeer, Publisher

pytestmark = pytest.mark.service

_CONF = """
listener {port} 127.0.0.1
listener {plain} 127.0.0.1
allow_anonymous true
persistence false
per_listener_settings false
"""
_TLS = """
certfile {folder}/own/{certificate}.pem
keyfile {folder}/own/{certificate}.key
"""
_MUTUAL = """
cafile {folder}/ca/ca.pem
require_certificate true
"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good broker, one of another host, one that has expired; a gateway; and the same of a stranger."""
    folder = tmp_path_factory.mktemp("pki")
    past, lab, stranger = authorities(folder, "broker", Names((), ("broker.example",), ("10.9.9.9",)))
    lab.issue("edge", "gateway", Names())
    past.issue("late", "gateway", Names(), days=50)
    stranger.issue("edge", "gateway", Names())
    return folder


@contextmanager
def broker(
    folder: Path, pki: Path, certificate: str = "broker", *, mutual: bool = False
) -> Iterator[MqttPeer]:
    """A mosquitto with that certificate; its machine uses a listener in clear."""
    folder.mkdir()
    peer = MqttPeer(folder)
    plain = servers.free_port()
    listener = _TLS.format(folder=pki / "lab", certificate=certificate)
    listener += _MUTUAL.format(folder=pki / "lab") if mutual else ""
    # Settings of a listener follow it, and the last listener is the one in clear.
    first, _, rest = _CONF.format(port=peer.port, plain=plain).partition(f"listener {plain}")
    user = "" if os.geteuid() else "user root\n"
    (folder / "mosquitto.conf").write_text(f"{user}{first}{listener}listener {plain}{rest}")
    try:
        command = [servers.find_program("mosquitto"), "-c", str(folder / "mosquitto.conf")]
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    with servers.running(command, folder, lambda: servers.listens(plain)):
        peer.machine = Publisher(plain)
        yield peer
        peer.machine.close()


def secured(peer: MqttPeer, **keys: Any) -> MqttSource:
    """The source, with TLS."""
    return peer.config.model_copy(update={"tls": True, **keys})


def test_who_gave_an_address_is_told_of_the_address() -> None:
    """And not of keys of a config that there is not."""
    source = MqttSource(kind="mqtt", host="nowhere", ca=None)
    assert "(mqtt:// or mqtts://HOST:PORT)" in explain(socket.gaierror(), source, BY_HAND)
    assert "(sources.src.host)" in explain(socket.gaierror(), source, "src")


async def refused(peer: MqttPeer, config: MqttSource, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """A gateway that is refused says so once, and nothing else; never with a traceback."""
    async with running(site(config, peer.signals()), Collector()):
        await until(lambda: said in caplog.text, what=lambda: caplog.text)
    lines = {r.getMessage() for r in caplog.records if r.name.startswith("gateways")}
    assert len(lines) == 1, lines
    assert not [r for r in caplog.records if r.exc_info]


async def taken(peer: MqttPeer, config: MqttSource) -> None:
    """Values come through."""
    sink = Collector()
    assert peer.machine is not None
    async with running(site(config, {"count": peer.signals()["count"]}), sink):
        machine = peer.machine

        def arrives() -> bool:
            machine.publish(DATA, json.dumps({"t": time.time_ns(), "v": {"count": 1}}))
            return bool(sink.values("count"))

        await until(arrives)


@pytest.mark.parametrize(
    ("certificate", "said"),
    [
        ("expired", "its certificate has expired; renew it at the broker"),
        ("elsewhere", "its certificate is for another host: IP address mismatch"),
    ],
)
async def test_a_broker_that_is_not_who_it_should_be_is_refused(tmp_path, pki, caplog, certificate, said):
    """Although its authority is the right one."""
    with broker(tmp_path / "b", pki, certificate) as peer:
        await refused(peer, secured(peer, ca=pki / "lab/ca/ca.pem"), said, caplog)


async def test_a_broker_of_another_authority_is_refused(tmp_path, pki, caplog):
    """The message says which file it was held against, or which key to give."""
    with broker(tmp_path / "b", pki) as peer:
        ca = pki / "stranger/ca/ca.pem"
        await refused(peer, secured(peer, ca=ca), "its certificate is not trusted: ", caplog)
        assert f"not by {ca}" in caplog.text
        caplog.clear()
        await refused(peer, secured(peer), "name its CA's file in sources.src.ca", caplog)


async def test_a_broker_of_the_right_authority_is_taken(tmp_path, pki, monkeypatch):
    """By its file; or because the system trusts it."""
    with broker(tmp_path / "b", pki) as peer:
        await taken(peer, secured(peer, ca=pki / "lab/ca/ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(pki / "lab/ca/ca.pem"))
        await taken(peer, secured(peer))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_broker_may_ask_for_our_certificate(tmp_path, pki, caplog, protocol):
    """Mutual TLS: taken with one of its authority; refused without, with a stranger's, with an old one."""
    lab = pki / "lab"
    with broker(tmp_path / "b", pki, mutual=True) as peer:
        peer.protocol = protocol
        secure = {"ca": lab / "ca/ca.pem"}

        def shown(folder: Path, name: str) -> MqttSource:
            pair = {"certificate": folder / f"own/{name}.pem", "private_key": folder / f"own/{name}.key"}
            return secured(peer, **secure, **pair)

        await taken(peer, shown(lab, "edge"))
        await refused(peer, secured(peer, **secure), "the broker asks for a certificate of ours", caplog)
        for folder, name, said in ((pki / "stranger", "edge", "unknown ca"), (lab, "late", "expired")):
            caplog.clear()
            await refused(peer, shown(folder, name), said, caplog)
            assert "the broker does not take our certificate" in caplog.text


async def test_files_that_cannot_be_used_are_named(tmp_path, pki, caplog):
    """Not there, no certificate, of two pairs: one message with the key of the configuration."""
    own = pki / "lab/own"
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    peer = MqttPeer(tmp_path)
    cases: list[tuple[dict[str, Path], str]] = [
        (
            {"ca": tmp_path / "none.pem"},
            "none.pem cannot be read: No such file or directory (sources.src.ca)",
        ),
        ({"ca": bad}, "bad.pem: it holds no certificate in PEM format (sources.src.ca)"),
        (
            {"certificate": own / "edge.pem", "private_key": own / "none.key"},
            "none.key cannot be read: No such file or directory (sources.src.certificate, .private_key)",
        ),
        (
            {"certificate": own / "edge.pem", "private_key": own / "broker.key"},
            "certificate and key do not belong together",
        ),
    ]
    for keys, said in cases:
        caplog.clear()
        await refused(peer, secured(peer, **keys), said, caplog)


async def test_tls_and_clear_that_meet_say_so(tmp_path, pki, caplog):
    """A wrong port, or a forgotten `tls: true`."""
    with broker(tmp_path / "b", pki) as peer:
        await refused(peer, peer.config, "does it want TLS? (sources.src.port, .tls)", caplog)
        caplog.clear()
        assert peer.machine is not None
        clear = secured(peer, port=peer.machine.client.port)
        await refused(peer, clear, "does it speak TLS there?", caplog)


async def test_a_certificate_that_is_renewed_while_running_is_taken(tmp_path, pki, caplog):
    """Expired at first: refused, and said; renewed in place, the next connection reads it anew."""
    caplog.set_level(logging.INFO)
    lab = Pki(pki / "lab")
    own = tmp_path / "own"
    own.mkdir()
    for name in ("late.pem", "late.key"):
        (own / name).write_bytes((pki / "lab/own" / name).read_bytes())
    with broker(tmp_path / "b", pki, mutual=True) as peer:
        files = {"certificate": own / "late.pem", "private_key": own / "late.key"}
        config = secured(peer, ca=pki / "lab/ca/ca.pem", **files)
        async with running(site(config, peer.signals()), Collector()):
            await until(lambda: "does not take our certificate" in caplog.text)
            lab.renew("late")
            (own / "late.pem").write_bytes((pki / "lab/own/late.pem").read_bytes())
            await until(lambda: "connected to 127.0.0.1" in caplog.text)


def test_only_tls_1_2_and_later(pki):
    """And always with the certificate and the host verified."""
    made = context(MqttSource(kind="mqtt", host="h", tls=True, ca=pki / "lab/ca/ca.pem"), "src")
    assert made is not None
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
