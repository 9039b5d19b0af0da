"""Pages over what nobody hopes for: no data, names that are code, machines that come and go."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, sized
from tests.dashboards.fakes import HOUR_NS, NS, START_NS
from tests.dashboards.full import NASTY, Full
from tests.dashboards.looking import STICKS_OUT, WORDS
from tests.dashboards.pages import PAGES, SIZES
from tests.dashboards.serving import served
from tests.dashboards.test_app_pages import fetched, words
from tests.dashboards.test_every_page import opened
from tests.dashboards.test_page import attribute, click, text, until

CHOSEN = "return document.querySelector(`[data-testid='choose-shift']`).value"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all pages."""
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_complaint(driver: webdriver.Chrome) -> Iterator[None]:
    """Whatever comes, nothing breaks in the browser."""
    sized(driver, *SIZES["laptop"])
    yield
    assert complaints(driver) == []


def leave(driver: webdriver.Chrome) -> None:
    """Before the server goes: a page that is left behind complains."""
    driver.get("about:blank")


def test_names_that_try_to_be_code_stay_names(driver) -> None:
    """In text, titles, labels, pictures and files: quotes, tags, emoji, right to left, long without end."""
    with served(Full(NASTY)) as address:
        for page in PAGES:
            for size in ("phone", "laptop"):
                sized(driver, *SIZES[size])
                opened(driver, address, page)
                assert driver.execute_script(STICKS_OUT) == [], (page, size)
            assert driver.title != "owned"
            tags = (
                "img[src=x], [onerror], [onload], [onmouseover], .page :is(script, b, u, i:not([class]), svg)"
            )
            assert driver.find_elements(By.CSS_SELECTOR, tags) == []
            said = driver.execute_script(WORDS)
            assert NASTY["company"] in said
            if page in ("line", "machine"):
                assert NASTY["m1"] in said
                assert NASTY["reason"] in said
                assert "=HYPERLINK" in driver.find_element(By.CSS_SELECTOR, ".pareto tbody").text
        _, body = fetched(address, "export/pareto.csv?machine=m1&range=24h&lang=nl")
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))
        assert f"'{NASTY['reason']}" in [row[0] for row in rows]
        leave(driver)


def test_a_name_from_right_to_left_does_not_turn_its_sentence() -> None:
    """The figure stays behind the name it belongs to."""
    from dashboards.wording import say  # noqa: PLC0415 - beside what it is about

    said = say("data_quality.silent", "en", machine=NASTY["m2"])
    assert said == f"\u2068{NASTY['m2']}\u2069: no data in this period."


def test_a_store_without_data_and_a_range_to_come_are_said(driver) -> None:
    """A freshly started store; and next year."""
    screens = Full()
    with served(screens) as address:
        for page, query in PAGES.items():
            screens.first = None
            driver.get(f"{address.url}{query}&lang=nl&range=24h")
            until(lambda: text(driver, "waiting").startswith("Wacht op de eerste gegevens…"), page)
            screens.first = START_NS
            until(lambda: attribute(driver, "figures", "data-start-ns"), "the first data")
            driver.get(f"{address.url}{query}&lang=nl&from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z")
            if page != "experiment":
                until(lambda: "toekomst" in text(driver, "notice"), page)
            until(lambda: attribute(driver, "figures", "data-start-ns"), "the page")
            assert driver.execute_script(STICKS_OUT) == []
            saves = driver.find_elements(By.CSS_SELECTOR, "main .png, #figures .png")
            assert page == "experiment" or [e for e in saves if e.is_displayed()] == [], page
        leave(driver)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0206-11-24T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("1", "9" * 26),
        ("1969-12-31T00:00:00Z", "1970-01-02T00:00:00Z"),
        ("2117-01-01T00:00:00Z", "2117-01-02T00:00:00Z"),
    ],
)
def test_a_slip_in_a_year_is_said_and_holds_nobody_up(start, end) -> None:
    """No page of an error, and no days counted for minutes, while everybody else waits."""
    with served(Full()) as address:
        began = time.monotonic()
        status, body = fetched(address, f"?line=milling&lang=en&from={start}&to={end}")
        assert status == 200
        assert "is longer than 20 years or not between 1970 and 2116; this is" in body.decode()
        assert fetched(address, f"export/stops.csv?line=milling&from={start}&to={end}")[0] == 404
        assert fetched(address, "export/stops.csv?line=milling&range=8h")[0] == 200
        assert time.monotonic() - began < 60.0


def test_a_file_of_a_store_that_is_away_is_said_to_be_for_later() -> None:
    """Not as an error of the app's own."""
    screens = Full()
    with served(screens) as address:
        screens.broken = True
        status, body = fetched(address, "export/stops.csv?machine=m1&range=8h&lang=nl")
        assert (status, body.decode()[:38]) == (503, "De gegevens zijn nu niet te lezen. Pro")


