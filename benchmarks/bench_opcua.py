"""OPC UA values to the spool, beside asyncua's own loop that only calls back; a real server, real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from asyncua.client.client import Client

from benchmarks.opcua_machine import URI
from benchmarks.rows import Budget, Row
from fieldlab_configs import parse
from gateways.clock import GatewayClock
from gateways.gateway import run as run_gateway
from ingest.embedded import EmbeddedStore
from ingest.frames import Frame
from ingest.pipeline import Pipeline
from ingest.samples import Sample
from ingest.store import Bucket, Rejected, StoreUnavailable
from ingest.store import Row as Stored

HERE: Final = Path(__file__).resolve().parent
NODES: Final = 200
WARM: Final = 5_000
VALUES: Final = 40_000
ROUNDS: Final = 2
WITHIN_S: Final = 300.0
PEER: Final = "asyncua's own subscription and callback, which only counts"


class _Away(EmbeddedStore):
    """A store that takes nothing: this is about the way to the spool."""

    def write(self, bucket: Bucket, rows: Iterable[Stored]) -> list[Rejected]:
        """Nothing."""
        raise StoreUnavailable(f"{rows} for {bucket} are not taken")

    def write_frames(
        self, bucket: Bucket, frames: Sequence[Frame], extra: Sequence[Stored] = ()
    ) -> list[Rejected]:
        """Nothing."""
        raise StoreUnavailable(f"{len(frames)} frames for {bucket} and {len(extra)} rows are not taken")


class _Count:
    """Counts values, and once it is warm the time on a core that they took in this process, all threads.

    Not the time on the wall: there the server is the slowest, and it takes a core of its own.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.done = asyncio.Event()
        self._begun: tuple[float, int] | None = None
        self.of_core = 0.0

    def add(self, values: int) -> None:
        self.seen += values
        now = (time.process_time(), self.seen)
        if self._begun is None and self.seen >= WARM:
            self._begun = now
        elif self._begun is not None and not self.done.is_set() and self.seen - self._begun[1] >= VALUES:
            self.of_core = (now[1] - self._begun[1]) / (now[0] - self._begun[0])
            self.done.set()


class _Counting(Pipeline):
    """The pipeline, and a count of what it has on disk."""

    count: _Count

    async def accept(self, samples: Sequence[Sample]) -> None:
        await super().accept(samples)
        self.count.add(len(samples))


def measure() -> list[Row]:
    """Values for each second of one core, the best of some rounds; theirs and ours by turns."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    ours: list[_Count] = []
    theirs: list[_Count] = []
    for _ in range(ROUNDS):
        # A machine of its own for each: a gateway that left keeps its session there for a while.
        with _machine() as endpoint:
            theirs.append(asyncio.run(_counted(lambda count: _callback(endpoint, count))))
        with _machine() as endpoint:
            ours.append(asyncio.run(_counted(lambda count: _gateway(endpoint, count))))
    mine, peer = _of_core(ours), _of_core(theirs)
    return [
        Row(
            "OPC UA values to spool, acknowledged after fsync, of one core",
            mine,
            "values/s",
            PEER,
            mine / peer,
            Budget("ratio", "least", 0.7),
        )
    ]


def _of_core(counts: Sequence[_Count]) -> float:
    return max(count.of_core for count in counts)


async def _counted(work: Callable[[_Count], Awaitable[None]]) -> _Count:
    count = _Count()
    async with asyncio.timeout(WITHIN_S):
        await work(count)
    return count


async def _callback(endpoint: str, count: _Count) -> None:
    """What a user writes with the library alone."""

    class Handler:
        def datachange_notification(self, *_: object) -> None:
            count.add(1)

    async with Client(endpoint) as client:
        index = await client.get_namespace_index(URI)
        subscription = await client.create_subscription(10, Handler())
        nodes = [client.get_node(f"ns={index};s=n{n}") for n in range(NODES)]
        await subscription.subscribe_data_change(nodes, queuesize=100)
        await count.done.wait()


async def _gateway(endpoint: str, count: _Count) -> None:
    """The product: subscription, samples, spool with fsync, acknowledgement."""
    # Where a gateway's spool would be: a real disk, not the memory that a folder for temporary files may be.
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        signals = ", ".join(f'v{n}: {{source: plc, node: "nsu={URI};s=n{n}"}}' for n in range(NODES))
        site = parse(
            "fieldlab: bench\ntimezone: UTC\n"
            f"lines: [{{id: line, machines: [{{id: m1, signals: {{{signals}}}}}]}}]\n"
            f'sources: {{plc: {{kind: opcua, endpoint: "{endpoint}", security: none, queue_size: 100, '
            "publishing_interval_ms: 10}}\n"
            f'gateways: {{edge: {{sources: [plc], spool: {{path: "{folder}/spool"}}}}}}\n'
            "store: {kind: embedded, path: bench.db}\n"
        )
        store = _Away(Path(folder) / "bench.db", site.fieldlab)
        clock = GatewayClock("system")
        stop = asyncio.Event()
        async with _Counting(site, "edge", store, now_ns=clock.now_ns) as pipeline:
            pipeline.count = count
            running = asyncio.create_task(run_gateway(site, "edge", pipeline, clock, stop=stop))
            await count.done.wait()
            stop.set()
            await running
        store.close()


@contextmanager
def _machine() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.opcua_machine", str(port), str(NODES)],
        stdout=subprocess.PIPE,
        cwd=HERE.parent,
    )
    try:
        if process.stdout is None or process.stdout.readline().strip() != b"ready":
            raise RuntimeError("the machine did not start")
        yield f"opc.tcp://127.0.0.1:{port}/bench"
    finally:
        process.kill()
        process.wait()
