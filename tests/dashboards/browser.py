"""A headless Chromium that tells what it asked the network for and what it complained about."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.servers import free_port

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion", "--hide-scrollbars",
)  # fmt: skip


@contextmanager
def chromium(width: int = 1366, height: int = 900) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own, gone afterwards."""
    profile = tempfile.mkdtemp(prefix="fieldlab-chromium-")
    options = Options()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER, port=free_port()))
    try:
        driver.set_script_timeout(120)
        sized(driver, width, height)
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(Path(profile), ignore_errors=True)


def sized(driver: webdriver.Chrome, width: int, height: int) -> None:
    """Make the window as large as a phone's, a laptop's or a wall's."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def requested_hosts(driver: webdriver.Chrome) -> set[str]:
    """Every host that the pages asked anything of, websockets included."""
    hosts = set()
    for entry in driver.get_log("performance"):  # type: ignore[no-untyped-call]
        message = json.loads(entry["message"])["message"]
        params = message["params"]
        url = params.get("request", {}).get("url") if "requestWillBeSent" in message["method"] else None
        if message["method"] == "Network.webSocketCreated":
            url = params["url"]
        if url and not url.startswith(("data:", "blob:", "chrome:", "about:")):
            hosts.add(urlsplit(url).hostname or url)
    return hosts


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Every error in the console."""
    return [e["message"] for e in driver.get_log("browser") if e["level"] in ("SEVERE", "ERROR")]  # type: ignore[no-untyped-call]
