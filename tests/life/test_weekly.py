"""Reports of every week: made once, mailed once, whatever is restarted, away, refused or killed meanwhile."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fieldlab import weekly
from fieldlab.report_service import FIRST_PAUSE_S, GIVE_UP_NS, Weekly
from fieldlab.sent import NAME
from fieldlab_configs import parse
from tests.fieldlab.command import fieldlab, started
from tests.fieldlab.post import post
from tests.life.conftest import Lab
from tests.life.day import CONFIG, NS, at, day
from tests.life.test_report_period import words
from tests.life.test_shared import WINDOWS, step

ZONE = ZoneInfo("Europe/Amsterdam")
BOARD, ACME, BETA = "board@lab.example", "directie@acme.example", "chef@beta.example"
REPORTS = """
reports:
  day: mon
  time: "06:00"
  weekly:
    all: {{mail: [{board}]}}
    acme: {{company: {acme}, languages: [en, nl], mail: [{at_acme}]}}
    beta: {{company: {beta}, mail: [{at_beta}]}}
  server: {{host: 127.0.0.1, port: {port}, tls: none, sender: fieldlab@lab.example}}
"""
DUE = round(dt.datetime(2026, 11, 30, 6, tzinfo=ZONE).timestamp()) * NS
"""When the report of the week with the data, 2026-W48, is made."""
WEEK = 7 * 86_400 * NS
NAMED = "companies: [{id: %(acme)s, name: 'Acme \"Fijn\" & <B.V.> 🛠'}, {id: %(beta)s}]"


class Shop(Lab):
    """A lab with two companies and its post."""

    def __init__(self, folder, there):
        super().__init__(folder, "kind: embedded, path: lab.db")
        self.there, self.folder, self.now_s = there, folder, 0.0
        self.names = {"acme": f"acme{self.id}", "beta": f"beta{self.id}"}
        self.windows = re.sub(r"companies: .*", lambda _: NAMED, WINDOWS) % self.names

    def reports(self, edit=lambda text: text):
        """The config with its section of reports, edited."""
        told = {"board": BOARD, "at_acme": ACME, "at_beta": BETA, "port": self.there.port}
        self.configure(CONFIG + self.windows + edit(REPORTS.format(**self.names, **told)))
        return self

    def weekly(self):
        """The service's work, as it is after a start."""
        return Weekly(self.site, self.store, self.site.reports, clock=lambda: self.now_s)

    def got(self):
        """To whom letters came, in order."""
        return [to for _, recipients, _ in self.there.letters for to in recipients]


@pytest.fixture
def shop(tmp_path):
    """Two hours of one Monday of two machines, each company's window, and a mail server that takes all."""
    with post() as there:
        made = Shop(tmp_path, there).reports()
        made.put("m1", day(phase=-2))
        made.put("m2", day(phase=5))
        step(made)
        made.weekly().step(DUE - WEEK)  # it has run a week before
        assert made.got() == []
        yield made
        made.close()


def test_each_gets_its_own_report_once_and_no_address_but_its_own(shop):
    """At its time, not before; after a restart not again; each company its own windows alone."""
    shop.weekly().step(DUE - 1)
    assert shop.got() == []
    shop.weekly().step(DUE)
    shop.weekly().step(DUE + 3600 * NS)
    assert shop.got() == [BOARD, ACME, BETA]
    for to, (_, _, message) in zip((BOARD, ACME, BETA), shop.there.letters, strict=True):
        named = set(re.findall(r"[\w.]+@\w+\.example", message.as_string()))
        assert named == {to, "fieldlab@lab.example", message["Message-ID"].strip("<>")}
    board, acme, beta = (message for _, _, message in shop.there.letters)
    assert board["Subject"] == f"{shop.id}: verslag van week 48 van 2026"
    assert acme["Subject"] == f'{shop.id}, for Acme "Fijn" & <B.V.> 🛠: report on week 48 of 2026'
    pages = [words(part.get_content()) for part in acme.iter_attachments()]
    assert [part.get_filename() for part in acme.iter_attachments()] == [
        f"{shop.id}-{shop.names['acme']}-week-2026-W48-{language}.html" for language in ("en", "nl")
    ]
    for page, message in ((pages[0], beta), (words(next(iter(beta.iter_attachments())).get_content()), acme)):
        assert "m1" in page
        assert shop.names["beta" if message is beta else "acme"] not in page
    body = acme.get_body(("plain",)).get_content()
    assert "l1: OEE" in body
    assert "Week 48 of 2026 · Mon 23 Nov – Sun 29 Nov 2026" in body
    assert (shop.folder / "reports" / "all" / f"{shop.id}-week-2026-W48-nl.html").exists()
    assert (shop.folder / "reports" / NAME).stat().st_mode & 0o777 == 0o600


