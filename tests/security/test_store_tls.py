"""TLS towards a real InfluxDB: what is refused, in which words, and that nothing was told before."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateways.pki_facts import Names
from ingest.influx import InfluxStore
from ingest.influx_http import InfluxHttp
from ingest.store import Row, StoreUnavailable
from tests import servers
from tests.gateways.certificates import authorities

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good certificate, one of another host, one that has expired; and another authority."""
    folder = tmp_path_factory.mktemp("pki")
    authorities(folder, "good", Names((), ("store.example",), ("10.9.9.9",)))
    return folder


@contextmanager
def influx(folder: Path, pki: Path, certificate: str, major: int) -> Iterator[str]:
    """An InfluxDB that speaks TLS with that certificate."""
    own = pki / "lab" / "own"
    pem, key = own / f"{certificate}.pem", own / f"{certificate}.key"
    port = servers.free_port()
    try:
        program = servers.influx_program(major)
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    folder.mkdir()
    if major == 1:
        config = folder / "influxdb.conf"
        text = servers._INFLUX.format(folder=folder, port=port, rpc=servers.free_port(), auth="false")
        secured = f'  https-enabled = true\n  https-certificate = "{pem}"\n  https-private-key = "{key}"\n'
        config.write_text(text + secured)
        command = [program, "run", "-config", str(config)]
    else:
        command = [
            *servers._command_2(program, folder, port, _auth=False),
            f"--tls-cert={pem}",
            f"--tls-key={key}",
        ]
    with servers.running(command, folder, lambda: servers.listens(port)):
        yield f"https://127.0.0.1:{port}"


@pytest.mark.parametrize("major", [1, 2])
@pytest.mark.parametrize(
    ("certificate", "authority", "said"),
    [
        ("expired", "lab", "its certificate is not trusted: certificate has expired"),
        ("elsewhere", "lab", "its certificate is not trusted: IP address mismatch"),
        ("good", "stranger", "its certificate is not trusted: "),
        ("good", "lab", None),
    ],
)
def test_an_influxdb_that_is_not_who_it_should_be_is_refused(
    tmp_path, pki, monkeypatch, certificate, authority, said, major
) -> None:
    """By our own requests and by the library's; the right one is taken, and takes samples."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pki / authority / "ca" / "ca.pem"))
    row = Row("machine", (("fieldlab", "lab"), ("line", "l"), ("machine", "m")), "a", 1, 1.0)
    with influx(tmp_path / "i", pki, certificate, major) as url:
        store = InfluxStore(url, "lab", token="only-for-tests", org="o")
        try:
            if said is None:
                assert store._http.version >= (1, 6)
                if major == 1:
                    store.setup()
                    assert store.write("raw", [row]) == []
                return
            store._http._version = (major, 8)  # as known from before; what follows carries the token
            for ask in (
                lambda: store.write("raw", [row]),
                lambda: list(store._http.ask("x", "SHOW DATABASES")),
            ):
                with pytest.raises(StoreUnavailable) as refused:
                    ask()
                assert said in str(refused.value)
                assert url in str(refused.value)
        finally:
            store.close()


def test_a_store_with_https_that_speaks_none_is_said() -> None:
    """A port where nobody speaks TLS."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        http = InfluxHttp(f"https://127.0.0.1:{silent.getsockname()[1]}", None, None, 0.5)
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            _ = http.version
