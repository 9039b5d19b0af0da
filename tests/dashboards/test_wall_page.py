"""The wall in a real browser: at the sizes of walls, while the app is away and back, and for many days."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from dashboards.app import Address
from fieldlab_configs import parse
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, requested_hosts, sized
from tests.dashboards.fakes import CONFIG, NS, FakeScreens
from tests.dashboards.looking import AXE, axe
from tests.dashboards.serving import served
from tests.dashboards.test_app_pages import words
from tests.dashboards.test_page import attribute, text, until, within_moments
from tests.dashboards.test_wall_facts import SHIFTS, Silent

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
SIZES = ((1920, 1080), (1280, 720), (3840, 2160), (1080, 1920))
LONG = "Vijfassig bewerkingscentrum met palletwisselaar en robot"
# Text that sticks out of its box or the screen, and text too small to read from five metres.
MISFITS = """
const found = [], least = Math.min(innerHeight, innerWidth) * 20 / 1080;
for (const e of document.querySelectorAll('#wall *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own) continue;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const cut = style.textOverflow === 'ellipsis';
  const within = (o) => box.right <= o.right + 1 && box.bottom <= o.bottom + 1 && box.top >= o.top - 1;
  const card = e.closest('.tile, .figures, .strip > div')?.getBoundingClientRect();
  const screen = {right: innerWidth, bottom: innerHeight, top: 0};
  const name = e.className || e.tagName;
  if (!within(screen) || (card && !cut && !within(card))) found.push(['out', name, e.textContent]);
  if (parseFloat(style.fontSize) < least && name !== 'unit') found.push(['small', name, style.fontSize]);
}
const page = document.documentElement;
if (page.scrollWidth > innerWidth || page.scrollHeight > innerHeight) found.push(['scrolls']);
return found;
"""

# Whether each machine has its state as a word and as a shape, beside its colour.
TOLD = """
return [...document.querySelectorAll('.tile')].map(t =>
  t.querySelector('.state b').textContent.length > 2 &&
  t.querySelector('svg.icon path').getBBox().width > 5);
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all."""
    with chromium(1920, 1080) as found:
        yield found


@pytest.fixture
def screens() -> Silent:
    """Six hours of an early shift; two machines have fallen silent."""
    return Silent()


@pytest.fixture
def address(screens) -> Iterator[Address]:
    """The app over them."""
    with served(screens) as found:
        yield found


def hangs(driver: webdriver.Chrome, url: str) -> None:
    """Open a wall and wait for its content."""
    driver.get(url)
    until(lambda: attribute(driver, "wall", "data-lines"), "the wall")


def test_in_both_languages_and_themes_at_every_size_all_is_seen(driver, address) -> None:
    """Nothing sticks out, scrolls or is small; each state has its word and shape; nobody else is asked."""
    for language, expected in (
        ("nl", ("OEE deze dienst", "Onbekend", "Geen gegevens sinds 11:20", "Bijgewerkt 13:00:00")),
        ("en", ("OEE this shift", "Unknown", "No data since 11:20", "Updated 13:00:00")),
    ):
        for theme in ("dark", "light"):
            hangs(driver, f"{address.url}wall?line=milling&language={language}&theme={theme}")
            assert driver.execute_script("return document.documentElement.lang") == language
            told = driver.find_element(By.ID, "wall").text
            assert [w for w in expected if w not in told] == []
            for size in SIZES:
                sized(driver, *size)
                assert driver.execute_script(MISFITS) == [], (language, theme, size)
            assert driver.execute_script(TOLD) == [True] * 3
    sized(driver, *SIZES[0])
    driver.get("about:blank")
    assert complaints(driver) == []
    assert requested_hosts(driver) <= {"127.0.0.1"}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here: tools/peers.sh, with npm")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(driver, address, theme) -> None:
    """Contrast, headings, names: on the wall, and on the page of a line that is not there."""
    hangs(driver, f"{address.url}wall?language=nl&theme={theme}")
    assert axe(driver) == []
    driver.get(f"{address.url}wall?line=nothing&language=en&theme={theme}")
    assert axe(driver) == []
    driver.get_log("browser")  # that page is a 404, and the browser says so


@pytest.mark.parametrize("machines", [1, 3, 5, 12])
@pytest.mark.parametrize("lines", [1, 2])
def test_many_machines_and_long_names_fit(driver, machines, lines) -> None:
    """One to twelve on a line, one line and two, each with a name that is too long."""
    one = "signals: {state: {item: s}, total_count: {item: t}}, states: packml, ideal_cycle_time_s: 0.01"
    config = CONFIG.split("lines:")[0] + "lines:\n"
    for line in range(lines):
        config += f"  - id: l{line}\n    name: {LONG}\n    machines:\n"
        config += "".join(f"      - {{id: x{line}-{i}, name: {LONG} {i}, {one}}}\n" for i in range(machines))

    class Many(FakeScreens):
        def __init__(self) -> None:
            super().__init__()
            self._site = parse(config + SHIFTS)
            self.shift = {"shift": "early", "shift_date": "2026-11-23"}

        def _lived(self, machine: str, start_ns: int, end_ns: int) -> list[tuple[int, int, str]]:
            return super()._lived(f"m{1 + int(machine[-1]) % 3}", start_ns, end_ns)

        def row(self, machines, start, end, *, line):
            return super().row(machines, start, end, line=line) | {"line_good_quantity": 123_456.0}

        def kpis(self, start_ns, end_ns, by=(), machines=None):
            rows = super().kpis(start_ns, end_ns, by, machines)
            return [r | {"line": f"l{i}"} for r in rows for i in range(lines)] if by[0] == "line" else rows

    with served(Many()) as address:
        hangs(driver, f"{address.url}wall?language=nl")
        found = [f for f in driver.execute_script(MISFITS) if f[0] != "small" or machines * lines <= 5]
        assert found == []
        driver.get("about:blank")


def test_a_change_is_on_the_wall_within_moments(driver, address, screens) -> None:
    """And a store that is away is said, with the old figures greyed; it is forgiven."""
    hangs(driver, f"{address.url}wall?language=en")
    times = iter(("13:30:00", "14:00:00", "14:30:00"))
    expected: dict[str, str] = {}

    def goes_on() -> None:
        screens.now += 1800 * NS
        (row,) = screens.kpis(screens.first, screens.now, ("line",), ["m1", "m2", "m3"])
        expected.update(updated=f"Updated {next(times)}", figure=repr(row["oee_index"]))

    def is_there() -> bool:
        told = (text(driver, "updated"), attribute(driver, "oee-milling", "data-value"))
        return told == (expected["updated"], expected["figure"])

    within_moments(goes_on, is_there, "the new time and figure")
    screens.broken = True
    until(
        lambda: "cannot be read right now. This is how it was at 14:30:00" in words(driver, "notice"), "said"
    )
    assert attribute(driver, "wall", "data-old") == "yes"
    screens.broken = False
    until(lambda: attribute(driver, "notice", "role") is None, "forgiven")
    driver.get("about:blank")
    assert complaints(driver) == []


def test_it_comes_back_by_itself_when_the_app_does(driver, screens) -> None:
    """The app stops: said within seconds, old figures stay; it starts again: the wall goes on."""
    lost = "document.getElementById('lost')"
    with served(screens) as address:
        hangs(driver, f"{address.url}wall?language=en")
        driver.execute_script("window.same = true")
    until(lambda: driver.execute_script(f"return !{lost}.hidden"), "the loss")
    assert "No connection to Fieldlab. This is how it was at 13:00:00" in driver.execute_script(
        f"return {lost}.textContent"
    )
    assert attribute(driver, "oee-milling", "data-value")
    screens.now += 60 * NS
    with served(screens, port=address.port):
        until(lambda: driver.execute_script(f"return {lost}.hidden"), "the return")
        until(lambda: text(driver, "updated") == "Updated 13:01:00", "new figures")
        assert driver.execute_script("return window.same")
        driver.get("about:blank")
    driver.get_log("browser")  # each miss is one there


def test_it_outlives_a_cut_network(driver, address, screens) -> None:
    """As the browser sees it: the network is gone, and back."""
    hangs(driver, f"{address.url}wall?language=en")
    gone = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **gone})
    until(lambda: driver.execute_script("return !document.getElementById('lost').hidden"), "the loss")
    screens.now += 60 * NS
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **gone})
    until(lambda: text(driver, "updated") == "Updated 13:01:00", "the return")
    driver.get("about:blank")
    driver.get_log("browser")


def test_it_does_not_grow(driver, address, screens) -> None:
    """Thousands of changes leave as many nodes as there were, and no more memory than noise."""
    hangs(driver, f"{address.url}wall?language=en")
    driver.execute_cdp_cmd("Performance.enable", {})

    def held() -> tuple[float, float]:
        """The least of some looks: what the browser does between collecting and counting makes it more."""
        found = []
        for _ in range(5):
            driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
            told = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
            values = {m["name"]: m["value"] for m in told}
            found.append((values["Nodes"], values["JSHeapUsedSize"]))
        return min(nodes for nodes, _ in found), min(heap for _, heap in found)

    # The content that the wall puts in place by itself once a second, put there as often as in half an hour.
    often = """
    const root = document.getElementById('wall'), done = arguments[0];
    (async () => {
      for (let i = 0; i < 25; i++) {
        const answer = await fetch('/wall/now' + location.search);
        for (let j = 0, body = await answer.text(); j < 70; j++) root.innerHTML = body;
      }
      done(true);
    })();
    """
    driver.execute_async_script(often)
    nodes, heap = held()
    driver.execute_async_script(often)
    later_nodes, later_heap = held()
    assert later_nodes <= nodes + 20
    assert later_heap <= heap + 300_000
    driver.get("about:blank")
