"""Machines that write down, durably and before they say it, every sample that they are going to publish.

A process of its own: ``python -m tests.faults.generator PORT LEDGER``. It is told what to do by lines on
its standard input, and answers each with one line.

rate N            so many messages a second from now on
burst N           so many messages at once
past START STEP   from now on a message's time is not the clock's: START, and STEP more each time [ns]
poison KIND N     every N-th message is poison of a kind (see POISON); 0: none
stop              no more; answers once the broker has acknowledged all of them
"""

from __future__ import annotations

import json
import os
import queue
import random
import sys
import threading
import time
from collections.abc import Callable
from itertools import count as counting
from typing import Any

import paho.mqtt.client as paho

TICK_S = 0.05
SIGNALS = ("total_count", "spindle_c", "product")
MACHINES = ("m1", "m2", "m3", "m4")
POISON = ("garbage", "nan", "conflict", "old")
PRODUCTS = ("A12", 'B "7"', "C, d=e \\", "Ø 8 mm")
OLD_NS = 2 * 3600 * 10**9

Line = tuple[str, str, int, float | str, bool]
"""Machine, signal, time, value, and whether it belongs in the store: else it belongs to the dead letters."""


class Generator:
    """Publishes at QoS 1, to be stopped by its user and by nothing else."""

    def __init__(self, port: int, ledger: str) -> None:
        self.rate = 0.0
        self.poison, self.every = "", 0
        self._number = 0
        self._last_ns = 0
        self.now_ns: Callable[[], int] = time.time_ns
        self._random = random.Random(1)
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id="machines", clean_session=False
        )
        self._client.max_inflight_messages_set(5000)
        self._client.max_queued_messages_set(0)
        # Counted, for what is said while the broker is away has no other end that paho would tell.
        self._said = self._taken = 0
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port, keepalive=60)
        self._client.loop_start()

    def send(self, count: int) -> None:
        """Some messages: first into the ledger, then on their way."""
        messages = [self._message() for _ in range(count)]
        text = "".join(json.dumps(line) + "\n" for _, _, lines in messages for line in lines)
        os.write(self._ledger, text.encode())
        os.fsync(self._ledger)
        for topic, payload, _ in messages:
            self._said += 1
            self._client.publish(topic, payload, qos=1)

    def _on_publish(self, *_: object) -> None:
        self._taken += 1

    def _message(self) -> tuple[str, bytes, list[Line]]:
        self._number += 1
        number = self._number
        machine = MACHINES[number % len(MACHINES)]
        time_ns = self._last_ns = max(self.now_ns(), self._last_ns + 1)
        values: dict[str, float | str] = {
            "total_count": float(number),
            "spindle_c": self._random.gauss(40, 5),
            "product": PRODUCTS[number // 7 % len(PRODUCTS)],
        }
        kind = self.poison if self.every and number % self.every == 0 else ""
        if kind == "garbage":
            return f"lab/{machine}", b'{"total_count": %d' % number, [(machine, "", number, "", False)]
        lines: list[Line] = []
        if kind == "nan":
            values["spindle_c"] = float("nan")
        elif kind == "conflict":
            values["torque"] = 1.5
        elif kind == "old":
            time_ns -= OLD_NS
        for signal, value in values.items():
            good = kind != "old" and signal != "torque" and value == value  # noqa: PLR0124 - not a NaN
            lines.append((machine, signal, time_ns, value if good else str(value), good))
        return f"lab/{machine}", json.dumps({"t": time_ns, **values}).encode(), lines

    def finish(self) -> int:
        """Wait until the broker has all."""
        deadline = time.monotonic() + 120
        while self._taken < self._said:
            if time.monotonic() > deadline:
                raise TimeoutError("the broker does not acknowledge")
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()
        return self._number


def main(port: int, ledger: str) -> None:
    """Do as told."""
    orders: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            orders.put(line.split())
        orders.put(["stop"])

    threading.Thread(target=listen, daemon=True).start()
    machines = Generator(port, ledger)
    due, before = 0.0, time.monotonic()
    while True:
        try:
            order: Any = orders.get(timeout=TICK_S)
        except queue.Empty:
            order = None
        now = time.monotonic()
        due += machines.rate * (now - before)
        before = now
        if due >= 1:
            machines.send(int(due))
            due -= int(due)
        match order:
            case ["rate", rate]:
                machines.rate = float(rate)
            case ["burst", count]:
                machines.send(int(count))
            case ["past", start_ns, step_ns]:
                machines.now_ns = counting(int(start_ns), int(step_ns)).__next__
            case ["poison", kind, every]:
                machines.poison, machines.every = kind, int(every)
            case ["stop"]:
                print(machines.finish(), flush=True)
                return
        if order:
            print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
