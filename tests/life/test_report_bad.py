"""Reports on what a fieldlab may really hold: nothing yet, a machine that is gone, ten thousand stops."""

import time
import xml.etree.ElementTree as ET

import pytest

from tests.fieldlab.command import fieldlab
from tests.life.conftest import Lab
from tests.life.day import CONFIG, NS, START_NS, at, day
from tests.life.test_report_period import words

WEEK_S = 7 * 86_400


@pytest.fixture
def shop(tmp_path):
    """A fieldlab with an embedded store, and nothing in it."""
    made = Lab(tmp_path, "kind: embedded, path: lab.db")
    made.configure(CONFIG)
    yield made
    made.close()


def told(shop, *more):
    """The words of the report of the week."""
    done = fieldlab("report", shop.path, "--week", "2026-W48", "--language", "en", *more)
    assert (done.returncode, done.stderr) == (0, "")
    body = done.stdout[done.stdout.index("<body>") : done.stdout.index("</body>") + len("</body>")]
    ET.fromstring(body)  # noqa: S314 - our own
    return words(done.stdout)


@pytest.mark.parametrize("of", [("--week", "last"), ("--shift", "2026-11-23/early"), ("--week", "2999-W01")])
def test_without_any_data_there_is_no_report_but_one_message(shop, of):
    """What to do; exit status 2."""
    done = fieldlab("report", shop.path, *of)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "there is no data yet; let a gateway and analytics run first\n"


def test_a_week_before_the_data_says_that_there_is_nothing(shop):
    """A report with no figure in it, not an error: the week was there."""
    shop.put("m1", day())
    shop.job().recompute(at(0), at(7200), now_ns=at(7200))
    done = fieldlab("report", shop.path, "--week", "2026-W40", "--language", "en")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing in this period" in words(done.stdout)
    assert "nan" not in words(done.stdout).lower()


def test_a_machine_that_vanished_is_no_error_and_one_without_data_has_dashes(shop):
    """m2 is taken out of the config, a new one put in; m1's figures stay."""
    shop.put("m1", day())
    shop.put("m2", day(phase=5))
    shop.job().recompute(at(0), at(7200), now_ns=at(7200))
    assert " m2 " in told(shop)
    shop.configure(CONFIG.replace("id: m2", "id: newcomer"))
    text = told(shop)
    assert " m2 " not in text
    assert " m1 " in text
    assert "nan" not in text.lower()


def test_ten_thousand_stops_in_a_week_are_summed_up_and_not_listed(shop):
    """One minute of every two stopped, all week: a short report, made within seconds, that adds up."""
    samples = [(at(s), "state", 1.0 if s // 30 % 2 else 2.0) for s in range(-3600, WEEK_S - 3600, 30)]
    shop.put("m1", samples)
    shop.job().recompute(START_NS - 3600 * NS, at(WEEK_S), now_ns=at(WEEK_S))
    began = time.monotonic()
    text = told(shop)
    assert time.monotonic() - began < 30
    assert "No reason given 10 080" in text
    assert "84 h" in text or "3 d 12 h" in text
    assert len(text) < 20_000
