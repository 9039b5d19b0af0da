"""Machines, broker, gateway and store as processes of their own, with a proxy in each way between them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from fieldlab_configs import load
from ingest.errors import SpoolUnavailable
from ingest.ledger import Books, read_books
from ingest.store import StoreUnavailable
from ingest.stores import open_store
from tests import servers
from tests.faults.generator import MACHINES
from tests.faults.proxy import SUBACK, Proxy
from tests.faults.stored import Reader, make_reader

REPOSITORY: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 150.0
_T = TypeVar("_T")

_MACHINE = """
      - id: {id}
        ideal_cycle_time_s: 10
        signals:
          total_count: {{source: broker, topic: lab/{id}, field: total_count, time_field: t}}
          spindle_c: {{source: broker, topic: lab/{id}, field: spindle_c, time_field: t}}
          product: {{source: broker, topic: lab/{id}, field: product, time_field: t}}
          torque: {{source: broker, topic: lab/{id}, field: torque, time_field: t}}"""
_CONFIG = """
fieldlab: lab
timezone: UTC
heartbeat_s: 1
lines:
  - id: l1
    machines:{machines}
sources:
  broker: {{kind: mqtt, host: 127.0.0.1, port: {broker}, keep_alive_s: {keep_alive_s}}}
gateways: {{g: {{sources: [broker], spool: {{path: {spool}, max_bytes: {max_bytes}}}}}}}
store: {store}
"""


class World:
    """All of them, up and connected within the block.

    Parameters
    ----------
    folder : Path
    store : {"influxdb", "embedded"}
    major : int
        Version of the InfluxDB.
    spool : Path or None
        Another folder for the spool.
    max_bytes : str
        Of the spool.
    timeout_s, keep_alive_s : float
        Of the gateway towards store and broker.
    retention : str
        Of raw data.
    setup : bool
        Whether the store is made ready.
    also : bool
        Whether there is a second store, an embedded one in `copy.db`.
    save_at_once : bool
        Whether the broker saves itself at every change; only where it is killed need it.
    command : sequence of str
        The product, where another than that of these tests is to run.
    """

    def __init__(
        self,
        folder: Path,
        store: str = "influxdb",
        *,
        major: int = 1,
        spool: Path | None = None,
        max_bytes: str = "200MB",
        timeout_s: float = 1.0,
        keep_alive_s: int = 2,
        retention: str = "1h",
        setup: bool = True,
        also: bool = False,
        save_at_once: bool = False,
        command: Sequence[str] = (sys.executable, "-m", "fieldlab"),
    ) -> None:
        self.folder = folder
        self.spool = spool or folder / "spool"
        self.ledger = folder / "machines.ledger"
        self.log = folder / "gateway.log"
        self.config = folder / "lab.yaml"
        self.store_kind = store
        self._major = major
        self._setup = setup
        self._also = "also: {copy: {kind: embedded, path: copy.db}}\n" if also else ""
        self._save_at_once = save_at_once
        self._command = tuple(command)
        self._settings = {"max_bytes": max_bytes, "keep_alive_s": keep_alive_s}
        self._store = {"retention": f"{{raw: {retention}}}", "timeout_s": f"{timeout_s}"}
        self._running = ExitStack()
        self._influx = ExitStack()
        self._mosquitto = ExitStack()
        self._broker_port = servers.free_port()
        self._gateway: subprocess.Popen[bytes] | None = None
        self._machines: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._build()
            self.start_gateway()
            self.until(self._subscribed, "the gateway subscribes")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._machines, self._gateway):
            if process is not None:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
                process.communicate()
        self._running.close()
        self._influx.close()
        self._mosquitto.close()

    def _build(self) -> None:
        enter = self._running.enter_context
        self.start_broker()
        self.broker = enter(Proxy(self._broker_port))
        if self.store_kind == "influxdb":
            self._port = servers.free_port()
            self.start_influxd()
            self.store = enter(Proxy(self._port, http=True))
            where = {"kind": "influxdb", "url": f"http://127.0.0.1:{self.store.port}", **self._store}
            if self._server.token:
                where |= {"org": f"{self._server.org}", "token": f'{{file: "{self._server.token_file}"}}'}
        else:
            where = {"kind": "embedded", "path": "lab.db", "retention": self._store["retention"]}
        text = ", ".join(f"{key}: {value}" for key, value in where.items())
        machines = "".join(_MACHINE.format(id=machine) for machine in MACHINES)
        self.config.write_text(
            _CONFIG.format(
                machines=machines,
                broker=self.broker.port,
                spool=self.spool,
                store=f"{{{text}}}",
                **self._settings,
            )
            + self._also
        )
        if self._setup:
            self.setup_store()
        self._max_bytes = load(self.config).gateways["g"].spool.max_bytes
        server = self._server if self.store_kind == "influxdb" else None
        self.reader: Reader = make_reader(self.folder, server)
        self._machines = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.generator", str(self._broker_port), str(self.ledger)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    # -- machines

    def tell(self, *order: object) -> str:
        """An order to the machines, see :mod:`tests.faults.generator`; their answer."""
        assert self._machines is not None
        assert self._machines.stdin is not None
        assert self._machines.stdout is not None
        self._machines.stdin.write(" ".join(map(str, order)) + "\n")
        self._machines.stdin.flush()
        answer = self._machines.stdout.readline().strip()
        assert answer, "the machines have failed"
        return answer

    def given(self) -> int:
        """How many samples the machines have written down."""
        return self.ledger.read_bytes().count(b"\n") if self.ledger.exists() else 0

    # -- gateway

    def start_gateway(self) -> None:
        """Start a gateway."""
        with self.log.open("ab") as log:
            self._gateway = subprocess.Popen(
                [*self._command, "gateway", str(self.config)],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def kill_gateway(self) -> None:
        """Kill -9; returns when it is gone."""
        assert self._gateway is not None
        self._gateway.kill()
        self._gateway.wait()

    def signal_gateway(self, number: int) -> None:
        """Another signal."""
        assert self._gateway is not None
        os.kill(self._gateway.pid, number)

    def stop_gateway(self) -> None:
        """Stop it politely."""
        assert self._gateway is not None
        self._gateway.terminate()
        self._gateway.wait(PATIENCE_S)

    def _subscribed(self) -> bool:
        assert self._gateway is not None
        assert self._gateway.poll() is None, self.said()
        return self.broker.seen["down", SUBACK] > 0

    @contextmanager
    def gateway_stopped(self) -> Iterator[None]:
        """Stopped as by Ctrl-Z, and continued."""
        self.signal_gateway(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal_gateway(signal.SIGCONT)

    def resident_mb(self) -> float:
        """The gateway's memory."""
        assert self._gateway is not None
        pages = int(Path(f"/proc/{self._gateway.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def most_resident_mb(self) -> float:
        """The most memory that this gateway ever had."""
        assert self._gateway is not None
        status = Path(f"/proc/{self._gateway.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1e3

    def said(self) -> str:
        """The gateway's log."""
        return self.log.read_text(errors="replace")

    # -- store

    def start_influxd(self) -> None:
        """Start it, with the data that it had."""
        self._server, self._influxd = self._influx.enter_context(
            servers.influxd(self.folder / "influx", self._port, self._major)
        )

    def kill_influxd(self) -> None:
        """Kill -9."""
        self._influxd.kill()
        self._influxd.wait()
        self._influx.close()

    # -- broker

    def start_broker(self) -> None:
        """Start it, with what it had saved."""
        _, self._broker = self._mosquitto.enter_context(
            servers.mosquitto(self.folder / "broker", self._broker_port, save_at_once=self._save_at_once)
        )

    def stop_broker(self, *, forgets: bool = False) -> None:
        """Stop it politely; where it forgets, all sessions and queues are gone."""
        self._mosquitto.close()
        if forgets:
            (self.folder / "broker" / "mosquitto.db").unlink()

    def kill_broker(self) -> None:
        """Kill -9."""
        self._broker.kill()
        self._broker.wait()
        self._mosquitto.close()

    # -- looking

    def until(self, condition: Callable[[], _T], what: str, within_s: float = PATIENCE_S) -> _T:
        """Poll until something holds; what it gave."""
        deadline = time.monotonic() + within_s
        while True:
            with suppress(SpoolUnavailable, StoreUnavailable, OSError):
                if found := condition():
                    return found
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:.0f} s: {what}\n{self._state()}")
            time.sleep(0.05)

    def _state(self) -> str:
        try:
            account = repr(self.books().ledger)
        except SpoolUnavailable as error:
            account = str(error)
        return f"machines gave {self.given()}; {account}; the gateway's log ends:\n{self.said()[-3000:]}"

    def books(self) -> Books:
        """The spool's account as it stands."""
        return read_books(self.spool, "g", self._max_bytes, latest=1_000_000)

    def received(self) -> int:
        """How many samples the gateway has taken."""
        return self.books().ledger.received

    def moved(self, since_ns: int, within_s: float = PATIENCE_S) -> float:
        """Wait until the store has a sample that is younger than a time; how long that took [s]."""
        began = time.monotonic()
        self.until(lambda: self.reader.newest_ns() > since_ns, "new samples in the store", within_s)
        return time.monotonic() - began

    def behind_s(self) -> float:
        """How old the newest sample in the store is."""
        return (time.time_ns() - self.reader.newest_ns()) / 1e9

    def settle(self) -> None:
        """The machines stop; everything they said arrives somewhere. Then the gateway stops."""
        self.tell("stop")
        self.until(self.settled, "every sample is somewhere")
        self.stop_gateway()

    def settled(self) -> bool:
        """Whether each store's account has a place for every sample that the machines wrote down."""
        accounts = [books.ledger for books in self.books().stores.values()]
        return all(a.waiting == 0 and a.stored + a.dead >= self.given() for a in accounts)

    def ledger_says(self) -> dict[str, Any]:
        """What ``fieldlab ledger --format json`` says."""
        (account,) = json.loads(self._call("ledger", self.config, "--format", "json", status=None))
        return dict(account)

    def setup_store(self) -> None:
        """What a user does before the first start."""
        self._call("store", "setup", self.config)

    def seed(self, rows: Any) -> None:
        """Write rows into the store, past the gateway."""
        store = open_store(load(self.config))
        try:
            assert store.write("raw", rows) == []
        finally:
            store.close()

    def _call(self, *args: object, status: int | None = 0) -> str:
        done = subprocess.run(
            [*self._command, *map(str, args)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert status is None or done.returncode == status, done.stderr
        return done.stdout
