"""The pages' tables and files, reasons that operators give, ranges that visitors choose."""

from __future__ import annotations

import csv
import errno
import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from dashboards.app import Address
from dashboards.boards import quality
from dashboards.errors import ReasonRefused
from dashboards.parts import TABLES, parts, tables
from dashboards.screens import Row
from dashboards.sheets import COLUMNS, as_csv, as_parquet
from dashboards.snapshot import Answers, take
from dashboards.view import Span, View
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, sized
from tests.dashboards.fakes import HOUR_NS, NS, START_NS, FakeScreens, site
from tests.dashboards.looking import AXE, axe
from tests.dashboards.pages import PAGES, SIZES
from tests.dashboards.serving import served
from tests.dashboards.test_page import attribute, click, text, until

browser = pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
GAP = {"machine": "m2", "reason": "outage", "time_ns": START_NS + HOUR_NS, "to_ns": START_NS + 2 * HOUR_NS,
       "count": 40.0}  # fmt: skip


def kept(screens: FakeScreens) -> None:
    """What gateways and experiments left in the store."""
    screens.kept["raw", "gap"] = [GAP]
    screens.kept["raw", "gateway"] = [
        {"gateway": "edge1", "time_ns": screens.now, "received": 10.0, "stored": 8.0, "replaced": 1.0,
         "dead": 0.0, "waiting": 1.0, "lag_s": 0.2}
    ]  # fmt: skip


@pytest.fixture(scope="module")
def screens() -> FakeScreens:
    """Six hours of data."""
    made = FakeScreens()
    kept(made)
    return made


@pytest.fixture(scope="module")
def address(screens) -> Iterator[Address]:
    """The app over them."""
    with served(screens) as found:
        yield found


@pytest.fixture(scope="module")
def driver(address) -> Iterator[webdriver.Chrome]:
    """One browser for all pages."""
    with chromium() as found:
        yield found


@browser
@pytest.mark.browser
def test_an_operator_gives_a_reason_with_a_thumb(driver, address, screens) -> None:
    """The newest stop gets a reason under a code; table and Pareto follow; a store away is said."""
    sized(driver, *SIZES["phone"])
    driver.get(f"{address.url}?machine=m1&range=all&lang=en")
    newest = max(screens.stops(START_NS, screens.now, ["m1"]), key=lambda s: s["start_ns"])["start_ns"]
    until(lambda: attribute(driver, f"assign-m1-{newest}", "type"), "the stop")
    click(driver, f"assign-m1-{newest}")
    # It is scrolled to and then given the focus: before that a press may go where it was.
    until(
        lambda: driver.switch_to.active_element.get_attribute("data-testid") == "choice-material", "the form"
    )
    click(driver, "choice-jam")
    until(lambda: "Give your code" in text(driver, "assign-said"), "what is missing")
    assert screens.reasons == {}
    driver.find_element(By.CSS_SELECTOR, "[data-testid='assign-by']").send_keys("ok7")
    until(lambda: _answered(driver), "the answer")
    assert screens.reasons == {("m1", newest): ("Vastgelopen", "ok7")}
    until(lambda: words(driver, f"reason-m1-{newest}") == "Vastgelopen", "the reason in the table")
    until(lambda: "Vastgelopen" in words(driver, "rows-pareto"), "the reason in the Pareto")
    assert complaints(driver) == []


def words(driver: webdriver.Chrome, testid: str) -> str:
    """The text of a marked element that may be drawn anew at any moment."""
    script = "return document.querySelector(`[data-testid='${arguments[0]}']`)?.textContent ?? ''"
    return driver.execute_script(script, testid)


def _answered(driver: webdriver.Chrome) -> bool:
    click(driver, "choice-jam")
    return "Saved" in text(driver, "assign-said")


