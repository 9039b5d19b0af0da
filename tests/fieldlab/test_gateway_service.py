"""``fieldlab gateway`` as a service manager and an engineer meet it: signals, pages, the log."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import asynccontextmanager

import pytest

from fieldlab_configs import load
from ingest.ledger import read_books
from ingest.stores import open_store
from tests import servers
from tests.fieldlab.command import REPOSITORY, command
from tests.gateways.helpers import S, until
from tests.gateways.mqtt_peer import Publisher
from tests.gateways.opcua_peer import URI, OpcUaPeer

pytestmark = pytest.mark.service
LEAST = 500  # samples of each machine, however quick this computer is
CANARY = "Kanarie-7Zq'\"x"

CONFIG = """
fieldlab: lab
timezone: UTC
heartbeat_s: 1
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        signals:
          total_count: {{source: plc, node: "nsu={uri};s=Count"}}
          {extra}
      - id: m2
        ideal_cycle_time_s: 10
        signals:
          total_count: {{source: broker, topic: lab/m2, field: n, time_field: t}}
          {more}
sources:
  plc: {{kind: opcua, endpoint: "{endpoint}", security: none, publishing_interval_ms: 20, queue_size: 5000}}
  broker: {{kind: mqtt, host: 127.0.0.1, port: {broker}, keep_alive_s: {keep}}}
gateways: {{g: {{sources: [plc, broker], metrics: {{port: {page}}}}}}}
store: {{kind: embedded, path: lab.db}}
"""


class Service:
    """A gateway process, its config, and what it says."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.config = folder / "lab.yaml"
        self.page = servers.free_port()
        self.settings = {"uri": URI, "extra": "", "more": "", "keep": 20, "page": self.page, **settings}
        self.process = None

    def write(self, **settings):
        self.settings |= settings
        self.config.write_text(CONFIG.format(**self.settings))

    def start(self, *options, **environ):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command("gateway", self.config, *options),
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                env={**os.environ, **environ},
            )

    def said(self):
        return (self.folder / "log").read_text()

    def hangup(self):
        self.process.send_signal(signal.SIGHUP)

    def ended(self):
        """Stop it politely; exit status and how long it took [s]."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(60), time.monotonic() - began

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}{path}", timeout=30) as answer:
            return answer.read().decode()


@asynccontextmanager
async def plant(folder):
    """An OPC UA server, a broker, and a gateway that is started by the test."""
    peer = OpcUaPeer()
    await peer.start()
    try:
        with servers.mosquitto(folder / "broker", save_at_once=False) as (broker, _):
            service = Service(folder, endpoint=peer.endpoint, broker=broker.port)
            try:
                yield service, peer, Publisher(broker.port)
            finally:
                if service.process is not None:
                    service.process.kill()
                    service.process.wait()
    finally:
        await peer.stop()


async def loaded(peer, machine, stop):
    """A count every few milliseconds from both machines, each with its own time, until told to stop."""
    begin = time.time_ns() // S * S - 3600 * S
    n = 0
    while not stop.is_set() or n < LEAST:
        n += 1
        time_ns = begin + n * 1_000_000
        await peer.publish("count", float(n), time_ns)
        machine.client.publish("lab/m2", json.dumps({"n": n, "t": time_ns}), qos=1)
        await asyncio.sleep(0.002)  # a machine has a pace
    return begin, n


def newest(store, begin):
    """The last count of each machine."""
    tables = store.read("raw", "machine", start_ns=begin, fields=["total_count"])
    return {
        dict(t.tags)["machine"]: t.columns["total_count"][t.time_ns < begin + 3000 * S][-1] for t in tables
    }


async def test_the_config_is_read_anew_under_load_without_losing_a_sample(tmp_path):
    """Both sources change, alone and together, under load; a bad config changes nothing."""
    async with plant(tmp_path) as (service, peer, machine):
        service.write()
        service.start(FIELDLAB_LOG="info")
        await until(lambda: service.said().count("connected to") == 2, 60, service.said)
        stop = asyncio.Event()
        load_ = asyncio.create_task(loaded(peer, machine, stop))
        changes = [
            {"extra": f'torque: {{source: plc, node: "nsu={URI};s=Torque"}}'},
            {"keep": 21},
            {"more": "good_count: {source: broker, topic: lab/m2, field: g, time_field: t}", "extra": ""},
            {"extra": f'a_torque: {{source: plc, node: "nsu={URI};s=Torque"}}', "keep": 22},
            {"extra": "", "more": ""},
        ]
        read_anew = lambda: service.said().count("config read anew")  # noqa: E731
        for number, change in enumerate(changes, start=1):
            service.write(**change)
            service.hangup()
            await until(lambda n=number: read_anew() == n, 60, service.said)
            if number == 2:
                service.config.write_text("fieldlab: [")
                service.hangup()
                await until(lambda: "the new config is refused, the one before goes on" in service.said(), 60)
        stop.set()
        begin, last = await load_
        store = open_store(load(service.config))
        await until(lambda: newest(store, begin) == {"m1": float(last), "m2": float(last)}, 90, service.said)
        metrics = service.ask("/metrics")
        status, took = await asyncio.to_thread(service.ended)
        assert (status, took < 10) == (0, True), service.said()
    wanted = [(begin + n * 1_000_000, float(n)) for n in range(1, last + 1)]
    for name in ("m1", "m2"):
        (table,) = store.read(
            "raw", "machine", start_ns=begin, where={"machine": name}, fields=["total_count"]
        )
        stored = [
            (int(t), v)
            for t, v in zip(table.time_ns, table.columns["total_count"], strict=True)
            if begin < t <= begin + last * 1_000_000
        ]
        assert stored == wanted, name
    links = {dict(t.tags)["machine"]: t for t in store.read("raw", "link")}
    for table in links.values():
        ups = list(table.columns["up"])
        assert ups.count(0.0) == 1, "life ends once, with the gateway"
    store.close()
    account = read_books(tmp_path / "spool", "g", 4_000_000_000).ledger
    assert account.balances
    assert (account.dead, account.waiting) == (0, 0)
    assert 'fieldlab_link_up{fieldlab="lab",gateway="g",source="plc",machine="m1"} 1' in metrics


async def test_a_service_manager_is_kept_informed(tmp_path):
    """Ready, the watchdog's sign of life again and again, reloading and ready, stopping; then 0."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(90)
        async with plant(tmp_path) as (service, _, _):
            service.write()
            service.start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="600000")

            async def told(word):
                while not (message := await asyncio.to_thread(manager.recv, 4096)).startswith(word):
                    assert message == b"WATCHDOG=1"
                return message

            assert b"STATUS=reading plc, broker" in await told(b"READY=1")
            for _ in range(3):
                await told(b"WATCHDOG=1")
            service.hangup()
            await told(b"RELOADING=1")
            await told(b"READY=1")
            assert json.loads(service.ask("/healthz"))["status"] == "ok"
            service.process.terminate()
            await told(b"STOPPING=1")
            assert await asyncio.to_thread(service.process.wait, 60) == 0
    assert "samples received" in service.said().splitlines()[-1]


