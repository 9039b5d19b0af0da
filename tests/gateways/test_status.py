"""What a gateway tells of itself: systemd, Prometheus, whoever asks whether it is well."""

from __future__ import annotations

import asyncio
import os
import re
import socket

import pytest

from gateways.errors import SourceRefused
from gateways.figures import SourceFigures
from gateways.gateway import Running
from gateways.metrics import exposition, health
from gateways.notify import SIGN_S, Notifier
from gateways.status_server import HEAD_BYTES, MOST_ASKERS, Page, serving
from ingest.account import Ledger
from ingest.room import Room
from ingest.state import State, StoreState
from tests.gateways.helpers import Collector, Hands, site
from tests.gateways.test_change import SERVER

LINE = re.compile(
    r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?P<labels>([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*)\})? (?P<value>\S+)'
)


class Pipeline:
    """What is watched of a pipeline, as a test wants it."""

    def __init__(self, **told):
        ledger = Ledger(received=10, stored=6, replaced=1, dead=1, waiting=2, gaps=3)
        whole = {"ledger": ledger, "room": Room(30, 100, 70.0), "lag_s": 1.5, "trouble": None, "stalled": ()}
        self.told = State(**(whole | told))

    def state(self):
        return self.told


@pytest.fixture
def running():
    one = Running(site(SERVER, {}), "edge", Collector(), Hands().clock())
    one.figures["src"] = SourceFigures(samples=12, letters=2)
    one.life.expect("src", 'm"1\n')
    return one


def parsed(text):
    """Name and labels to value; every line must be one that Prometheus takes."""
    found, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            assert line.split()[2] not in typed
            typed.add(line.split()[2])
        elif not line.startswith("# HELP "):
            match = LINE.fullmatch(line)
            assert match, line
            assert match["name"] in typed
            found[match["name"], match["labels"] or ""] = float(match["value"])
    assert text.endswith("\n")
    return found


def test_metrics_are_what_the_account_says(running):
    """Every line parses; a label holds what its text was."""
    found = parsed(exposition(running, Pipeline()))
    of = 'fieldlab="lab",gateway="edge"'
    ledger = {n: found[f"fieldlab_samples_{n}_total", of] for n in ("received", "stored", "replaced", "dead")}
    assert ledger == {"received": 10, "stored": 6, "replaced": 1, "dead": 1}
    assert found["fieldlab_samples_waiting", of] == 2
    assert found["fieldlab_spool_autonomy_seconds", of] == 3600
    assert found["fieldlab_source_samples_total", f'{of},source="src"'] == 12
    assert found["fieldlab_link_up", f'{of},source="src",machine="m\\"1\\n"'] == 0
    assert found["process_resident_memory_bytes", ""] > 1e6


def test_each_of_several_stores_has_figures_of_its_own(running):
    """By its name; what one of them does not take is a warning that names it."""
    stores = {
        "store": StoreState(Ledger(received=10, stored=10), 0.0, None),
        "copy": StoreState(Ledger(received=10, stored=4, dead=1, waiting=5), 7.5, "nobody listens"),
    }
    found = parsed(exposition(running, Pipeline(stores=stores)))
    of = 'fieldlab="lab",gateway="edge",store="copy"'
    assert found["fieldlab_store_samples_stored_total", of] == 4
    assert found["fieldlab_store_samples_waiting", of] == 5
    assert found["fieldlab_store_lag_seconds", of] == 7.5
    assert found["fieldlab_store_delivering", of] == 0
    assert found["fieldlab_store_delivering", of.replace("copy", "store")] == 1
    assert health(running, Pipeline(stores=stores)).warnings[0] == (
        "nothing can be delivered to store copy: nobody listens"
    )
    assert not any("fieldlab_store_samples" in name for name, _ in parsed(exposition(running, Pipeline())))


def test_a_store_or_a_machine_that_is_away_is_a_warning(running):
    """The gateway does its work; restarting it would help nobody."""
    running.certificates["src"] = 12
    found = health(running, Pipeline(trouble="nobody listens", room=Room(80, 100, None)))
    assert found.ok
    assert [w.partition(":")[0] for w in found.warnings] == [
        "the spool is 80 % full", "a certificate of src ends in 12 days", "nothing can be delivered",
        'no life of m"1\n behind src',
    ]  # fmt: skip


