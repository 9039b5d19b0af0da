"""What is checked of certificates before a server is believed."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import pytest

from fieldlab_configs import OpcUaSource
from gateways.errors import Untrusted
from gateways.opcua_trust import MOST_REJECTED, Trust
from gateways.pki import Pki
from tests.gateways.certificates import DAY, Made, make, now, revocation

URI = "urn:test:server"
OURS = "urn:fieldlab:lab:edge"


@pytest.fixture(scope="module")
def authority() -> Made:
    return make("the authority", authority=True, begin=now() - 30 * DAY)


def trusting(pki: Path, *trusted: Made, now_=now, **more: object) -> Trust:
    folder = pki / "trusted"
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(trusted):
        (folder / f"{number}.der").write_bytes(each.der)
    config = OpcUaSource(kind="opcua", endpoint="opc.tcp://127.0.0.1:4840/x", pki=pki, **more)
    return Trust("plc1", config, "edge", OURS, now_)


def test_a_certificate_in_the_trust_list_is_trusted(tmp_path):
    """Also one that no authority signed; nothing is written about it."""
    server = make("plc", uri=URI)
    assert trusting(tmp_path, server).check_server(server.der, URI) == server.certificate
    assert not (tmp_path / "rejected").exists()


def test_a_certificate_of_an_authority_in_the_trust_list_is_trusted(tmp_path, authority):
    """With or without the issuer's certificate behind it, as servers send them."""
    server = make("plc", uri=URI, issuer=authority)
    for shown in (server.der, server.der + authority.der):
        assert trusting(tmp_path, authority).check_server(shown, URI) == server.certificate


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"end": now() - DAY, "begin": now() - 9 * DAY}, "the server's certificate has expired on 20"),
        ({"begin": now() + DAY}, "is not valid before 20"),
        ({"hosts": ("10.0.0.9", "plc9")}, "is for plc9, 10.0.0.9 and not for 127.0.0.1; if it is the right"),
        ({"hosts": ()}, "is for no host and not for 127.0.0.1"),
        ({"uri": "urn:other"}, "calls itself urn:test:server, its certificate is for urn:other"),
        ({"uri": None}, "its certificate is for 127.0.0.1"),
        ({"client": True}, "is not trusted: plc, SHA-256 "),
    ],
)
@pytest.mark.parametrize("pinned", [False, True])
def test_what_does_not_fit_is_refused(tmp_path, authority, given, said, pinned):
    """Whether it is trusted by itself or by its issuer."""
    server = make("plc", **({"uri": URI} | given), issuer=authority)
    trust = trusting(tmp_path, server if pinned else authority)
    if pinned and given.get("client"):
        trust.check_server(server.der, URI)  # somebody put this very one there
        return
    with pytest.raises(Untrusted, match=said):
        trust.check_server(server.der, URI)


def test_who_is_not_trusted_is_kept_aside_and_the_message_says_where(tmp_path):
    """Moved to the trust list it is trusted."""
    server = make("plc one", uri=URI)
    trust = trusting(tmp_path)
    with pytest.raises(Untrusted) as refused:
        trust.check_server(server.der, URI)
    (kept,) = (tmp_path / "rejected").iterdir()
    assert kept.name.startswith("plc-one-")
    said = str(refused.value)
    Pki(tmp_path).init("lab")
    Pki(tmp_path).trust(said.rpartition(f"fieldlab pki trust {tmp_path} ")[2])
    trust.check_server(server.der, URI)


def test_what_is_kept_aside_is_bounded(tmp_path):
    """Whoever may be asked for a certificate can make as many as he likes."""
    folder = tmp_path / "rejected"
    folder.mkdir()
    for number in range(MOST_REJECTED):
        (folder / f"{number}.der").touch()
    with pytest.raises(Untrusted, match="is not trusted"):
        trusting(tmp_path).check_server(make("plc", uri=URI).der, URI)
    assert len(list(folder.iterdir())) == MOST_REJECTED


def test_one_that_was_revoked_is_refused(tmp_path, authority):
    """And so is every other while a revocation list cannot be read."""
    server = make("plc", uri=URI, issuer=authority)
    trust = trusting(tmp_path, authority)
    (tmp_path / "crl").mkdir()
    (tmp_path / "crl" / "a.crl").write_bytes(revocation(authority, make("other", uri=URI)))
    trust.check_server(server.der, URI)
    (tmp_path / "crl" / "a.crl").write_bytes(revocation(authority, server))
    with pytest.raises(Untrusted, match="plc was revoked"):
        trust.check_server(server.der, URI)
    (tmp_path / "crl" / "a.crl").write_bytes(b"nothing")
    with pytest.raises(Untrusted, match="cannot be read"):
        trust.check_server(server.der, URI)