async def test_nothing_secret_is_said_and_a_store_that_hangs_does_not_hold_it_up(tmp_path):
    """Everything logged, as JSON; a password, a token; a store that takes a request and is silent."""
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text(CANARY)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with plant(tmp_path) as (service, peer, machine):
            service.write()
            text = service.config.read_text()
            login = 'user: gw, password: {file: "secret"}'
            text = text.replace("security: none", f"security: none, password_in_clear: true, {login}")
            text = text.replace("kind: mqtt", f"kind: mqtt, {login}")
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            store = f'store: {{kind: influxdb, url: "{url}", token: {{env: CANARY}}}}'
            service.config.write_text(re.sub(r"store: .*", store, text))
            service.start("--log-format", "json", FIELDLAB_LOG="debug", CANARY=CANARY)
            await until(lambda: service.said().count("connected to") == 2, 90, service.said)
            await peer.publish("count", 1.0, time.time_ns())
            machine.publish("lab/m2", json.dumps({"n": 1, "t": time.time_ns()}))
            machine.publish("lab/m2", CANARY[:3] + '{"n": ')
            ledger = lambda: read_books(tmp_path / "spool", "g", 4_000_000_000).ledger  # noqa: E731
            await until(lambda: ledger().received >= 3, 60, ledger)
            pages = service.ask("/metrics") + service.ask("/healthz")
            status, took = await asyncio.to_thread(service.ended)
    assert status == 0
    assert took < 10
    lines = service.said().splitlines()
    said = [json.loads(line) for line in lines if line.startswith("{")]
    assert {s["source"] for s in said if "source" in s} == {"plc", "broker"}
    assert len(said) >= len(lines) - 2
    assert pages.count("fieldlab_") > 20
    for form in (CANARY, json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "Kanarie"):
        assert form not in service.said()
        assert form not in pages
        for file in (tmp_path / "spool").iterdir():
            assert form.encode() not in file.read_bytes()
    assert ledger().waiting >= 2