class Gone(Full):
    """Of m3 the store knows nothing, m2 is silent, and m9 is in the store alone."""

    def __init__(self) -> None:
        super().__init__()
        self.kept["raw", "link"].append(
            {"gateway": "edge1", "source": "plc", "machine": "m9", "up": 0.0, "time_ns": self.now}
        )
        self.kept["raw", "gap"].append(
            {"machine": "none", "reason": "flood", "time_ns": self.now - NS, "to_ns": self.now, "count": 1.0}
        )
        for kind in ("experiment_result", "baseline"):
            self.kept["kpi", kind].append(
                self.kept["kpi", kind][0]
                | {"experiment": "gone" if "res" in kind else "none", "machine": "m9"}
            )

    def _lived(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
        if machine == "m3":
            return []
        end_ns = min(end_ns, self.now)
        if machine == "m2":
            return [(start_ns, end_ns, "unknown")] if start_ns < end_ns else []
        return super()._lived(machine, start_ns, end_ns)


def test_machines_that_vanished_are_new_or_are_silent(driver) -> None:
    """Each is said in words; none takes a page with it."""
    with served(Gone()) as address:
        for page in PAGES:
            opened(driver, address, page)
            assert driver.execute_script(STICKS_OUT) == []
        until(lambda: "m9" in words(driver, "rows-links"), "the connection of a machine that is no more")
        assert "flood" in words(driver, "rows-gaps")
        assert "Alle machines" in words(driver, "rows-gaps")
        opened(driver, address, "overview")
        said = words(driver, "quality")
        assert "Verpakking: geen gegevens in deze periode." in said
        assert "Pers: geen gegevens in deze periode." in said
        driver.get(f"{address.url}?machine=m3&lang=nl&range=24h")
        until(lambda: attribute(driver, "figures", "data-machine") == "m3", "the machine without data")
        assert "Niet te zeggen: er zijn nog geen gegevens" in driver.find_element(By.CLASS_NAME, "hero").text
        driver.get(f"{address.url}?machine=m9&lang=nl&range=24h")
        until(lambda: "m9” is geen machine" in text(driver, "notice"), "the machine that is no more")
        opened(driver, address, "experiment")
        assert driver.find_elements(By.CSS_SELECTOR, ".outcome h3")[1:] == []
        leave(driver)


class Stuttering(Full):
    """A machine that stopped ten thousand times."""

    def stops(
        self, start_ns: int, end_ns: int, machines: Any, most: int | None = None
    ) -> list[dict[str, Any]]:
        """One every ten seconds."""
        state = {"line": "milling", "state": "stopped", "minor": True, "within_s": 5.0, "planned_s": 5.0}
        assert start_ns < end_ns
        found = [
            {"machine": machines[0], "start_ns": START_NS + i * 10 * NS,
             "end_ns": START_NS + (i * 10 + 5) * NS, "reason": f"reason {i % 50}", **state}
            for i in range(10_000)
        ]  # fmt: skip
        return found if most is None else found[-most:]


def test_ten_thousand_stops_leave_the_page_quick_and_say_how_many_there_are(driver) -> None:
    """The newest are there; the rest is in the file."""
    with served(Stuttering()) as address:
        began = time.monotonic()
        opened(driver, address, "machine")
        assert time.monotonic() - began < 10.0
        assert text(driver, "more-stops").replace("\u202f", " ").startswith("De eerste 50 van 10 000;")
        assert len(driver.find_elements(By.CSS_SELECTOR, "[data-testid='rows-stops'] tr")) == 50
        status, body = fetched(address, "export/stops.csv?machine=m1&range=all&lang=nl")
        assert status == 200
        assert body.count(b"\r\n") == 10_001
        leave(driver)


def test_a_page_that_stays_open_over_a_shift_change_offers_the_new_shift(driver) -> None:
    """Before there are any data too; and one that was looked at can be chosen again after another range."""
    screens = Full()
    morning, afternoon = (str(START_NS + hours * HOUR_NS) for hours in (23, 31))
    now_ns = screens.now
    screens.now = None  # type: ignore[assignment]  # a store without data

    def offered() -> list[str]:
        return driver.execute_script(
            "return [...document.querySelectorAll(`[data-testid='choose-shift'] option`)].map(o => o.value)"
        )

    def choose(key: str) -> None:
        """As soon as it can be: the picker is drawn anew whenever what it offers changes."""

        def chosen() -> bool:
            picker = driver.find_element(By.CSS_SELECTOR, "[data-testid='choose-shift']")
            Select(picker).select_by_value(key)
            return True

        until(chosen, f"{key} can be chosen")

    with served(screens) as address:
        driver.get(f"{address.url}?line=milling&lang=nl")
        until(lambda: text(driver, "waiting"), "no data yet", 20)
        click(driver, "choose-own")
        assert offered() == []
        screens.now = now_ns
        until(lambda: morning in offered(), "the shift of now")
        assert afternoon not in offered()
        screens.now = now_ns + 65 * 60 * NS  # five past two
        until(lambda: offered()[1] == afternoon, "the shift that has begun since")
        for _ in range(2):
            choose(morning)
            until(lambda: attribute(driver, "range-custom", "aria-pressed") == "true", "the shift")
            until(lambda: driver.execute_script(CHOSEN) == morning, "the shift is marked")
            with pytest.raises(NotImplementedError, match="disabled"):
                choose("")
            click(driver, "range-8h")
            until(lambda: driver.execute_script(CHOSEN) == "", "no shift is marked")
        leave(driver)


def test_a_shift_that_a_link_asked_for_is_marked_once_it_is_offered(driver) -> None:
    """Its link may be opened before it begins."""
    screens = Full()
    begin_ns, end_ns = START_NS + 31 * HOUR_NS, START_NS + 39 * HOUR_NS
    with served(screens) as address:
        driver.get(f"{address.url}?line=milling&lang=nl&from={begin_ns}&to={end_ns}")
        until(lambda: "toekomst" in text(driver, "notice"), "a shift to come")
        assert driver.execute_script(CHOSEN) == ""
        screens.now = begin_ns + 5 * 60 * NS
        until(lambda: driver.execute_script(CHOSEN) == str(begin_ns), "the shift is marked")
        leave(driver)
