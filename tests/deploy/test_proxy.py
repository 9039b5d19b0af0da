"""The web app behind nginx, by deploy/nginx.conf: TLS, the host that was asked for, web sockets."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import connect

from dashboards.sessions import hashed
from tests import servers
from tests.deploy.containers import ROOT

NAME, PASSWORD = "fieldlab.example.nl", "only-for-this-test"
SESSION = "__Host-fieldlab_session"
CONFIG = f"""
fieldlab: lab
timezone: UTC
language: en
lines: [{{id: l1, machines: [{{id: m1, ideal_cycle_time_s: 1, signals: {{total_count: {{}}}}}}]}}]
store: {{kind: embedded, path: lab.db}}
app: {{hosts: [{NAME}], users: {{ines: {{password: {{file: ines.hash}}}}}}}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[tuple[int, ssl.SSLContext]]:
    """App and nginx, up; the port of nginx, and how to trust it."""
    folder = tmp_path_factory.mktemp("proxy")
    try:
        nginx = servers.find_program("nginx")
    except servers.ServerMissingError as missing:
        pytest.skip(str(missing))
    (folder / "lab.yaml").write_text(CONFIG)
    (folder / "ines.hash").write_text(hashed(PASSWORD))
    (folder / "ines.hash").chmod(0o600)
    for words in (
        ("store", "setup", folder / "lab.yaml"),
        ("pki", "init", folder / "pki", "--fieldlab", "lab"),
        ("pki", "issue", folder / "pki", "web", "--for", "broker", "--host", NAME),
    ):
        subprocess.run(fieldlab(*words), check=True, capture_output=True, cwd=ROOT)
    app, port = servers.free_port(), servers.free_port()
    (folder / "app").mkdir()
    with ExitStack() as running:
        command = fieldlab("app", folder / "lab.yaml", "--port", app)
        running.enter_context(servers.running(command, folder / "app", lambda: servers.listens(app)))
        conf = nginx_conf(folder, app, port)
        command = [nginx, "-p", str(folder), "-e", "stderr", "-c", str(conf), "-g", "daemon off;"]
        running.enter_context(servers.running(command, folder, lambda: servers.listens(port)))
        yield port, ssl.create_default_context(cafile=str(folder / "pki/ca/ca.pem"))


def fieldlab(*words: object) -> list[str]:
    """A command of the product."""
    return [sys.executable, "-m", "fieldlab", *map(str, words)]


def nginx_conf(folder: Path, app: int, port: int) -> Path:
    """The documented server within what a distribution has around it, with ports and files of this test."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for here, there in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "127.0.0.1:8080": f"127.0.0.1:{app}",
        f"/etc/ssl/certs/{NAME}.pem": str(folder / "pki/own/web.pem"),
        f"/etc/ssl/private/{NAME}.key": str(folder / "pki/own/web.key"),
    }.items():
        assert here in text
        text = text.replace(here, there)
    # Debian 12 allows the old ones around every site.
    old = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;"
    root = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    path = folder / "nginx.conf"
    around = f"access_log off;\n{old}\n{places}"
    path.write_text(f"{root}\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\n{around}\n{text}\n}}\n")
    return path


def ask(
    proxy: tuple[int, ssl.SSLContext], *lines: str, body: str = "", host: str = NAME, by: str = "127.0.0.1"
) -> str:
    """Send a request over TLS; the head of what comes back."""
    port, trusting = proxy
    first, *more = lines
    text = "\r\n".join(
        [
            f"{first} HTTP/1.1",
            f"Host: {host}",
            f"Origin: https://{host}",
            *more,
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
    )
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(by, 0)) as line,
        trusting.wrap_socket(line, server_hostname=NAME) as safe,
    ):
        safe.sendall(text.encode())
        heard = b""
        while b"\r\n\r\n" not in heard and (part := safe.recv(4096)):
            heard += part
    return heard.decode("latin-1").partition("\r\n\r\n")[0]


def log_in(
    proxy: tuple[int, ssl.SSLContext], password: str, *lines: str, user: str = "ines", **more: str
) -> str:
    """What the log-in answers."""
    form = urllib.parse.urlencode({"user": user, "password": password})
    return ask(
        proxy, "POST /login", "Content-Type: application/x-www-form-urlencoded", *lines, body=form, **more
    )


@pytest.mark.service
def test_the_app_is_reached_by_its_name_and_asks_for_a_log_in(proxy) -> None:
    """Nobody sees a page without; whoever has the password gets a session."""
    first = ask(proxy, "GET /")
    assert first.startswith("HTTP/1.1 303")
    assert "/login" in first
    assert "Strict-Transport-Security" in first
    assert log_in(proxy, "wrong").startswith("HTTP/1.1 401")
    told = log_in(proxy, PASSWORD)
    cookie = re.findall(r"(?i)^set-cookie: (.+?)\r?$", told, re.MULTILINE)
    assert [each.split("=")[0] for each in cookie] == [SESSION]
    assert {part.strip().lower() for part in cookie[0].split(";")[1:]} == {
        "secure", "httponly", "samesite=strict", "path=/",
    }  # fmt: skip


@pytest.mark.service
def test_another_host_is_refused_behind_the_proxy_too(proxy) -> None:
    """The proxy hands on the host that was asked for, which is what the app checks."""
    assert ask(proxy, "GET /", host="evil.example").startswith("HTTP/1.1 421")


@pytest.mark.service
def test_web_sockets_pass_the_proxy(proxy) -> None:
    """They are what the page lives by."""
    session = re.findall(rf"{SESSION}=[^;\r]+", log_in(proxy, PASSWORD))[0]
    port, trusting = proxy
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as line,
        connect(
            f"wss://{NAME}:{port}/_nicegui_ws/socket.io/?EIO=4&transport=websocket",
            sock=line, ssl=trusting, origin=f"https://{NAME}", additional_headers={"Cookie": session},
        ) as opened,
    ):  # fmt: skip
        assert str(opened.recv(timeout=20)).startswith("0{")  # engine.io: open


@pytest.mark.service
def test_what_a_visitor_writes_into_a_proxys_headers_is_not_handed_on(proxy) -> None:
    """Who guesses is known by his own address, whatever he says it is; nobody else waits for him."""
    answers = [
        log_in(
            proxy, "guess", f"X-Forwarded-For: 203.0.113.{n}", "X-Forwarded-Proto: http",
            user=f"nobody{n}", by="127.0.0.9",
        )
        for n in range(6)
    ]  # fmt: skip
    assert [answer.split()[1] for answer in answers] == ["401"] * 5 + ["429"]
    assert log_in(proxy, PASSWORD).startswith("HTTP/1.1 303")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_only_tls_1_2_and_later(proxy, version) -> None:
    """Whatever the distribution's own settings around the site allow."""
    port, _ = proxy
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = version
    old.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as line,
        pytest.raises(ssl.SSLError, match="alert protocol version"),
    ):
        old.wrap_socket(line)
