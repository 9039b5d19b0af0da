"""The demonstration: seconds to the first number on the page, and resident memory."""

from __future__ import annotations

import contextlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import IO

import psutil
from selenium import webdriver

from benchmarks.rows import Budget, Row, SkipError

RUN_S = 30.0
GIVE_UP_S = 60.0
FIRST_NUMBER = "return [...document.querySelectorAll('td')].some(cell => /\\d.*%/.test(cell.textContent))"


def measure() -> list[Row]:
    """Start the demo, wait for a figure in a browser that is already there, watch its memory."""
    with browser() as driver:
        began = time.monotonic()
        demo = subprocess.Popen(
            [sys.executable, "-m", "fieldlab", "demo", "--no-browser"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            url = page_of(demo)
            driver.get(url)
            wait_for(driver, demo)
            first_s = time.monotonic() - began
            memory = watched(demo)
            stopping = time.monotonic()
            demo.send_signal(signal.SIGINT)
            demo.wait(GIVE_UP_S)
            stop_s = time.monotonic() - stopping
        finally:
            if demo.poll() is None:
                demo.kill()
                demo.wait()
    return [
        Row("demo, start to first number on the page", first_s, "s", budget=Budget("value", "most", 10)),
        Row("demo, resident memory", memory, "MB", budget=Budget("value", "most", 500)),
        Row("demo, Ctrl-C to the end", stop_s, "s", budget=Budget("value", "most", 3)),
    ]


def page_of(demo: subprocess.Popen[str]) -> str:
    """The address that the demo prints; its further output is read away."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def pump(stream: IO[str]) -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    if demo.stdout is None:
        raise RuntimeError("the demo's output is not a pipe")
    threading.Thread(target=pump, args=(demo.stdout,), daemon=True).start()
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        line = lines.get(timeout=max(deadline - time.monotonic(), 0.1))
        if line is None:
            raise RuntimeError(f"the demo ended with status {demo.wait(GIVE_UP_S)} before it showed its page")
        found = re.search(r"http://\S+", line)
        if found:
            return found[0]


def wait_for(driver: webdriver.Chrome, demo: subprocess.Popen[str]) -> None:
    """Wait until a figure stands on the page."""
    deadline = time.monotonic() + GIVE_UP_S
    while not driver.execute_script(FIRST_NUMBER):
        if time.monotonic() > deadline or demo.poll() is not None:
            raise RuntimeError("no number came onto the page")
        time.sleep(0.02)


def watched(demo: subprocess.Popen[str]) -> float:
    """The largest resident memory of the demo and its children while it runs with a page open [MB]."""
    root = psutil.Process(demo.pid)
    most = 0
    deadline = time.monotonic() + RUN_S
    while time.monotonic() < deadline:
        family = [root, *root.children(recursive=True)]
        most = max(most, sum(resident(process) for process in family))
        time.sleep(0.5)
    return most / 1e6


def resident(process: psutil.Process) -> int:
    """Resident memory of one process; none once it is gone."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


@contextlib.contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """A headless Chromium, started beforehand: its own start is not the demo's."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        raise SkipError("chromium and chromedriver are not installed (apt install chromium chromium-driver)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            yield chrome
        finally:
            chrome.quit()
