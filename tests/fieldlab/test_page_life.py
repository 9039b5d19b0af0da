"""The page's life on the real chain: broker, gateway, analytics and app as processes, and a browser."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests import servers
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium
from tests.fieldlab.command import REPOSITORY, command
from tests.gateways.mqtt_peer import Publisher

pytestmark = [
    pytest.mark.browser,
    pytest.mark.service,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
NAMES = {"1": "producing", "2": "stopped", "3": "idle"}
CHANGES = 5
CONFIG = """
fieldlab: lab
timezone: UTC
language: en
heartbeat_s: 1
lines:
  - id: l1
    machines:
      - id: m1
        ideal_cycle_time_s: 10
        states: {{map: {{1: producing, 2: stopped, 3: idle}}}}
        signals:
          state: {{source: broker, topic: lab/m1/state}}
          total_count: {{source: broker, topic: lab/m1/count}}
sources: {{broker: {{kind: mqtt, host: 127.0.0.1, port: {broker}}}}}
gateways: {{g: {{sources: [broker], spool: {{path: spool}}}}}}
store: {{kind: embedded, path: lab.db}}
"""
STATE = """return [document.querySelector("[data-testid='latest-m1']")?.dataset.value ?? '',
                document.querySelector("[data-testid='figures']")?.dataset.endNs ?? '']"""


class Chain:
    """The services of a fieldlab, and its one machine."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder = folder
        self.config = folder / "lab.yaml"
        self.config.write_text(CONFIG.format(broker=broker), encoding="utf-8")
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.machine = Publisher(broker)
        self.count = 0

    def start(self, part: str, *options: str) -> None:
        """Start a service."""
        with (self.folder / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(
                command(part, self.config, *options),
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                env={**os.environ},
            )

    def serve(self) -> None:
        """Start the app, at the one port, and wait until it answers."""
        self.start("app", "--port", str(self.port))
        until(lambda: servers.listens(self.port), "the app listens")

    def say(self, state: str) -> None:
        """The machine's state, and a part."""
        self.count += 1
        self.machine.publish("lab/m1/state", state)
        self.machine.publish("lab/m1/count", str(self.count))


def until(true: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)  # a poll, bounded above


@pytest.fixture(scope="module")
def chain(mosquitto, tmp_path_factory) -> Iterator[Chain]:
    """All services, and a first state of the machine in the store."""
    made = Chain(tmp_path_factory.mktemp("chain"), mosquitto.port)
    try:
        made.start("gateway")
        made.start("analytics")
        made.serve()
        yield made
    finally:
        made.machine.close()
        for process in made.processes.values():
            servers.stop(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A laptop's browser."""
    with chromium() as found:
        yield found


@pytest.fixture
def page(chain, browser) -> webdriver.Chrome:
    """The machine's page, showing what the machine says."""
    browser.get(f"{chain.url}?machine=m1&range=15m")

    def shown() -> bool:
        chain.say("1")
        return state(browser)[0] == "producing"

    until(shown, "the page shows the machine")
    return browser


def state(browser: webdriver.Chrome) -> tuple[str, str]:
    """The machine's state on the page, and up to when it tells."""
    told, end_ns = browser.execute_script(STATE)
    return told, end_ns


def test_a_machines_change_is_on_the_page_within_three_seconds(chain, page) -> None:
    """From what the machine says to what a visitor sees, through broker, spool, store and poller."""
    took = []
    for code in ("2", "1", "3", "1", "2")[:CHANGES]:
        began = time.monotonic()
        chain.say(code)
        until(lambda code=code: state(page)[0] == NAMES[code], f"the page shows {NAMES[code]}")
        took.append(time.monotonic() - began)
    print(f"on the page after {', '.join(f'{s:.2f}' for s in took)} s")
    assert statistics.median(took) < 3, took


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_page_comes_back_by_itself_when_the_app_does(chain, page, how) -> None:
    """Stopped or killed, and started again while the machine went on: the page shows what is so now."""
    app = chain.processes["app"]
    app.send_signal(how)
    app.wait(60)
    chain.say("3")
    assert state(page)[0] == "producing"
    chain.serve()
    until(lambda: state(page)[0] == "idle", "the page shows what happened meanwhile")
