"""A fieldlab's own certificates, held against what others make of them: TLS, a broker, an OPC UA server."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import socket
import ssl
import stat
import threading

import pytest
from asyncua import Client, Server, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.uacrypto import CertProperties, load_certificate
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from cryptography import x509

from gateways.errors import CertificateUnusable
from gateways.pki import Pki
from gateways.pki_facts import Names, describe, load
from tests.fieldlab.command import fieldlab
from tests.servers import free_port

SERVER_URI = "urn:example:plc1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an authority, a gateway, an OPC UA server and a broker, made as a user makes them."""
    folder = tmp_path_factory.mktemp("made") / "pki"
    for call in (
        ["init", folder, "--fieldlab", "lab"],
        ["issue", folder, "edge1"],
        ["issue", folder, "plc1", "--for", "opcua", "--uri", SERVER_URI, "--host", "127.0.0.1"],
        ["issue", folder, "broker", "--for", "broker", "--host", "localhost", "--host", "127.0.0.1"],
    ):
        done = fieldlab("pki", *call)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def pki(made, tmp_path):
    """A copy to change."""
    shutil.copytree(made, tmp_path / "pki")
    return tmp_path / "pki"


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_names_are_those_asked_for_and_keys_are_their_owners_alone(made):
    """Application URI, host name and address; mode 600."""
    said = describe(load(made / "own" / "plc1.pem"))
    assert said.names == Names((SERVER_URI,), (), ("127.0.0.1",))
    assert describe(load(made / "own" / "edge1.der")).names.uris == ("urn:fieldlab:lab:edge1",)
    for key in made.rglob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_second_time_changes_nothing(pki):
    """Not a byte of any file."""
    before = contents(pki)
    assert "nothing is changed" in fieldlab("pki", "init", pki, "--fieldlab", "lab").stdout
    assert "nothing is changed" in fieldlab("pki", "issue", pki, "edge1").stdout
    assert "nothing is changed" in fieldlab("pki", "renew", pki).stdout
    assert contents(pki) == before


def test_a_broken_off_init_is_completed(pki):
    """A key without its certificate gets one; what else there is stays."""
    key = (pki / "ca" / "ca.key").read_bytes()
    (pki / "ca" / "ca.pem").unlink()
    assert fieldlab("pki", "init", pki, "--fieldlab", "lab").returncode == 0
    assert (pki / "ca" / "ca.key").read_bytes() == key
    assert load(pki / "ca" / "ca.pem").public_key() == load(pki / "trusted" / "ca.pem").public_key()


