"""MQTT QoS 1 to spool, beside paho's own callback loop; machine change to queryable; memory over time."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.readings import FIELDS, NS
from benchmarks.rows import Budget, Row, SkipError
from fieldlab_configs import Site, parse
from gateways import gateway
from gateways.clock import GatewayClock
from ingest.embedded import EmbeddedStore
from ingest.influx import InfluxStore
from ingest.pipeline import Pipeline
from tests.servers import MosquittoServer, ServerMissingError, mosquitto

HERE = Path(__file__).resolve().parent  # a real disk, not the memory that a folder for temporary files may be
MESSAGES = int(os.environ.get("FIELDLAB_BENCH_MQTT", "40000"))
MEMORY_S = float(os.environ.get("FIELDLAB_BENCH_MEMORY_S", "40"))
MACHINES = 4
CHANGES = 150
WINDOW = 1000
PATIENCE_S = 120.0


def measure() -> list[Row]:
    """Both readers of the same queue, twice each in turn; then the two others."""
    try:
        ours, peer, cpu_us, peer_us = _throughput()
        latencies = asyncio.run(_latencies())
        early_mb, late_mb = _memory()
    except ServerMissingError as error:
        raise SkipError(str(error)) from error
    latencies.sort()
    return [
        Row(
            "MQTT QoS 1 to spool, acknowledged after fsync, JSON of 9 fields",
            ours,
            "messages/s",
            f"paho's callback loop that only decodes: {peer:,.0f}",
            ours / peer,
            Budget("ratio", "least", 0.7),
        ),
        Row("the same, processor time of a message", cpu_us, "us", f"paho: {peer_us:.1f}", cpu_us / peer_us),
        Row("machine change to queryable, median", statistics.median(latencies), "s"),
        Row(
            "machine change to queryable, 99th percentile",
            latencies[len(latencies) * 99 // 100],
            "s",
            budget=Budget("value", "most", 1.5),
        ),
        Row(
            f"gateway, 1,000 signals each second, resident after {MEMORY_S:.0f} s",
            late_mb,
            "MB",
            f"after {MEMORY_S / 4:.0f} s: {early_mb:.0f}",
            late_mb / early_mb,
            Budget("value", "most", 150),
        ),
    ]


# -- throughput


def _throughput() -> tuple[float, float, float, float]:
    """Messages per second and processor time of each [us], ours and paho's; the best of two."""
    ours, peer = (0.0, 0.0), (0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder, _broker(Path(folder)) as broker:
        for _ in range(2):
            _queue(broker.port, "peer")
            peer = max(peer, _plainly(broker.port))
            _queue(broker.port, "ours")
            ours = max(ours, asyncio.run(_through(broker.port)))
    return ours[0], peer[0], ours[1], peer[1]


@contextmanager
def _broker(folder: Path) -> Iterator[MosquittoServer]:
    with mosquitto(folder, save_at_once=False) as (broker, _):
        yield broker


def _client(name: str, *, clean: bool) -> tuple[paho.Client, Properties]:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
    wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wanted.SessionExpiryInterval = 0 if clean else 3600
    wanted.ReceiveMaximum = WINDOW
    return client, wanted


def _queue(port: int, name: str) -> None:
    """A session, and a queue of messages in it."""
    client, wanted = _client(name, clean=False)
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port, clean_start=True, properties=wanted)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    client.subscribe("bench/#", qos=1)
    if not subscribed.wait(10):
        raise RuntimeError("the broker does not take a subscription")
    client.disconnect()
    client.loop_stop()
    sender, wanted = _client("machines", clean=True)
    sender.max_inflight_messages_set(0)  # no limit; with one paho looks through all of them at each answer
    sender.max_queued_messages_set(0)
    sender.connect("127.0.0.1", port, properties=wanted)
    sender.loop_start()
    said: Any = None
    for n in range(MESSAGES):
        said = sender.publish(f"bench/m{n % MACHINES}", _content(n), qos=1)
    said.wait_for_publish(PATIENCE_S)
    sender.disconnect()
    sender.loop_stop()


def _content(n: int) -> bytes:
    values: dict[str, float] = {"ts": time.time_ns()}
    for k, name in enumerate(FIELDS):
        values[name] = n if name.endswith("count") else round(20 + n % 97 + k * 1.37, 3)
    return json.dumps(values).encode()


def _plainly(port: int) -> tuple[float, float]:
    """Paho's loop as its documents show it: decode in the callback, acknowledged by the library."""
    client, wanted = _client("peer", clean=False)
    seen: list[float] = []

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        json.loads(message.payload)
        seen.append(0.0)
        if len(seen) == MESSAGES:
            client.disconnect()

    client.on_message = on_message
    began, cpu = time.perf_counter(), time.process_time()
    client.connect("127.0.0.1", port, clean_start=False, properties=wanted)
    client.loop_forever()
    return MESSAGES / (time.perf_counter() - began), (time.process_time() - cpu) / MESSAGES * 1e6


