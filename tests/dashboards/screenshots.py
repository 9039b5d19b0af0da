"""Pictures of every page, to be looked at: ``python -m tests.dashboards.screenshots FOLDER``."""

from __future__ import annotations

import argparse
import base64
from itertools import product
from pathlib import Path

from selenium import webdriver

from tests.dashboards.browser import chromium, sized
from tests.dashboards.full import NASTY, Full
from tests.dashboards.pages import PAGES, SIZES
from tests.dashboards.serving import served
from tests.dashboards.test_page import attribute, until


def taken(driver: webdriver.Chrome, path: Path, *, whole: bool = True) -> None:
    """Take the page that is shown, down to its foot."""
    asked = {"format": "png", "captureBeyondViewport": whole}
    path.write_bytes(base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]))


def main() -> None:
    """Take them all, or those that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", help="of a running app; default: a made-up fieldlab")
    parser.add_argument("--pages", nargs="*", default=list(PAGES))
    parser.add_argument("--languages", nargs="*", default=["nl", "en"])
    parser.add_argument("--themes", nargs="*", default=["light", "dark"])
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    parser.add_argument("--query", default="&range=24h")
    parser.add_argument("--nasty", action="store_true", help="with names that try to be code, or too long")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.url:
        _all(args, args.url)
        return
    with served(Full(NASTY if args.nasty else None), interval_s=1) as address:
        _all(args, address.url)


def _all(args: argparse.Namespace, url: str) -> None:
    with chromium() as driver:
        for page, language, theme in product(args.pages, args.languages, args.themes):
            driver.get(f"{url}{PAGES.get(page, page)}&lang={language}&theme={theme}{args.query}")
            until(lambda: attribute(driver, "figures", "data-start-ns"), f"{page} in {language}", 30)
            for size in args.sizes:
                sized(driver, *SIZES[size])
                driver.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 150))")
                height = driver.execute_script("return document.documentElement.scrollHeight")
                sized(driver, SIZES[size][0], max(height, SIZES[size][1]))
                driver.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 150))")
                taken(driver, args.folder / f"{page}-{language}-{theme}-{size}.png")


if __name__ == "__main__":
    main()
