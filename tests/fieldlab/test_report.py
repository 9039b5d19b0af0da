"""``fieldlab experiment --format html``: one file, its numbers those of the command, in both languages."""

import html
import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.dashboards.browser import CHROMEDRIVER, CHROMIUM, chromium, complaints, requested_hosts
from tests.fieldlab.command import fieldlab
from tests.fieldlab.trial import plant, recording

DAYS = recording(faster=0.04)
QUESTION = {"nl": "Scheelt <minder> & 'koel'?", "en": "Does <less> & 'cool' pay? 🛠"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An experiment and its recording; the report in both languages."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "days.csv").write_text(DAYS)
    for language, question in QUESTION.items():
        (folder / f"{language}.yaml").write_text(plant(language, question))
        (folder / f"{language}.html").write_text(asked(folder, language, "html"), encoding="utf-8")
    return folder


def asked(folder, config, form, recording="days.csv"):
    """What the command prints."""
    args = ("experiment", f"{config}.yaml", "coolant", "--input", recording, "--format", form)
    done = fieldlab(*args, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def words(page):
    """The text of a page, spaces made plain."""
    plain = html.unescape(re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL))
    return re.sub(r"\s+", " ", plain)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_one_file_that_asks_nothing_of_anybody(folder, language):
    """Well-formed, in the config's language, no script, no address, and every name escaped."""
    page = (folder / f"{language}.html").read_text(encoding="utf-8")
    assert page.startswith(f'<!doctype html>\n<html lang="{language}">')
    body = page[page.index("<body>") : page.index("</body>") + len("</body>")]
    ET.fromstring(body)  # noqa: S314 - our own
    assert "<script" not in page
    assert re.findall(r"(?:\bsrc=|\bhref=|url\()\W*\w+", page) == []
    told = words(page)
    assert QUESTION[language] in told
    assert 'Acme "Fijn" B.V. 🛠' in told
    assert "Fieldlab Metaal & <Co>" in told


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_number_of_the_command_is_in_the_report(folder, language):
    """Effect, interval, probability, what could be shown, blocks, coverage; the arms' own figures too."""
    told = words((folder / f"{language}.html").read_text(encoding="utf-8"))
    for row in json.loads(asked(folder, language, "json")):
        if row["effect"] is None:
            continue
        for name in ("effect", "low", "high", "detectable_effect", "coverage"):
            said = f"{abs(row[name]) * 100:.1f}"
            assert (said.replace(".", ",") if language == "nl" else said) in told, (row["kpi"], name)
        assert f"{row['blocks_baseline']} / {row['blocks_trial']}" in told
        if row["more_blocks"]:
            assert str(row["more_blocks"]) in told
    args = (
        "kpi",
        f"{language}.yaml",
        "--input",
        "days.csv",
        "--by",
        "experiment,arm,machine",
        "--format",
        "json",
    )
    for arm in json.loads(fieldlab(*args, cwd=folder).stdout):
        for name in ("produced_quantity", "good_quantity"):
            assert f"{arm[name]:,.0f}".replace(",", " ") in told


def test_the_verdicts_are_in_words_in_both_languages(folder):
    """What was put in is found: a tenth less energy; material is not measured."""
    nl, en = (words((folder / f"{n}.html").read_text(encoding="utf-8")) for n in ("nl", "en"))
    assert re.search(r"Aantoonbaar beter .*Energie per goed product: 1\d,\d % lager", nl)
    assert "Materiaal per goed product: geen uitspraak, want het is niet gemeten." in nl
    assert re.search(r"Shown to be better .*Energy per good part: 1\d\.\d % lower", en)
    assert "Material per good part: no verdict, because it was not measured." in en
    for part in ("Storingen", "Omstellen en instellen", "Kleine stops", "Snelheidsverlies", "Afkeur"):
        assert part in nl
    assert "buiten de diensten" in nl
    assert re.search(r"E \[kWh\] = 0,\d+ × uur \+ 0,5\d+ × a \+ 0,9\d+ × b", nl)


def test_the_fingerprints_follow_config_and_data(folder):
    """The same of both twice; another question, another config; other data, other data."""

    def marks(page):
        return re.search(
            r"(?:Configuratie|Configuration) (\w{12}) · (?:gegevens|data) (\w{12})", words(page)
        ).groups()

    (folder / "more.csv").write_text(recording(faster=0.04, seed=4))
    (folder / "shuffled.csv").write_text("\n".join([DAYS.splitlines()[0], *reversed(DAYS.splitlines()[1:])]))
    nl, again = marks((folder / "nl.html").read_text(encoding="utf-8")), marks(asked(folder, "nl", "html"))
    assert nl == again == marks(asked(folder, "nl", "html", "shuffled.csv"))
    en = marks((folder / "en.html").read_text(encoding="utf-8"))
    assert en[0] != nl[0]
    assert en[1] == nl[1]
    assert marks(asked(folder, "nl", "html", "more.csv"))[1] != nl[1]


def test_an_experiment_half_done_says_so(folder):
    """Data up to the second day of the trial: not enough, how many blocks more, until when there are data."""
    (folder / "half.csv").write_text(recording(until=37))
    told = words(asked(folder, "nl", "html", "half.csv"))
    assert "OEE: geen uitspraak, want de proef heeft 4 bruikbare blokken (diensten of dagen); er zijn" in told
    assert "Nog nodig: minstens 2 blokken." in told
    assert "Er zijn gegevens tot" in told


def test_no_trial_yet_is_no_figure(folder):
    """Nothing lies in the trial's windows: every measure says that, and nothing stands still for ever."""
    (folder / "before.csv").write_text(recording(until=20))
    rows = json.loads(asked(folder, "nl", "json", "before.csv"))
    assert {r["verdict"] for r in rows} == {"not enough data"}
    assert {r["reason"] for r in rows} == {"the trial has no data"}
    assert "de proef heeft geen gegevens" in words(asked(folder, "nl", "html", "before.csv"))


@pytest.mark.browser
@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_a_browser_shows_it_whole(folder):
    """Nothing sticks out at either width, nothing is asked of the network, nothing complained of."""
    with chromium(900, 1200) as driver:
        for language in QUESTION:
            for width in (900, 390):
                driver.execute_cdp_cmd(
                    "Emulation.setDeviceMetricsOverride",
                    {"width": width, "height": 1200, "deviceScaleFactor": 1, "mobile": False},
                )
                driver.get((folder / f"{language}.html").as_uri())
                wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert driver.execute_script(wide) == 0
        tall = (
            "return [...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().height > 40)"
        )
        assert driver.execute_script(tall)
        assert requested_hosts(driver) <= {(folder / "x.html").as_uri()} | {
            (folder / f"{n}.html").as_uri() for n in QUESTION
        }
        assert complaints(driver) == []