def tls(folder, name, host):
    """The outcome of a TLS handshake of Python's own with a server that uses a certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "own" / f"{name}.pem", folder / "own" / f"{name}.key")
    client = ssl.create_default_context(cafile=str(folder / "ca" / "ca.pem"))
    ours, theirs = socket.socketpair()

    def serve():
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError:
            theirs.close()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with client.wrap_socket(ours, server_hostname=host) as wrapped:
            return wrapped.version()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        ours.close()
        serving.join(10)


def test_a_brokers_certificate_holds_for_its_hosts_and_no_other(made):
    """Strict verification of Python's TLS; a gateway's own is none for a server."""
    assert tls(made, "broker", "localhost") == "TLSv1.3"
    assert tls(made, "broker", "127.0.0.1") == "TLSv1.3"
    assert "Hostname mismatch" in tls(made, "broker", "example.org")
    assert "unsuitable certificate purpose" in tls(made, "edge1", "localhost")


async def test_opc_ua_takes_them_both_ways(made):
    """Encrypted, each side checking the other by the authority: trust, URI, key usage."""
    store = TrustStore([made / "trusted"], [])
    await store.load()
    options = CertificateValidatorOptions
    server = Server()
    await server.init()
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}"
    server.set_endpoint(endpoint)
    await server.set_application_uri(SERVER_URI)
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(made / "own" / "plc1.der"))
    await server.load_private_key((made / "own" / "plc1.key").read_bytes(), format="pem")
    server.set_certificate_validator(
        CertificateValidator(options.TRUSTED_VALIDATION | options.PEER_CLIENT, store)
    )
    client = Client(endpoint)
    client.application_uri = "urn:fieldlab:lab:edge1"
    client.certificate_validator = CertificateValidator(
        options.TRUSTED_VALIDATION | options.PEER_SERVER, store
    )
    async with server:
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            certificate=str(made / "own" / "edge1.der"),
            private_key=CertProperties(made / "own" / "edge1.key", "pem"),
            server_certificate=str(made / "own" / "plc1.der"),
        )
        async with client:
            assert await client.nodes.server_state.read_value() == 0


def test_renewal_keeps_the_key_and_the_names(pki):
    """What ends within the days given is renewed, what does not is left; then nothing is due."""
    later = Pki(pki, dt.datetime.now(dt.UTC) + dt.timedelta(days=800))
    assert later.due() == ["broker", "edge1", "plc1"]
    before = load(pki / "own" / "plc1.pem")
    later.renew("plc1")
    after = load(pki / "own" / "plc1.pem")
    assert after.public_key() == before.public_key()
    assert describe(after).names == describe(before).names
    assert after.not_valid_after_utc > before.not_valid_after_utc
    assert later.due() == ["broker", "edge1"]


def test_what_was_issued_stays_valid_under_a_renewed_authority(pki):
    """Same name, same key."""
    assert fieldlab("pki", "renew", pki, "ca", "--days", "4000").returncode == 0
    assert tls(pki, "broker", "localhost") == "TLSv1.3"


def test_nothing_outlives_the_authority(tmp_path):
    """Issued for 825 days by one that lasts 10, it lasts 10; and an expired one issues nothing."""
    pki = Pki(tmp_path / "pki")
    pki.init("lab", days=10)
    pki.issue("edge1", "gateway", Names())
    (mine,) = (e for e in pki.entries() if e.place == "own")
    assert mine.certificate.days_left(pki.now) <= 10
    later = Pki(tmp_path / "pki", pki.now + dt.timedelta(days=11))
    with pytest.raises(CertificateUnusable, match="renew it first"):
        later.issue("edge2", "gateway", Names())
    done = fieldlab("pki", "list", tmp_path / "pki", "--format", "json")
    assert done.returncode == 1
    assert {r["name"] for r in json.loads(done.stdout) if r["remark"]} == {"ca", "edge1"}


def test_a_rejected_certificate_is_trusted_by_its_fingerprint_and_back(pki, tmp_path):
    """From rejected/ to trusted/ and back, never in both."""
    other = Pki(tmp_path / "other")
    other.init("stranger")
    other.issue("machine", "opcua", Names(hosts=("m1",)))
    shown = Pki(pki).reject(load(tmp_path / "other" / "own" / "machine.pem"))
    print_ = shown.certificate.fingerprint
    done = fieldlab("pki", "trust", pki, print_[:12].upper())
    assert done.returncode == 0, done.stderr
    places = [e.place for e in Pki(pki).entries() if e.certificate.fingerprint == print_]
    assert places == ["trusted"]
    assert fieldlab("pki", "trust", pki, print_, "--remove").returncode == 0
    places = [e.place for e in Pki(pki).entries() if e.certificate.fingerprint == print_]
    assert places == ["rejected"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["init", "--fieldlab", "other"], "is that of fieldlab lab, not of other"),
        (["issue", "../edge"], "is no name"),
        (["issue", "edge1", "--host", "somewhere"], "is there, for gateway: urn:fieldlab:lab:edge1"),
        (["issue", "plc2", "--for", "opcua"], "needs the host"),
        (["issue", "plc2", "--for", "opcua", "--host", "plc 2"], "cannot stand in a certificate"),
        (["issue", "b", "--for", "broker", "--host", "b", "--uri", "urn:b"], "a URI is for OPC UA"),
        (["renew", "nobody"], "is not there"),
        (["trust", "nothing"], "is neither a file nor in"),
        (["trust", __file__], "is no certificate"),
        (["trust", "nothing", "--remove"], "is not in"),
    ],
)
def test_wrong_use_is_one_message_and_2(pki, call, said):
    """And the folder stays as it was."""
    before = contents(pki)
    done = fieldlab("pki", call[0], pki, *call[1:])
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert contents(pki) == before


async def test_der_and_pem_are_the_same_certificate(made):
    """As asyncua reads them."""
    pem = await load_certificate(made / "own" / "plc1.pem")
    der = await load_certificate(made / "own" / "plc1.der")
    assert pem == der


def test_what_a_renewal_replaced_is_revoked_with_it(pki):
    """It has the same key and is valid until it ends: whoever stole the one has the other."""
    former = load(pki / "own" / "plc1.pem").serial_number
    folder = Pki(pki)
    folder.renew("plc1")
    now = load(pki / "own" / "plc1.pem").serial_number
    assert former != now
    _, done = folder.revoke("plc1")
    listed = x509.load_der_x509_crl((pki / "crl" / "ca.crl").read_bytes())
    assert done
    assert {each.serial_number for each in listed} == {former, now}
    assert folder.revoke("plc1")[1] is False