def test_an_authority_of_the_same_name_is_not_the_authority(tmp_path, authority):
    """Names prove nothing, signatures do."""
    impostor = make("the authority", authority=True)
    impostor = Made(impostor.certificate, make("x", key_number=5).key)
    server = make("plc", uri=URI, issuer=impostor)
    with pytest.raises(Untrusted, match="is not trusted"):
        trusting(tmp_path, authority).check_server(server.der, URI)


@pytest.mark.parametrize("shown", [None, b"", b"\x30", b"\x30\x82\xff\xff", b"no certificate"])
def test_what_is_no_certificate_is_refused(tmp_path, shown):
    """In words."""
    with pytest.raises(Untrusted, match="shows no certificate that can be read"):
        trusting(tmp_path).check_server(shown, URI)


def test_a_certificate_of_another_fieldlab_is_not_asked_for_again(tmp_path):
    """Its authority would issue the same one: the two names have to be made one."""
    ours = make("edge", uri="urn:fieldlab:other:edge", client=True)
    ours.write(tmp_path / "own" / "edge.pem", tmp_path / "own" / "edge.key")
    with pytest.raises(
        Untrusted, match=r"is that of fieldlab other: write fieldlab: other in the config, or"
    ):
        trusting(tmp_path).own()


def test_another_name_of_the_host_may_be_said(tmp_path, authority):
    """`any` only for a certificate that lies in the trust list itself."""
    server = make("plc", uri=URI, hosts=("plc9",), issuer=authority)
    trusting(tmp_path / "a", authority, server_name="PLC9").check_server(server.der, URI)
    with pytest.raises(Untrusted, match="server_name: plc9"):
        trusting(tmp_path / "b", authority, server_name="any").check_server(server.der, URI)
    trusting(tmp_path / "c", server, server_name="any").check_server(server.der, URI)


def test_the_end_is_warned_of_a_month_ahead_and_then_refused(tmp_path, caplog):
    """Once a day; and a connection that is open ends when it has come."""
    end = now() + 29 * DAY
    server = make("plc", uri=URI, end=end)
    clock = [now()]
    trust = trusting(tmp_path, server, now_=lambda: clock[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            trust.check_server(server.der, URI)
            trust.watch()
        (warned,) = [r.message for r in caplog.records]
        assert warned == (
            f"source plc1: the server's certificate expires in 28 days, on {end:%Y-%m-%d}; "
            f"renew it on the server, and trust the new one: fieldlab pki trust {tmp_path} FILE"
        )
        clock[0] += dt.timedelta(days=1, minutes=1)
        trust.watch()
        assert len(caplog.records) == 2
        clock[0] += 28 * DAY
        with pytest.raises(Untrusted, match="has expired on"):
            trust.watch()


def test_our_own_certificate_is_read_from_the_pki_folder(tmp_path):
    """Named after the gateway, or where the configuration says."""
    mine = make("edge", uri=OURS, client=True)
    mine.write(tmp_path / "own" / "edge.pem", tmp_path / "own" / "edge.key")
    assert trusting(tmp_path).own().certificate == mine.certificate
    mine.write(tmp_path / "x.pem", tmp_path / "y.pem")
    more = {"certificate": tmp_path / "x.pem", "private_key": tmp_path / "y.pem"}
    assert trusting(tmp_path / "empty", **more).own().certificate == mine.certificate


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pki: (pki / "own" / "edge.pem").unlink(), "edge.pem is missing; make it with: fieldlab pki"),
        (lambda pki: (pki / "own" / "edge.key").unlink(), "edge.key is missing; make it with: fieldlab pki"),
        (lambda pki: (pki / "own" / "edge.pem").write_text("x"), "holds no certificate"),
        (lambda pki: (pki / "own" / "edge.key").write_text("x"), "edge.key cannot be read"),
        (lambda pki: put(pki, make("e", uri=OURS), make("e", uri=OURS, key_number=5)), "does not belong to"),
        (
            lambda pki: put(pki, make("e", uri="urn:x")),
            "is for urn:x, 127.0.0.1 and not for urn",
        ),
        (
            lambda pki: put(pki, make("e", uri=OURS, begin=now() - 9 * DAY, end=now() - DAY)),
            "expired on .*renew",
        ),
    ],
)
def test_our_own_certificate_that_cannot_be_used_is_said(tmp_path, spoil, said):
    """With what to do."""
    put(tmp_path, make("edge", uri=OURS))
    spoil(tmp_path)
    with pytest.raises(Untrusted, match=said):
        trusting(tmp_path).own()


def put(pki: Path, certificate: Made, key: Made | None = None) -> None:
    own = pki / "own"
    (key or certificate).write(own / "edge.pem", own / "edge.key")
    (own / "edge.pem").write_bytes(certificate.pem)
