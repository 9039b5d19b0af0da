"""The app over a year of four machines: how soon a browser shows something, a range's figures, many pages.

FIELDLAB_BENCH_DAYS says how many days (365). Atoms are worked out once, into the embedded store, and copied
to the InfluxDB.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from selenium import webdriver

from benchmarks.rows import Budget, Row, SkipError
from benchmarks.year import DAY_NS, NS, configured, copied, fill
from fieldlab.stores import opened_store
from fieldlab_configs import Site
from ingest.embedded import EmbeddedStore
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium
from tests.dashboards.crowd import app, lookers, round_s, running
from tests.servers import ServerMissingError, influxd

DAYS = int(os.environ.get("FIELDLAB_BENCH_DAYS", "365"))
RANGES: Final = {"24h": "a day", "7d": "a week", "365d": "a year"}
PAGES: Final = {"screen=overview": "overview", "line=line": "line"}
ROUNDS: Final = 3
MANY: Final = 20
MANY_ROUNDS: Final = 20
GIVE_UP_S: Final = 120.0
HERE = Path(__file__).resolve().parent  # a real disk, not the memory that a folder for temporary files may be
_SHOWN = "[data-testid='figures']"
_PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_FIGURES = f"""
const done = arguments[0];
(function look() {{
  if (document.querySelector("{_SHOWN}")?.dataset.endNs) done(performance.now());
  else requestAnimationFrame(look);
}})()"""
_CHOOSE = f"""
const [range, done] = arguments, begun = performance.now(), main = document.querySelector("{_SHOWN}");
const before = main.dataset.startNs;
document.querySelector(`[data-testid='range-${{range}}']`).click();
(function look() {{
  if (main.dataset.startNs !== before) done(performance.now() - begun);
  else requestAnimationFrame(look);
}})()"""


def measure() -> list[Row]:
    """The same year in both stores, each behind the real ``fieldlab app``."""
    if not (CHROMIUM and CHROMEDRIVER):
        raise SkipError("chromium or chromedriver is not installed (Debian: apt install chromium-driver)")
    end_ns = time.time_ns() // (900 * NS) * (900 * NS)
    with tempfile.TemporaryDirectory(dir=HERE) as name, chromium() as browser:
        browser.set_script_timeout(GIVE_UP_S)
        folder = Path(name)
        site = configured(folder, f"kind: embedded, path: {folder / 'bench.db'}")
        store = EmbeddedStore(folder / "bench.db", site.fieldlab)
        fill(site, store, end_ns - DAYS * DAY_NS, end_ns)
        store.close()
        rows = [*_behind_app(site, "embedded", browser, end_ns), asyncio.run(_many(site))]
        for row in rows:
            print(row, flush=True)
        try:
            with influxd(folder / "influx") as (server, _):
                of_influx = configured(folder, f"kind: influxdb, url: '{server.url}', timeout_s: 120")
                made = opened_store(of_influx)
                made.setup()  # type: ignore[attr-defined]  # both kinds have it
                made.close()
                store = EmbeddedStore(folder / "bench.db", site.fieldlab)
                copied(store, server.url, site.fieldlab)
                store.close()
                rows += _behind_app(of_influx, "InfluxDB 1.6", browser, end_ns)
        except ServerMissingError as error:
            raise SkipError(str(error)) from error
    return rows


def _behind_app(site: Site, kind: str, browser: webdriver.Chrome, end_ns: int) -> list[Row]:
    """First paint, each range on each page, and the memory of the app."""
    rows = []
    atoms_s = _best(lambda: _all_atoms(site, end_ns))
    with app(site) as (url, process):
        paint_s, figures_s = _opened(browser, url)
        rows.append(Row(f"{kind}: first paint", paint_s, "s", budget=Budget("value", "most", 2)))
        rows.append(Row(f"{kind}: opened, to the figures of 8 hours", figures_s, "s"))
        for query, page in PAGES.items():
            for name, said in RANGES.items():
                took_s = min(_chosen(browser, f"{url}?{query}&range=8h", name) for _ in range(ROUNDS))
                year = name == "365d"
                rows.append(
                    Row(
                        f"{kind}: {page}, {said} chosen, to its figures",
                        took_s,
                        "s",
                        "its atoms read from the store" if year else "",
                        took_s / atoms_s if year else None,
                        Budget("value", "most", 1) if year else None,
                    )
                )
        browser.get("about:blank")
        rows.append(Row(f"{kind}: the app, resident", process.memory_info().rss / 1e6, "MB"))
    return rows


def _opened(browser: webdriver.Chrome, url: str) -> tuple[float, float]:
    """Seconds to the first paint, and to the figures, of a page that is opened for the first time."""
    browser.get(f"{url}?screen=overview&range=8h&theme=light")
    figures_ms = float(browser.execute_async_script(_FIGURES))
    return float(browser.execute_script(_PAINTED)) / 1000, figures_ms / 1000


def _chosen(browser: webdriver.Chrome, url: str, name: str) -> float:
    """Seconds from a click on a range to its figures, on a page that nobody looked at in that range."""
    browser.get(url)
    browser.execute_async_script(_FIGURES)
    return float(browser.execute_async_script(_CHOOSE, name)) / 1000


def _all_atoms(site: Site, end_ns: int) -> None:
    store = opened_store(site)
    store.read("kpi", "atom", start_ns=end_ns - DAYS * DAY_NS, end_ns=end_ns)
    store.close()


def _best(work: Callable[[], object]) -> float:
    took = []
    for _ in range(2):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return min(took)


async def _many(site: Site) -> Row:
    """Processor time of the app for a round of one open page, and of many, while machines run."""
    took = {}
    store = opened_store(site)
    with running(site, store), app(site) as (url, process):
        for count in (1, MANY):
            async with lookers(url, "?line=line&theme=light", count) as pages:
                took[count] = await round_s(process, pages, MANY_ROUNDS)
    store.close()
    return Row(
        f"embedded: a round of {MANY} open pages of a running line, processor time",
        took[MANY] * 1000,
        "ms",
        f"of one page: {took[1] * 1000:.0f} ms",
        took[MANY] / took[1],
        Budget("ratio", "most", 1.5),
    )
