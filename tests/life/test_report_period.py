"""``fieldlab report --shift`` and ``--week``: one file, its figures those of the command and of the page."""

import html
import re
import xml.etree.ElementTree as ET

import pytest

from dashboards import amounts
from dashboards.snapshot import Answers, take
from dashboards.view import View
from fieldlab.periods import shift, week
from fieldlab.screens import StoreScreens
from fieldlab_configs import parse
from tests.fieldlab.command import fieldlab
from tests.life import test_company
from tests.life.day import CONFIG, at
from tests.life.test_app_data import answer

shop = test_company.shop
HEAD = "fieldlab: x\ntimezone: Europe/Amsterdam\n"
SHIFTS = """
shifts:
  - {name: early, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "14:00"}
  - {name: night, days: [mon, tue, wed, thu, fri, sat, sun], start: "22:00", end: "06:00"}
"""
HOUR_NS = 3600 * 10**9


def words(page):
    """The text of a page, spaces made plain."""
    plain = html.unescape(re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL))
    return re.sub(r"\s+", " ", plain)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_report_page_and_command_tell_one_number(shop, language, tmp_path):
    """OEE, energy per good part and coverage of every machine, in words of the report's language."""
    done = fieldlab("report", shop.path, "--week", "2026-W48", "--language", language, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / f"{shop.id}-week-2026-W48-{language}.html").read_text(encoding="utf-8")
    assert done.stdout.strip().endswith(f"week-2026-W48-{language}.html")
    ET.fromstring(page[page.index("<body>") : page.index("</body>") + len("</body>")])  # noqa: S314 - ours
    assert "default-src 'none'" in html.unescape(page)
    assert "http" not in re.sub(r'http-equiv|xmlns="[^"]*"', "", page)
    told = words(page)
    screens = StoreScreens(shop.site, shop.store)
    screens.refresh(at(0), at(7200))
    rows = answer(shop, "kpi", "--by", "machine")
    assert [r["machine"] for r in rows] == ["m1", "m2"]
    for row in rows:
        view = View(row["machine"], "l1", "custom", at(0), at(7200))
        shown = take(view, Answers(screens)).total
        assert shown["oee_index"] == pytest.approx(row["oee_index"], rel=1e-9)
        assert words(amounts.percent(row["oee_index"], language)) in told
        assert words(amounts.significant(row["energy_kwh"], language)) in told
        assert words(amounts.significant(row["energy_per_good_unit_kwh"], language)) in told
    assert "Beta's blade broke" in told


def test_weeks_and_shifts_keep_their_clock_times_when_clocks_change():
    """25 October 2026: a week of 169 hours, a night shift of nine."""
    site = parse(HEAD + SHIFTS + CONFIG)
    autumn = week(site, "2026-W43", 0)
    assert autumn.at.end_ns - autumn.at.start_ns == 169 * HOUR_NS
    assert autumn.before.end_ns == autumn.at.start_ns
    night = shift(site, "2026-10-24/night")
    assert night.at.end_ns - night.at.start_ns == 9 * HOUR_NS
    assert night.before.end_ns - night.before.start_ns == 8 * HOUR_NS
    assert week(site, "last", at(0)).name == "2026-W47"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--week", "2026-W60"), "--week 2026-W60: is no week; write 2026-W47, or last"),
        (("--week", "2999-W01"), "lies in the future"),
        (("--shift", "2026-11-23"), "write a date and a shift's name"),
        (("--shift", "2026-11-23/late"), "there is no such shift on that date; the config has none"),
        (("--experiment", "moon"), "there is no experiment 'moon'"),
    ],
)
def test_what_cannot_be_reported_is_one_message(shop, asked, said):
    """And exit status 2."""
    done = fieldlab("report", shop.path, *asked)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_experiments_report_comes_from_the_store(shop):
    """The same report that ``fieldlab experiment --format html`` makes, in the language asked for."""
    name = shop.site.experiments[0].id
    done = fieldlab("report", shop.path, "--experiment", name, "--language", "en")
    assert done.returncode == 0, done.stderr
    assert '<html lang="en">' in done.stdout
    assert "Report on an experiment" in done.stdout
