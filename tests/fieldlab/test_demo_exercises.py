"""The guided exercises of a running demo, walked in a browser: the truth of the simulator judges."""

import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from fieldlab.demo_checks import own_losses
from fieldlab.demo_options import START_NS
from fieldlab.demo_site import demo_site
from fieldlab.demo_weeks import FIRST
from fieldlab_configs import load
from simulator.lesson import Lesson
from simulator.plant import Plant
from simulator.weeks import USUAL, weeks
from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, requested_hosts, sized
from tests.dashboards.looking import FOREIGN, SMALL, STICKS_OUT, WORDS
from tests.dashboards.pages import SIZES
from tests.dashboards.test_every_page import AXE, LOOKS
from tests.fieldlab.command import demo as running
from tests.fieldlab.test_page import element, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver"),
]
SEED, SPEED = 5, 480
CELL_NS = 300 * 10**9


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The address of a running demo's page, and its folder."""
    folder = tmp_path_factory.mktemp("exercises") / "data"
    with running(folder, "--speed", SPEED, "--seed", SEED) as url:
        yield url, folder


@pytest.fixture(scope="module")
def browser():
    """A laptop's browser."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """What the simulator knows, from the same seed in this process: no figure of the product is in it."""
    plant = Plant(demo_site(tmp_path_factory.mktemp("truth")), seed=SEED, start_ns=START_NS)
    told = {}
    lesson = Lesson(plant._site, plant, told.update)
    now_ns = START_NS
    while not told.get("after", {}).get("figures"):
        plant.advance(now_ns)
        lesson.reach(now_ns)
        if "before" in told:
            lesson.shorten()
        now_ns += CELL_NS
    return told


def verdict(browser, task, right):
    """Wait for what is said of an answer."""

    def said():
        box = element(browser, f"verdict-{task}")
        return box.get_attribute("data-right") == ("yes" if right else "no") and box.text

    return until(said, f"{task}: {right}")


def choose(browser, testid, value):
    """Choose from a list."""
    Select(element(browser, testid)).select_by_value(value)


def press(browser, testid):
    """Press a button by the keyboard."""
    found = element(browser, testid)
    until(lambda: found.is_enabled() and not found.get_attribute("disabled"), f"{testid} can be pressed")
    found.send_keys(Keys.ENTER)


def type_points(browser, points):
    """Fill in a number."""
    box = element(browser, "stops-points")
    box.clear()
    box.send_keys(f"{points:.2f}".replace(".", ","))


def test_the_first_page_invites_and_leads_there(demo, browser):
    """On the overview, at once; the link keeps language and theme."""
    url, _ = demo
    browser.get(f"{url}?lang=nl&theme=dark")
    until(lambda: "Drie oefeningen" in element(browser, "invitation").text, "the invitation")
    element(browser, "invite").click()
    until(lambda: "0 van 3" in element(browser, "progress").text, "the exercises")
    assert "theme=dark" in browser.current_url
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "nl"


def test_the_biggest_loss(demo, browser, truth):
    """A wait, a smaller loss and the largest one: each is told what it is."""
    url, _ = demo
    browser.get(f"{url}exercises?lang=en")
    lost = {name: own_losses(figures) for name, figures in truth["all"]["figures"].items()}
    ranked = sorted((s, machine, loss) for machine, found in lost.items() for loss, s in found.items())
    until(
        lambda: not element(browser, "check-loss").get_attribute("disabled"), "three hours of the line", 300
    )
    for (machine, loss), key in {
        ("pack1", "starved"): "loss.starved",
        ranked[0][1:]: "loss.not_here",
    }.items():
        choose(browser, "loss-machine", machine)
        choose(browser, "loss-loss", loss)
        press(browser, "check-loss")
        until(lambda key=key: element(browser, "verdict-loss").get_attribute("data-key") == key, key)
        assert "really" in verdict(browser, "loss", right=False) or key == "loss.starved"
    choose(browser, "loss-machine", ranked[-1][1])
    choose(browser, "loss-loss", ranked[-1][2])
    press(browser, "check-loss")
    assert "really lost" in verdict(browser, "loss", right=True)


def test_half_of_the_minor_stops(demo, browser, truth):
    """Predicted, done on the running line, measured from its samples, and judged by its truth."""
    url, _ = demo
    browser.get(f"{url}exercises?lang=en")
    before, after = (truth[name]["figures"]["mill1"] for name in ("before", "after"))
    press(browser, "halve")
    until(lambda: "Choose first" in element(browser, "verdict-stops").text, "a prediction is asked for")
    element(browser, "predict-same").click()
    press(browser, "halve")
    until(lambda: element(browser, "stops-points").is_displayed(), "the repetition", 300)
    for which, true in (("before", before), ("after", after)):
        measured = {
            n: element(browser, f"{which}-{n}").get_attribute("data-value")
            for n in ("oee", "minor_stop_s", "good")
        }
        assert float(measured["oee"]) == pytest.approx(true["oee_index"], abs=0.005)
        assert float(measured["minor_stop_s"]) == pytest.approx(true["minor_stop_s"], abs=1.0)
        assert float(measured["good"]) == true["good_quantity"]
    freed = 100 * before["minor_stop_s"] / before["planned_busy_time_s"] / 2
    type_points(browser, freed)
    press(browser, "check-stops")
    assert "time that came free" in verdict(browser, "stops", right=False)
    type_points(browser, 100 * (after["oee_index"] - before["oee_index"]))
    press(browser, "check-stops")
    assert "You expected as much" in verdict(browser, "stops", right=True)


def test_the_week_that_saved(demo, browser):
    """Wrong weeks are told what they were; the right one is that which the simulator made so."""
    url, folder = demo
    browser.get(f"{url}exercises?lang=en")
    _, made = weeks(load(folder / "weeks.yaml"), seed=SEED, first=FIRST)
    kinds = [week.kind for week in made[USUAL:]]
    until(lambda: not element(browser, "check-weeks").get_attribute("disabled"), "the weeks")
    press(browser, "check-weeks")
    assert "Choose a week" in verdict(browser, "weeks", right=False)
    for kind, words in (("quiet", "quiet week"), ("busy", "busy week")):
        element(browser, f"week-{kinds.index(kind) + 1}").click()
        press(browser, "check-weeks")
        until(lambda words=words: words in element(browser, "verdict-weeks").text, words)
    element(browser, f"week-{kinds.index('saving') + 1}").click()
    press(browser, "check-weeks")
    saved = made[USUAL + kinds.index("saving")].saved_kwh
    assert f"really saved {saved:.0f} kWh" in verdict(browser, "weeks", right=True)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_page_is_of_use_to_everybody(demo, browser, language, theme):
    """All opened: nothing cut, large enough for a thumb, one language; axe finds nothing."""
    url, _ = demo
    browser.get(f"{url}exercises?lang={language}&theme={theme}")
    until(lambda: browser.find_elements(By.CSS_SELECTOR, "[data-testid='table-baseline']"), "the weeks")
    until(lambda: element(browser, "stops-points").is_displayed(), "the second exercise")
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    for name, size in SIZES.items():
        sized(browser, *size)
        assert browser.execute_script(STICKS_OUT) == [], name
        if name == "phone":
            # Of a radio button the whole label is pressed.
            assert [w for w in browser.execute_script(SMALL) if not w.startswith("INPUT 18x18")] == []
        if AXE.exists():
            browser.execute_script(AXE.read_text(encoding="utf-8"))
            found = browser.execute_async_script(
                "axe.run(document, {resultTypes: ['violations']}).then(r => arguments[0](r.violations.map("
                "v => `${v.impact} ${v.id}: ${v.nodes.map(n => n.target + n.failureSummary).slice(0, 3)}`)))"
            )
            assert found == [], name
    said = browser.execute_script(WORDS)
    for name in ("Milling machine", "Press", "Hardening oven", "Packaging cell", "Demonstration line"):
        said = said.replace(name, "")
    assert re.findall(rf"^.*\b(?:{FOREIGN[language]})\b.*$", said, re.IGNORECASE | re.MULTILINE) == []


def test_progress_stays_and_nothing_was_asked_elsewhere(demo, browser):
    """In the other language too, and on the first page; no error, no foreign host."""
    url, _ = demo
    browser.get(f"{url}exercises?lang=nl")
    until(lambda: element(browser, "progress").text.startswith("Alle 3 gedaan"), "all done")
    until(lambda: "werkelijk" in element(browser, "verdict-weeks").text, "the verdict too")
    browser.get(f"{url}?lang=nl")
    until(lambda: "3 van 3" in element(browser, "invitation").text, "the invitation")
    assert complaints(browser) == []
    assert requested_hosts(browser) == {"127.0.0.1"}