@browser
@pytest.mark.browser
@pytest.mark.parametrize(
    ("why", "said"),
    [
        (ReasonRefused("m1: older than is kept"), "the store refuses this reason"),
        (PermissionError(errno.EACCES, "Permission denied", "data.db"), "cannot be reached right now"),
    ],
    ids=["refused", "a file that may not be written"],
)
def test_a_reason_that_is_not_kept_is_said_and_why_is_in_the_log(
    driver, address, screens, monkeypatch, caplog, why, said
) -> None:
    """What passes can be tried again; what the store will never take need not be."""

    def assign(*_: object) -> None:
        raise why

    monkeypatch.setattr(screens, "assign", assign)
    driver.get(f"{address.url}?machine=m1&range=all&lang=en")
    newest = max(screens.stops(START_NS, screens.now, ["m1"]), key=lambda s: s["start_ns"])["start_ns"]
    until(lambda: attribute(driver, f"assign-m1-{newest}", "type"), "the stop")
    click(driver, f"assign-m1-{newest}")
    until(
        lambda: driver.switch_to.active_element.get_attribute("data-testid") == "choice-material", "the form"
    )
    driver.find_element(By.CSS_SELECTOR, "[data-testid='assign-by']").send_keys("ok7")

    def told() -> bool:
        click(driver, "choice-jam")
        return said in text(driver, "assign-said")

    until(told, "what became of it")
    assert str(why) in caplog.text
    assert "ok7" not in caplog.text


@browser
@pytest.mark.browser
def test_a_shift_or_two_moments_make_a_range_and_the_address_says_it(driver, address) -> None:
    """From and to on the fieldlab's own clock."""
    sized(driver, *SIZES["laptop"])
    driver.get(f"{address.url}?line=milling&lang=en")
    until(lambda: attribute(driver, "figures", "data-start-ns"), "the page")
    click(driver, "choose-own")
    click(driver, "choose-show")
    until(lambda: "such as 2026-11-24 06:00" in text(driver, "choose-said"), "what is missing")
    fill = (
        "const e = document.querySelector(`[data-testid='${arguments[0]}']`); e.value = arguments[1];"
        "e.dispatchEvent(new Event('change'))"
    )
    driver.execute_script(fill, "choose-from", "23-11-2026 8:00")
    driver.execute_script(fill, "choose-to", "2026-11-23 09:30")

    def shown() -> bool:
        click(driver, "choose-show")
        return attribute(driver, "figures", "data-start-ns") == str(START_NS + HOUR_NS)

    until(shown, "the range")
    asked = "from=2026-11-23T07%3A00%3A00Z&to=2026-11-23T08%3A30%3A00Z"
    until(lambda: asked in driver.current_url, "the range in the address")
    driver.get(f"{address.url}?line=milling&lang=en&from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z")
    until(lambda: "lies in the future" in text(driver, "notice"), "the future")


def fetched(address: Address, path: str) -> tuple[int, bytes]:
    """Status and body of a path."""
    try:
        with urllib.request.urlopen(address.url + path, timeout=60) as answer:  # noqa: S310 - ours
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_every_table_of_every_page_is_a_file_that_excel_and_python_read(address, screens) -> None:
    """Semicolons, decimal commas and a byte order mark; the same rows as Parquet."""
    pa = pytest.importorskip("pyarrow.parquet")
    for page, query in PAGES.items():
        machine = "m1" if page == "machine" else None
        view = View(machine, "milling", screen="line" if machine else page)
        assert tables(view) == TABLES[page]
        for name in TABLES[page]:
            status, body = fetched(address, f"export/{name}.csv{query}&range=all&lang=nl")
            assert status == 200, (page, name)
            assert body[:3] == b"\xef\xbb\xbf"
            rows = list(csv.reader(io.StringIO(body[3:].decode()), delimiter=";"))
            heads = [c.title("nl") + " [s]" * (c.kind == "seconds") for c in COLUMNS[name]]
            assert rows[0] == heads
            status, whole = fetched(address, f"export/{name}.parquet{query}&range=all")
            assert status == 200
            assert pa.read_table(io.BytesIO(whole)).num_rows == len(rows) - 1
    (row,) = screens.kpis(START_NS, screens.now, ("machine",), ["m1"])
    _, body = fetched(address, "export/by_machine.csv?machine=m1&range=all&lang=nl")
    line = body.decode("utf-8-sig").splitlines()[1].split(";")
    assert float(line[1].replace(",", ".")) == pytest.approx(row["oee_index"], rel=1e-11)


