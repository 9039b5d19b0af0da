"""The page of a running demo and ``fieldlab kpi`` show one answer."""

import re
import time
from datetime import UTC, datetime

import pytest
from selenium.webdriver.common.by import By

from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, requested_hosts
from tests.dashboards.test_page import PASSING
from tests.fieldlab.command import demo as running
from tests.fieldlab.command import figures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
KPIS = ("oee_index", "availability", "effectiveness", "quality_ratio", "coverage", "energy_per_good_unit_kwh")
PARTS = ("produced_quantity", "good_quantity")
START = "2026-01-05T07:00:00Z"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The address of a running demo's page, and its config."""
    folder = tmp_path_factory.mktemp("page") / "data"
    with running(folder, "--speed", 120) as url:
        yield url, folder / "demo.yaml"


@pytest.fixture(scope="module")
def browser():
    """A laptop's browser."""
    with chromium() as found:
        yield found


def until(true, what, seconds=120):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    missed = None
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except PASSING as error:
            missed = error
        time.sleep(0.1)
    raise AssertionError(f"never: {what() if callable(what) else what}") from missed


def element(browser, testid):
    """An element by its test id."""
    return browser.find_element(By.CSS_SELECTOR, f'[data-testid="{testid}"]')


def span(browser):
    """The range shown, as RFC 3339."""
    box = element(browser, "figures")
    ends = (box.get_attribute("data-start-ns"), box.get_attribute("data-end-ns"))
    return ends if all(ends) else None


def rfc3339(time_ns):
    """UTC nanoseconds of a whole second."""
    return datetime.fromtimestamp(int(time_ns) // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(browser, names):
    """The numbers on the page, exactly."""
    values = [element(browser, name).get_attribute("data-value") for name in names]
    return {name: float(value) if value else None for name, value in zip(names, values, strict=True)}


def differences(browser, config, machine):
    """What the page and the command say differently of the page's own range."""
    start, end = span(browser)
    page = shown(browser, (*KPIS, *PARTS))
    rows = figures(config, "--from", rfc3339(start), "--to", rfc3339(end), "--by", "machine")
    row = next(r for r in rows if r["machine"] == machine)
    return {n: (v, row[n]) for n, v in page.items() if v is None or v != pytest.approx(row[n], rel=1e-6)}


def test_numbers_come_by_themselves_and_a_machine_and_a_range_can_be_chosen(demo, browser):
    """First the whole line; then one machine, then another range, by clicking."""
    url, _ = demo
    browser.get(f"{url}?line=line1")
    until(lambda: span(browser) and shown(browser, ["oee_index"])["oee_index"] is not None, "a first number")
    element(browser, "scope-press1").click()
    until(lambda: element(browser, "figures").get_attribute("data-machine") == "press1", "the press")
    element(browser, "range-15m").click()
    until(lambda: int(span(browser)[1]) - int(span(browser)[0]) <= 20 * 60 * 10**9, "a quarter of an hour")
    until(
        lambda: {"range=15m", "machine=press1"} <= set(re.split("[?&]", browser.current_url)),
        "the range and the machine in the address",
    )
    assert complaints(browser) == []
    assert requested_hosts(browser) == {"127.0.0.1"}


@pytest.mark.parametrize("machine", ["mill1", "press1", "oven1", "pack1"])
def test_a_settled_range_shows_what_kpi_prints(demo, browser, machine):
    """Every figure of the first ten minutes, to the last digit that is stored."""
    url, config = demo
    until(lambda: figures(config)[0]["machines_availability"] is not None, "data")
    end = "2026-01-05T07:10:00Z"
    browser.get(f"{url}?machine={machine}&from={START}&to={end}&lang=en")
    until(
        lambda: span(browser) and element(browser, "figures").get_attribute("data-machine") == machine,
        "the range",
    )
    until(
        lambda: (rfc3339(span(browser)[0]), rfc3339(span(browser)[1])) == (START, end), "ten minutes of data"
    )
    # The last reading of energy may come after the last minute: the page is a round behind the command.
    said = []
    until(
        lambda: said.append(differences(browser, config, machine)) or not said[-1],
        lambda: f"the same figures; (page, command): {said[-1]}",
    )
