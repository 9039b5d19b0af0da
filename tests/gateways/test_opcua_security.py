"""The OPC UA driver with certificates, against a real server: who is let in, and who is not."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

from fieldlab_configs import Secret
from gateways.clock import GatewayClock
from gateways.gateway import Running
from gateways.opcua import OpcUa
from gateways.opcua_trust import Trust
from tests.gateways.certificates import DAY, Made, make, now
from tests.gateways.helpers import Collector, S, running, site, until
from tests.gateways.opcua_peer import SERVER_URI, OpcUaPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = "urn:fieldlab:lab:edge"
P = ua.SecurityPolicyType
OFFERED = [
    P.NoSecurity,
    P.Basic256Sha256_Sign,
    P.Basic256Sha256_SignAndEncrypt,
    P.Aes128Sha256RsaOaep_SignAndEncrypt,
    P.Aes256Sha256RsaPss_SignAndEncrypt,
]


class Door(UserManager):
    """Lets in user gw with the right password, or with the right certificate; remembers who came."""

    def __init__(self) -> None:
        self.known: bytes | None = None
        self.open = True

    def get_user(self, _, username=None, password=None, certificate=None):
        # asyncua gives the application's certificate where the user showed none.
        person = certificate is not None and b"gateway user" in certificate
        if username is not None:
            comes_in = (username, password) == ("gw", "right")
        else:
            comes_in = certificate == self.known if person else self.open
        return User(role=UserRole.User) if comes_in else None


@pytest.fixture(scope="module")
def authority() -> Made:
    return make("fieldlab authority", authority=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory, authority) -> Path:
    """A gateway's folder: its own certificate, and the authority it trusts."""
    folder = tmp_path_factory.mktemp("pki")
    make("edge", uri=OURS, issuer=authority, client=True).write(
        folder / "own" / "edge.pem", folder / "own" / "edge.key"
    )
    (folder / "trusted").mkdir()
    (folder / "trusted" / "authority.pem").write_bytes(authority.pem)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(authority):
    peer = OpcUaPeer()
    peer.policies = OFFERED
    peer.identity = make("plc", uri=SERVER_URI, issuer=authority, end=now() + 10 * DAY)
    peer.user_manager = Door()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
def peer(server, pki):
    server.more = {"security": "sign_and_encrypt", "pki": pki}
    server.user_manager.open = True
    return server


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(OpcUa, "timing", replace(OpcUa.timing, retry_nodes_s=0.2, longest_wait_s=0.5))


def modes(peer: OpcUaPeer) -> set[tuple[str, str]]:
    """How those who are connected are secured, as the server sees it."""
    found = set()
    for protocol in peer.server.bserver.clients:
        policy = protocol.processor._connection.security_policy
        found.add((policy.URI.rpartition("#")[2].replace("_", ""), policy.Mode.name))
    return found


async def flows(peer: OpcUaPeer, sink: Collector, value: float) -> None:
    await until(sink.is_up)
    await peer.publish("count", value, time.time_ns())
    await until(lambda: value in sink.values("count"))


@pytest.mark.parametrize(
    ("policy", "security", "seen"),
    [
        ("auto", "sign_and_encrypt", "Aes256Sha256RsaPss"),
        ("Basic256Sha256", "sign_and_encrypt", "Basic256Sha256"),
        ("Aes128Sha256RsaOaep", "sign_and_encrypt", "Aes128Sha256RsaOaep"),
        ("auto", "sign", "Basic256Sha256"),
    ],
)
async def test_values_come_through_every_policy(peer, policy, security, seen):
    """And the server sees just that policy and mode."""
    peer.more |= {"policy": policy, "security": security}
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await flows(peer, sink, 1.0)
        mode = "Sign" if security == "sign" else "SignAndEncrypt"
        assert modes(peer) == {(seen, mode)}


async def test_security_is_the_default_and_none_has_to_be_said(peer, pki):
    """A config without a word about it gets the strongest."""
    del peer.more["security"]
    config = peer.config.model_copy(update={"security": type(peer.config).model_fields["security"].default})
    sink = Collector()
    async with running(site(config, peer.signals()), sink):
        await flows(peer, sink, 2.0)
        assert modes(peer) == {("Aes256Sha256RsaPss", "SignAndEncrypt")}


async def test_a_user_comes_in_with_the_right_password_or_certificate(peer, quick, tmp_path, caplog):
    """And not with a wrong one."""
    peer.user_manager.open = False
    secret = tmp_path / "password"
    secret.write_text("wrong")
    secret.chmod(0o600)
    peer.more |= {"user": "gw", "password": Secret(file=secret)}
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: "refuses user gw: wrong user name or password" in caplog.text)
        secret.write_text("right")
        await flows(peer, sink, 3.0)
    person = make("gateway user", hosts=())
    person.write(tmp_path / "user.pem", tmp_path / "user.key")
    del peer.more["user"], peer.more["password"]
    peer.more |= {"user_certificate": tmp_path / "user.pem", "user_key": tmp_path / "user.key"}
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: "refuses the user's certificate" in caplog.text)
        peer.user_manager.known = person.der
        await flows(peer, sink, 4.0)