def _site(port: int, folder: Path, machines: int, fields: tuple[str, ...], store: str = "") -> Site:
    signals = "".join(f"          {f}: {{source: b}}\n" for f in fields)
    each = "".join(
        f"      - id: m{i}\n        ideal_cycle_time_s: 10\n        signals:\n{signals}"
        for i in range(machines)
    )
    text = (
        f"fieldlab: bench\ntimezone: UTC\nlines:\n  - id: line1\n    machines:\n{each}"
        f"sources: {{b: {{kind: mqtt, host: 127.0.0.1, port: {port}, client_id: ours,\n"
        f'  topics: {{topic: "bench/{{machine}}", time_field: ts}}}}}}\n'
        "gateways: {g: {sources: [b], spool: {path: spool, max_bytes: 8GB}}}\n"
        f"store: {store or '{kind: embedded, path: bench.db}'}\n"
    )
    path = folder / "bench.yaml"
    path.write_text(text)
    return parse(text, path)


async def _through(port: int) -> tuple[float, float]:
    """The gateway, into a real spool; the store is away, so that nothing but this is measured."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        site = _site(port, Path(folder), MACHINES, FIELDS)
        clock, stop = GatewayClock("system"), asyncio.Event()
        away = InfluxStore("http://127.0.0.1:1", "bench")
        # As `fieldlab gateway` does.
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)
        began, cpu = time.perf_counter(), time.process_time()
        async with Pipeline(site, "g", away, now_ns=clock.now_ns) as pipe:
            task = asyncio.create_task(gateway.run(site, "g", pipe, clock, stop=stop))
            while pipe.ledger().received < MESSAGES * len(FIELDS):
                if time.perf_counter() - began > PATIENCE_S:
                    raise RuntimeError(f"not all arrived: {pipe.ledger()}")
                await asyncio.sleep(0.01)
            took, used = time.perf_counter() - began, time.process_time() - cpu
            stop.set()
            await task
            account = pipe.ledger()
        if account.dead or account.received != MESSAGES * len(FIELDS):
            raise RuntimeError(f"the account is wrong: {account}")
        away.close()
        return MESSAGES / took, used / MESSAGES * 1e6


# -- latency


async def _latencies() -> list[float]:
    """From a machine's word to its being there for whoever asks the embedded store [s]; one by one."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder, _broker(Path(folder) / "broker") as broker:
        site = _site(broker.port, Path(folder), MACHINES, FIELDS)
        clock, stop = GatewayClock("system"), asyncio.Event()
        path = Path(folder) / "bench.db"
        store, reader = EmbeddedStore(path, "bench"), EmbeddedStore(path, "bench")
        sender, wanted = _client("machines", clean=True)
        sender.connect("127.0.0.1", broker.port, properties=wanted)
        sender.loop_start()
        found: list[float] = []
        async with Pipeline(site, "g", store, now_ns=clock.now_ns) as pipe:
            task = asyncio.create_task(gateway.run(site, "g", pipe, clock, stop=stop))
            number = 0
            while len(found) < CHANGES:
                number += 1
                sender.publish("bench/m1", _content(number), qos=1)
                if pipe.ledger().received == 0:  # it has yet to subscribe
                    await asyncio.sleep(0.01)
                    continue
                said = time.time_ns()
                sender.publish("bench/m0", _content(number), qos=1)
                found.append(await asyncio.to_thread(_seen_after_s, reader, said))
            stop.set()
            await task
        sender.disconnect()
        sender.loop_stop()
        for one in (store, reader):
            one.close()
        return found


def _seen_after_s(store: EmbeddedStore, said_ns: int) -> float:
    """How long until a query gives a reading of m0 that is no older than a time."""
    while True:
        rows = store.last_before("raw", "machine", 2**62, where={"machine": "m0"})
        if any(row.time_ns >= said_ns for row in rows):
            return (time.time_ns() - said_ns) / NS
        time.sleep(0.005)


# -- memory


def _memory() -> tuple[float, float]:
    """Resident memory of a gateway with 1,000 signals, a quarter into the run and at its end [MB]."""
    fields = tuple(f"x{n}" for n in range(10))
    with tempfile.TemporaryDirectory(dir=HERE) as folder, _broker(Path(folder) / "broker") as broker:
        site = _site(broker.port, Path(folder), 100, fields)
        command = [sys.executable, "-m", "fieldlab", "gateway", str(site.path)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=HERE.parent, stdout=log, stderr=log)
        try:
            sender, wanted = _client("machines", clean=True)
            sender.connect("127.0.0.1", broker.port, properties=wanted)
            sender.loop_start()
            began, early = time.monotonic(), 0.0
            while (passed := time.monotonic() - began) < MEMORY_S:
                for n in range(100):
                    content = {"ts": time.time_ns(), **{f: passed + k for k, f in enumerate(fields)}}
                    sender.publish(f"bench/m{n}", json.dumps(content), qos=1)
                early = early or (_resident_mb(process.pid) if passed > MEMORY_S / 4 else 0.0)
                time.sleep(1.0)
            late = _resident_mb(process.pid)
            sender.disconnect()
            sender.loop_stop()
            if process.poll() is not None:
                raise RuntimeError((Path(folder) / "log").read_text()[-2000:])
            return early, late
        finally:
            process.terminate()
            process.wait(15)


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