def test_a_company_s_report_has_the_figures_of_its_windows(shop):
    """Those that its own view gives; the fieldlab's are others."""
    shop.weekly().step(DUE)
    _, acme, _ = (message for _, _, message in shop.there.letters)
    done = fieldlab("kpi", shop.path, "--by", "experiment", "--format", "json")
    whole = sum(row["good_quantity"] for row in json.loads(done.stdout))
    (mine,) = [row for row in json.loads(done.stdout) if row["experiment"] == "coolant"]
    page = words(next(iter(acme.iter_attachments())).get_content())
    assert f" {mine['good_quantity']:.0f} " in page
    assert f" {100 * mine['machines_oee_index']:.1f} %" in page
    assert f" {whole:.0f} " not in page


def test_a_week_that_was_missed_is_caught_up_once_and_what_came_before_the_config_is_not(shop):
    """The computer was off for two weeks; a report that is new in the config begins with the next week."""
    shop.weekly().step(DUE + WEEK + 3600 * NS)
    assert shop.got() == [BOARD, BOARD, ACME, BETA]  # of the second week companies have no window
    shop.weekly().step(DUE + WEEK + 7200 * NS)
    assert len(shop.got()) == 4
    shop.reports(lambda text: text.replace("    all:", "    more: {mail: [new@lab.example]}\n    all:"))
    shop.weekly().step(DUE + WEEK + 9000 * NS)
    assert len(shop.got()) == 4
    shop.weekly().step(DUE + 2 * WEEK)
    assert shop.got()[4:] == ["new@lab.example", BOARD]


def test_a_letter_that_is_refused_for_now_is_tried_again_after_longer_and_longer(shop, caplog):
    """The others go out; what waits is said; when it goes well nothing waits."""
    shop.there.answers["RCPT"] = ["451 come again", "451 come again"]
    work = shop.weekly()
    work.step(DUE)
    assert shop.got() == [BETA]
    assert set(work.unsent) == {("all", "2026-W48", BOARD), ("acme", "2026-W48", ACME)}
    work.step(DUE + NS)
    assert shop.got() == [BETA]
    shop.now_s += FIRST_PAUSE_S
    shop.there.answers["RCPT"] = ["451 come again"]
    work.step(DUE + 60 * NS)
    assert shop.got() == [BETA, ACME]
    shop.now_s += FIRST_PAUSE_S
    work.step(DUE + 120 * NS)
    assert shop.got() == [BETA, ACME]
    assert "the next try is in 2 min" in caplog.text
    shop.now_s += FIRST_PAUSE_S
    work.step(DUE + 180 * NS)
    assert (shop.got(), work.unsent) == ([BETA, ACME, BOARD], {})


def test_a_letter_that_nobody_takes_is_given_up_after_a_week_and_said(shop, caplog):
    """5xx: the longest pause; a week later an error, and no further try, also after a restart."""
    shop.there.answers["RCPT"] = "550 no such mailbox"
    work = shop.weekly()
    work.step(DUE)
    assert "the next try is in 360 min" in caplog.text
    shop.weekly().step(DUE + GIVE_UP_NS + NS)
    assert caplog.text.count("given up after a week") == 3
    shop.there.answers.clear()
    shop.weekly().step(DUE + GIVE_UP_NS + 2 * NS)
    assert shop.got() == [BOARD]  # of the week after, which fell due meanwhile


def test_a_server_that_takes_a_letter_and_dies_gets_the_very_same_again(shop):
    """At least once, with one Message-ID."""
    shop.there.answers["DATA"] = ["crash"]
    work = shop.weekly()
    work.step(DUE)
    shop.weekly().step(DUE + NS)  # the computer was started anew
    assert shop.got() == [BOARD, ACME, BETA, BOARD]
    first, again = (m for _, (to,), m in shop.there.letters if to == BOARD)
    assert first["Message-ID"] == again["Message-ID"]
    assert [p.get_content() for p in first.iter_parts()] == [p.get_content() for p in again.iter_parts()]
    assert len({m["Message-ID"] for _, _, m in shop.there.letters}) == 3


def test_the_time_is_that_of_the_fieldlab_when_clocks_change():
    """Monday at six local: 167 hours after the last in spring, 169 in autumn; a day that is not Monday."""
    head = "fieldlab: x\ntimezone: Europe/Amsterdam\nstore: {kind: embedded, path: x.db}\n"
    for when, hours in (("2026-03-30T04:00:00", 167), ("2026-10-26T05:00:00", 169)):
        site = parse(f"{head}reports: {{weekly: {{all: }}}}\n{CONFIG}")
        now = round(dt.datetime.fromisoformat(f"{when}+00:00").timestamp()) * NS
        (last,) = weekly.due(site, site.reports, now - NS, now)
        assert weekly.due_ns(site, site.reports, last) == now
        assert list(weekly.due(site, site.reports, now, now + NS)) == []
        (one, two) = weekly.due(site, site.reports, now - hours * 3600 * NS - NS, now)
        assert (
            weekly.due_ns(site, site.reports, two) - weekly.due_ns(site, site.reports, one)
            == hours * 3600 * NS
        )
    site = parse(f'{head}reports: {{day: wed, time: "02:30", weekly: {{all: }}}}\n{CONFIG}')
    (last,) = weekly.due(site, site.reports, DUE, DUE + 2 * 86_400 * NS)
    assert last.name == "2026-W48"