def test_what_keeps_a_gateway_from_its_work_is_wrong(running):
    """A part that has ended, a source whose configuration cannot work."""
    running.figures["src"].refused = "its key belongs to another door"
    found = health(running, Pipeline(stalled=("edge: commit",)))
    assert found.wrong == [
        "edge: commit has ended",
        "source src does not run: its key belongs to another door",
    ]


async def ask(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def page():
    return Page(200, "text/plain", "well")


def broken():
    raise ZeroDivisionError


async def test_pages_are_served_and_nonsense_is_not(caplog):
    """GET and HEAD; anything else has a status of its own, and the next one is served all the same."""
    async with serving({"/healthz": page, "/broken": broken}, "127.0.0.1", 0, "metrics.port") as port:
        for request, status in (
            (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
            (b"GET /healthz?verbose HTTP/1.0\r\n\r\n", b"200"),
            (b"HEAD /healthz HTTP/1.1\r\n\r\n", b"200"),
            (b"POST /healthz HTTP/1.1\r\n\r\n", b"405"),
            (b"GET / HTTP/1.1\r\n\r\n", b"404"),
            (b"GET /broken HTTP/1.1\r\n\r\n", b"500"),
            (b"\xff\xfe\r\n\r\n", b"400"),
        ):
            assert (await ask(port, request)).split(b" ")[1] == status
        assert await ask(port, b"GET /" + b"x" * 2 * HEAD_BYTES + b" HTTP/1.1\r\n\r\n") == b""
        assert (await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\nwell")
        assert (await ask(port, b"HEAD /healthz HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")
    assert caplog.text.count("the page /broken failed") == 1


async def test_idle_askers_do_not_keep_others_out_for_ever(monkeypatch):
    """As many as there may be sit there and say nothing; after a while they are hung up on."""
    monkeypatch.setattr("gateways.status_server.WITHIN_S", 2.0)
    async with serving({"/healthz": page}, "127.0.0.1", 0, "metrics.port") as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_ASKERS)]
        assert await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n") == b""
        assert [await reader.read() for reader, _ in idle] == [b""] * MOST_ASKERS
        assert b"well" in await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n")
        for _, writer in idle:
            writer.close()


async def test_a_port_in_use_is_one_message():
    """With the key and what to do."""
    async with serving({}, "127.0.0.1", 0, "x") as port:
        with pytest.raises(
            SourceRefused, match=r"edge\.metrics\.port: cannot listen on 127\.0\.0\.1:.* choose another"
        ):
            async with serving({}, "127.0.0.1", port, "edge.metrics.port"):
                pass


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(tmp_path, abstract):
    """Datagrams as sd_notify(3) has them, to a path or to an abstract address."""
    address = f"@fieldlab-{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0") if abstract else address)
        manager.settimeout(60)
        notifier = Notifier(
            {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, pid=7
        )
        assert notifier.watchdog_s == 3.0
        notifier.ready("reading plc1\nMAINPID=1")
        notifier.alive()
        notifier.reloading()
        notifier.stopping()
        told = [manager.recv(1000).decode() for _ in range(4)]
    assert told[0] == "READY=1\nSTATUS=reading plc1 MAINPID=1"
    assert told[1] == "WATCHDOG=1"
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", told[2])
    assert told[3] == "STOPPING=1\nSTATUS=stopping"


def test_where_no_service_manager_is_a_file_is_touched(tmp_path):
    """At each sign of life, for the health check of a container; one that cannot be is in nobody's way."""
    sign = tmp_path / "alive"
    notifier = Notifier({"FIELDLAB_ALIVE": str(sign)})
    assert notifier.watchdog_s == SIGN_S
    notifier.ready("x")
    assert not sign.exists()
    notifier.alive()
    os.utime(sign, (0, 0))
    notifier.alive()
    assert sign.stat().st_mtime > 0
    Notifier({"FIELDLAB_ALIVE": str(tmp_path / "no" / "folder")}).alive()


def test_without_a_service_manager_nothing_is_said(tmp_path):
    """Nor where it has gone, nor for the watchdog of another process."""
    Notifier({}).ready("x")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("x")
    assert Notifier({"WATCHDOG_USEC": "1000"}).watchdog_s is None
    other = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    assert Notifier(other, pid=2).watchdog_s is None