def test_a_file_is_named_by_what_it_is_of_and_its_numbers_have_their_unit(address) -> None:
    """Two weeks of a table side by side in a folder are not taken for each other; seconds are not minutes."""
    ends = "from=2026-11-23T07:00:00Z&to=2026-11-23T08:30:00Z&lang=nl"
    with urllib.request.urlopen(f"{address.url}export/stops.csv?machine=m1&{ends}", timeout=10) as answer:  # noqa: S310 - ours
        assert (
            'filename="demo-m1-stops-20261123T0800-20261123T0930.csv"'
            in answer.headers["Content-Disposition"]
        )
        head = answer.read().decode("utf-8-sig").splitlines()[0].split(";")
    assert head[2:4] == ["Duur in deze periode [s]", "Waarvan gepland [s]"]
    written = as_csv("links", [{"machine": "m1", "up": 0.0}, {"machine": "m2", "up": 1.0}], site(), "nl")
    assert [line.split(";")[1] for line in written.decode().splitlines()] == ["Verbonden", "nee", "ja"]


def test_a_table_that_is_not_there_is_said(address) -> None:
    """No such table, machine or kind."""
    assert fetched(address, "export/nothing.csv?line=milling")[0] == 404
    assert "“a b”".encode() in fetched(address, "export/a%0d%0ab.csv?line=milling")[1]
    status, body = fetched(address, "export/stops.csv?machine=m9&lang=nl")
    assert (status, "“m9”; dat is er niet" in body.decode()) == (404, True)
    assert fetched(address, "export/stops.exe?machine=m1")[0] in (404, 422)


def test_a_text_that_begins_like_a_formula_is_no_formula() -> None:
    """A reason that somebody typed may not run in somebody else's Excel."""
    rows: list[Row] = [{"reason": '=HYPERLINK("x")', "count": 2, "minutes": 1234.5, "share": None}]
    body = as_csv("pareto", rows, site(), "nl").decode("utf-8-sig")
    assert body.splitlines()[1] == '"\'=HYPERLINK(""x"")";2;1234,5;'
    assert as_parquet("pareto", rows)[:4] == b"PAR1"


def test_data_quality_is_said_in_sentences() -> None:
    """What was not seen, what is missing, and a cycle time that cannot be."""
    screens = FakeScreens()
    kept(screens)
    snapshot = take(View(None, "milling", "all"), Answers(screens))
    said = quality(snapshot, screens.site, "en")
    assert any(s.startswith("Pers: 40 samples are surely missing (1 gap: connection lost)") for s in said)
    assert any(s.startswith("Pers: ") and "planned time is unknown" in s for s in said)
    rows = [dict(r) for r in snapshot.parts["by_machine"]]
    rows[0] |= {"effectiveness": 1.15, "actual_production_time_s": 3480.0, "produced_quantity": 100.0}
    snapshot.parts["by_machine"] = rows
    (cycle,) = [s for s in quality(snapshot, screens.site, "en") if "ideal_cycle_time_s" in s]
    assert "115.0" in cycle
    assert "a part took 34.8 s" in cycle
    fine = take(View("m1", "milling", "all", screen="line"), Answers(FakeScreens()))
    (said_fine,) = quality(fine, site(), "en")
    assert said_fine.startswith("Good: all planned time was seen, no samples are missing")