async def test_a_password_in_clear_needs_to_be_allowed(peer, monkeypatch, quick, caplog, tmp_path):
    """A server that takes it in clear over a channel that is only signed gets none."""
    secret = tmp_path / "password"
    secret.write_text("right")
    secret.chmod(0o600)
    for endpoint in peer.server.iserver.endpoints:
        for token in endpoint.UserIdentityTokens:
            monkeypatch.setattr(token, "SecurityPolicyUri", "http://opcfoundation.org/UA/SecurityPolicy#None")
    peer.more |= {"security": "sign", "user": "gw", "password": Secret(file=secret)}
    async with running(site(peer.config, peer.signals()), Collector()):
        await until(lambda: "the server wants the password in clear" in caplog.text)
    peer.more["password_in_clear"] = True
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await flows(peer, sink, 5.0)


async def test_one_refused_server_costs_the_others_nothing(peer, quick, caplog):
    """A server with another host's certificate: one clear message, and the machine beside it goes on."""
    other = peer.config.model_copy(update={"endpoint": peer.endpoint.replace("127.0.0.1", "localhost")})
    power = peer.signals()["count"].model_copy(update={"source": "bad"})
    both = site(peer.config, peer.signals() | {"power": power})
    edge = both.gateways["edge"].model_copy(update={"sources": ("src", "bad")})
    both = both.model_copy(
        update={"sources": both.sources | {"bad": other}, "gateways": {"edge": edge}},
    )
    attempts = []
    check = Trust.check_server
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Trust, "check_server", lambda self, *shown: (attempts.append(self), check(self, *shown))[1]
        )
        sink = Collector()
        async with running(both, sink):
            await until(lambda: len([trust for trust in attempts if trust.source == "bad"]) >= 3)
            await flows(peer, sink, 6.0)
    assert caplog.text.count("is for 127.0.0.1 and not for localhost; if it is the right server") == 1
    assert sink.values("power") == []
    assert "Traceback" not in caplog.text


async def test_what_the_server_does_not_offer_is_said_with_what_it_does(peer, quick, caplog):
    """So that the right word can be put into the config."""
    peer.more |= {"policy": "Aes128Sha256RsaOaep", "security": "sign"}
    async with running(site(peer.config, peer.signals()), Collector()):
        await until(
            lambda: "the server offers no sign Aes128Sha256RsaOaep; it offers none, sign Basic" in caplog.text
        )


async def test_a_gateway_without_a_certificate_comes_in_once_it_has_one(peer, quick, pki, tmp_path, caplog):
    """No restart: the files are read anew at every attempt."""
    for name in ("trusted", "own"):
        (tmp_path / name).mkdir()
    (tmp_path / "trusted" / "a.pem").write_bytes((pki / "trusted" / "authority.pem").read_bytes())
    peer.more |= {"pki": tmp_path}
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await until(lambda: "edge.pem is missing; make it with: fieldlab pki issue" in caplog.text)
        for name in ("edge.key", "edge.pem"):
            (tmp_path / "own" / name).write_bytes((pki / "own" / name).read_bytes())
        await flows(peer, sink, 7.0)


async def test_how_long_certificates_last_is_told(peer, quick):
    """The first that ends, of those in use: what an alert goes by."""
    fieldlab = site(peer.config, peer.signals())
    gateway, stop = Running(fieldlab, "edge", Collector(), GatewayClock("system")), asyncio.Event()
    assert gateway.told() == {}
    work = asyncio.create_task(gateway.run(stop))
    await until(gateway.told)
    assert gateway.told() == {"certificate_days": 9.0}
    stop.set()
    await work


async def test_a_certificate_that_expires_while_running_and_is_renewed(
    monkeypatch, peer, quick, authority, caplog
):
    """Fault 18: refused from that moment on, the time is a gap, and it resumes with the new one by itself."""
    ahead = [dt.timedelta()]
    monkeypatch.setattr(OpcUa, "utc_now", staticmethod(lambda: now() + ahead[0]))
    sink = Collector()
    async with running(site(peer.config, peer.signals()), sink):
        await flows(peer, sink, 1.0)
        assert "the server's certificate expires in 9 days" in caplog.text
        before, ahead[0] = time.time_ns(), 11 * DAY
        await until(lambda: "the server's certificate has expired on" in caplog.text)
        after = time.time_ns()
        await until(lambda: not sink.is_up())
        await peer.publish("count", 2.0, time.time_ns())
        await peer.stop()
        peer.identity = make("plc", uri=SERVER_URI, issuer=authority, end=now() + 365 * DAY)
        await peer.start()
        await flows(peer, sink, 3.0)
        await until(lambda: sink.gaps)
    (gap,) = sink.gaps
    assert (gap.signal, gap.reason) == ("none", "outage")
    assert before - 5 * S < gap.start_ns < after
    assert 2.0 not in sink.values("count")


async def test_a_server_that_does_not_trust_us_is_said(peer, quick, caplog):
    """It is the server's trust list that has to be mended, and the message names the file to put there."""

    async def refuse(certificate, _):
        raise ua.uaerrors.BadCertificateUntrusted

    peer.server.set_certificate_validator(refuse)
    async with running(site(peer.config, peer.signals()), Collector()):
        await until(
            lambda: "refuses the gateway's certificate" in caplog.text, what=lambda: caplog.text[-3000:]
        )
    assert "on the server, trust" in caplog.text
    assert "own/edge.pem, or the authority that signed it" in caplog.text
