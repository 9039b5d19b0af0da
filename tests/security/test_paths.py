"""Paths: what a visitor asks the app for, and where commands are told to write."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.app import Address
from fieldlab.cli import main
from tests.dashboards.fakes import FakeScreens
from tests.dashboards.serving import served

UP = (
    "../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%5c", "..\\", "....//", "%c0%ae%c0%ae/",
    "..%00/", "..;/", "%2e%2e%5c",
)  # fmt: skip
WANTED = ("etc/passwd", "dashboards/gate.py")
CONFIG = """
fieldlab: lab
timezone: UTC
lines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 1, signals: {total_count: {}}}]}]
store: {kind: embedded, path: lab.db}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    """The app, for whoever sits at this computer: nobody is asked for anything."""
    with served(FakeScreens()) as found:
        yield found


def ask(address: Address, target: str) -> tuple[int, bytes]:
    """Status and all that comes back of a target that no client has tidied up."""
    with socket.create_connection((address.host, address.port), timeout=20) as line:
        text = f"GET {target} HTTP/1.1\r\nHost: {address.host}\r\nConnection: close\r\n\r\n"
        line.sendall(text.encode("latin-1"))
        heard = b""
        while part := line.recv(65_536):
            heard += part
    return int(heard.split(b" ", 2)[1]), heard


def test_no_path_of_the_app_leads_out_of_its_files(address) -> None:
    """Style sheets, scripts of NiceGUI, exports: encoded, twice, with backslashes and NUL."""
    _, page = ask(address, "/")
    version = re.findall(rb"/_nicegui/([\d.]+)/", page)[0].decode()
    kinds = ("static", "components", "resources", "dynamic_resources", "libraries", "esm")
    roots = ["/", "/fieldlab/", "/export/", "/wall/", *(f"/_nicegui/{version}/{kind}/" for kind in kinds)]
    asked = 0
    for root in roots:
        for up in UP:
            for wanted in WANTED:
                for kind in ("", ".csv") if root == "/export/" else ("",):
                    status, heard = ask(address, f"{root}{up * 9}{wanted}{kind}")
                    assert status in (303, 307, 400, 403, 404, 405, 422), (root, up, wanted, status)
                    for secret in (b"root:", b"from __future__", b"[project]", b"Traceback"):
                        assert secret not in heard, (root, up, wanted)
                    asked += 1
    assert asked > 200
    assert ask(address, "/fieldlab/page.css")[0] == 200  # the same way, to what there is


def test_the_name_of_a_file_to_save_is_the_apps_own(address) -> None:
    """Nothing of the address comes back in a header."""
    for name in ("by_machine.csv%0d%0aX-Evil:%201", "..%2fby_machine", "by_machine%22;x=%22"):
        status, heard = ask(address, f"/export/{name}.csv?line=milling")
        assert status in (404, 422)
        assert b"\nX-Evil" not in heard


# -- where commands write


@pytest.fixture
def place(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder with a config, its store, and things in the way."""
    umask = os.umask(0o022)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab.yaml").write_text(CONFIG)
    assert main(["store", "setup", "lab.yaml"]) == 0
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "full" / "kept")
    yield tmp_path
    os.umask(umask)


WRITES = {
    "build": ["dashboards", "build", "lab.yaml", "--out"],
    "backup": ["store", "backup", "lab.yaml"],
    "export": ["store", "export", "lab.yaml", "--to-folder"],
    "init": ["init", "--example", "metal-cutting"],
    "pki": ["pki", "init", "--fieldlab", "lab"],
    "record": ["simulate", "lab.yaml", "--seconds", "5", "--record"],
}
TARGETS = ("file/x", "/dev/full/x", "/proc/none/x", "link/x")


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize("target", TARGETS)
def test_where_nothing_can_be_written_is_one_message_and_nothing_half(place, capsys, command, target) -> None:
    """Below a file, a device, a folder of the kernel's, a link to a file; a name that is none."""
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    capsys.readouterr()
    words = WRITES[command]
    status = main([*words[:2], target, *words[2:]] if command == "pki" else [*words, target])
    said = capsys.readouterr().err
    assert status in (1, 2), said
    assert len(said.splitlines()) == 1, said
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["backup", "export", "init"])
def test_what_is_there_already_is_left_as_it_is(place, capsys, command) -> None:
    """A file, a link to one, a folder that is not empty: one message."""
    for target in ("file", "link", "full"):
        capsys.readouterr()
        status = main([*WRITES[command], target])
        said = capsys.readouterr().err
        assert (status, len(said.splitlines())) == (2, 1), (target, said)
    assert (place / "file").read_text() == (place / "full" / "kept").read_text() == "mine"
    assert (place / "link").is_symlink()


@pytest.mark.parametrize("name", ["a\nERROR b.yaml", "a\x1b[2J.yaml", "a\rb.yaml", "a\x9b31m.yaml"])
def test_a_name_that_a_terminal_would_obey_is_refused_on_one_line(place, capsys, name) -> None:
    """Whoever put such a file into a folder would otherwise write on the terminal of whoever lists it."""
    before = sorted(place.iterdir())
    for words in (["init", "--example", "metal-cutting", name], ["check", name], [*WRITES["backup"], name]):
        capsys.readouterr()
        assert main(words) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert len(told.err.splitlines()) == 1
        assert told.err.rstrip("\n").isprintable()
    assert sorted(place.iterdir()) == before