class Stuttering(FakeScreens):
    """A machine that stopped ten thousand times."""

    def stops(self, start_ns, end_ns, machines, most=None) -> list[dict[str, Any]]:
        """One a second."""
        assert machines == ["m1"]
        assert start_ns < end_ns
        state = {"line": "milling", "state": "stopped", "minor": True, "within_s": 0.5, "planned_s": 0.5}
        return [
            {"machine": "m1", "start_ns": START_NS + i * NS, "end_ns": START_NS + i * NS + NS // 2,
             "reason": f"reason {i % 50}", **state}
            for i in range(10_000 - (most or 10_000), 10_000)
        ]  # fmt: skip


def test_of_ten_thousand_stops_the_page_shows_the_newest_and_the_file_all() -> None:
    """Whole in the Pareto, whatever is shown."""
    screens = Stuttering()
    snapshot = take(View("m1", "milling", "all"), Answers(screens))
    starts = [s["start_ns"] for s in snapshot.parts["stops"]]
    assert starts == [START_NS + i * NS for i in range(9_999, 9_799, -1)]
    assert sum(row["count"] for row in snapshot.parts["pareto"]) == 10_000
    at = Span(START_NS, screens.now)
    assert len(parts(screens, snapshot.view, at, ["m1"], whole=True, only="stops")["stops"]) == 10_000


class Slightly(FakeScreens):
    """A machine that hardly lost anything."""

    def losses(self, start_ns, end_ns, by, machines) -> list[dict[str, Any]]:
        """Two losses that are told as 0.0 %, and two that are none."""
        assert (start_ns, end_ns, by, machines) == (START_NS, START_NS + HOUR_NS, (), ["m1"])
        shares = {"planned_time": 1.0, "minor_stop": 0.0004, "speed": -0.0004, "setup": 0.0, "quality": None}
        return [{"loss": name, "share": share, "minutes": share} for name, share in shares.items()]


def test_a_loss_that_is_too_small_to_show_is_in_the_file() -> None:
    """Of nothing there is no row in either."""
    screens, at = Slightly(), Span(START_NS, START_NS + HOUR_NS)
    view = View("m1", "milling", "all")
    shown, whole = (
        [row["loss"] for row in parts(screens, view, at, ["m1"], whole=w, only="losses")["losses"]]
        for w in (False, True)
    )
    assert (shown, whole) == (["planned_time"], ["planned_time", "minor_stop", "speed"])


@browser
@pytest.mark.browser
@pytest.mark.parametrize(("language", "written"), [("nl", "23-11-2026 08:00"), ("en", "2026-11-23 08:00")])
def test_the_browsers_calendar_writes_a_date_in_the_pages_language(
    driver, address, language, written
) -> None:
    """Whatever the browser's language is; what it wrote is the range, and axe finds nothing in it."""
    sized(driver, *SIZES["laptop"])
    driver.get(f"{address.url}?line=milling&lang={language}")
    until(lambda: attribute(driver, "figures", "data-start-ns"), "the page")
    click(driver, "choose-own")
    pick = (
        "const e = document.querySelectorAll('.picker .native')[arguments[0]]; e.value = arguments[1];"
        "e.dispatchEvent(new Event('change'))"
    )
    for i, value in enumerate(("2026-11-23T08:00", "2026-11-23T09:30")):
        driver.execute_script(pick, i, value)
    field = driver.find_element(By.CSS_SELECTOR, "[data-testid='choose-from']")
    until(lambda: field.get_attribute("value") == written, "the date")
    assert not AXE.exists() or axe(driver) == []

    def shown() -> bool:
        click(driver, "choose-show")
        return attribute(driver, "figures", "data-start-ns") == str(START_NS + HOUR_NS)

    until(shown, "the range")
    until(lambda: field.get_attribute("value") == written, "what was typed stays")
    driver.execute_script(
        "HTMLInputElement.prototype.showPicker = function () { window.opened = this.value }"
    )
    driver.find_element(By.CSS_SELECTOR, ".picker .calendar").click()
    until(lambda: driver.execute_script("return window.opened") == "2026-11-23T08:00", "the calendar of it")