@pytest.mark.parametrize("over", [True, False])
def test_by_hand_it_is_sent_now_and_not_again_by_the_service(shop, over):
    """One that was not taken is said, status 1, and tried again; a week that goes on is sent whole later."""
    shop.put("m1", [(DUE - 60 * NS, "state", 2.0)] if over else [(at(7300), "state", 2.0)], note=99)
    shop.reports(by_the_data)
    shop.there.answers["RCPT"] = ["550 no such mailbox"]
    done = fieldlab("report", shop.path, "--week", "2026-W48", "--mail")
    assert f"all: not mailed to {BOARD}: the mail server" in done.stderr
    assert done.returncode == 1
    assert f"beta: mailed to {BETA}" in done.stdout
    shop.weekly().step(DUE)
    assert shop.got() == [ACME, BETA, BOARD, *([] if over else [ACME, BETA])]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--mail", "--shift", "2026-11-23/early"), "say which: --week last, or --week 2026-W47"),
        (
            ("--mail", "--week", "last", "--out", "x"),
            "its section reports says their out, so leave --out out",
        ),
        (("--week", "2026-W48", "--company", "moon"), "--company moon: the config has acme"),
        (("--experiment", "coolant", "--company", "moon"), "--company goes with --week or --shift"),
        (("--week", "2026-W47", "--company", "ACME"), "has no window of an experiment in it"),
    ],
)
def test_options_that_do_not_go_together_are_one_message(shop, asked, said):
    """And exit status 2."""
    done = fieldlab("report", shop.path, *(shop.names["acme"] if a == "ACME" else a for a in asked))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


def test_a_config_without_reports_and_an_account_that_cannot_be_read_say_so(shop):
    """What to do, exit status 2."""
    (shop.folder / "reports" / NAME).write_text("{")
    done = fieldlab("report", shop.path, "--every-week")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the account of what was sent cannot be read; move it away" in done.stderr
    shop.configure(CONFIG)
    done = fieldlab("report", shop.path, "--every-week")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "reports: the config says none; add when, and for whom" in done.stderr


def test_a_reports_folder_that_cannot_be_written_is_one_message(shop):
    """Its own, where it has one; exit status 2, and nothing mailed."""
    (shop.folder / "full").write_text("no folder")
    shop.reports(lambda text: text.replace("all: {", "all: {folder: full/here, "))
    done = fieldlab("report", shop.path, "--week", "2026-W48", "--mail")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "full/here cannot be written: Not a directory; name a folder that can be" in done.stderr
    assert shop.got() == []


def by_the_data(text):
    """The fieldlab's clock is that of its data."""
    source = "sources: {b: {kind: mqtt, host: 127.0.0.1, clock_topic: c}}"
    return f"{text}\n{source}\ngateways: {{g: {{sources: [b], clock: source}}}}\n"


def served(shop):
    """The service as a process, by the data's own clock, which is at the time that is due."""
    shop.put("m1", [(DUE + 60 * NS, "state", 2.0)], note=99)
    shop.reports(by_the_data)
    process = started("report", shop.path, "--every-week")
    assert "every week when it is over" in process.stdout.readline()
    return process


def until(true, seconds=150.0):
    """Wait for something of another process, bounded."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # a poll of another process, bounded above


@pytest.mark.slow
def test_killed_while_the_server_takes_its_letter_the_service_sends_the_same_again(shop):
    """Kill -9 before the server answers; then a stop in good order, at once and with nothing left to say."""
    killed, known = [], threading.Event()

    def kill():
        if not killed:
            assert known.wait(120)  # a letter may come before the line that says it is up is read
            killed.append(os.kill(process.pid, signal.SIGKILL))

    shop.there.before_answer = kill
    process = served(shop)
    known.set()
    assert process.wait(150) == -signal.SIGKILL
    process.communicate()
    process = served(shop)
    until(lambda: len(shop.there.letters) == 4)
    first, again, *_ = (m["Message-ID"] for _, _, m in shop.there.letters)
    assert first == again
    account = Path(shop.folder / "reports" / NAME)
    until(lambda: json.loads(account.read_text())["weeks"].get("beta", {}).get("2026-W48", {}).get("sent"))
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=90)
    assert (process.returncode, told) == (0, "")
    assert shop.got() == [BOARD, BOARD, ACME, BETA]


@pytest.mark.slow
def test_stopped_with_a_letter_unsent_the_service_says_which_and_why(shop):
    """Exit status 1; the warning was in the log; no secret is in either."""
    shop.there.answers["RCPT"] = "451 come again"
    process = served(shop)
    account = shop.folder / "reports" / NAME
    until(lambda: "2026-W48" in json.loads(account.read_text())["weeks"].get("beta", {}))
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=90)
    assert process.returncode == 1
    assert f"WARNING fieldlab.report_service: report all of 2026-W48 to {BOARD} was not sent:" in told
    last = told.splitlines()[-3:]  # the last may not have had its turn
    for line, (name, to) in zip(last, (("all", BOARD), ("acme", ACME), ("beta", BETA)), strict=True):
        assert line.startswith(f"not sent: {name} of 2026-W48 to {to}: ")
