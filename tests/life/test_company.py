"""A company leaves: its bucket, its readers, what was said in its windows; everybody else's stays."""

import json
import shutil
import urllib.parse
import urllib.request

import pytest

from tests.fieldlab.command import fieldlab
from tests.life.day import CONFIG, NS, at, day
from tests.life.test_shared import BETA, WINDOWS, bucket, expected, step


@pytest.fixture
def shop(lab):
    """Two companies, with reasons in both one's windows and results of both."""
    lab.names = {"acme": f"acme{lab.id}", "beta": f"beta{lab.id}"}
    lab.configure(CONFIG + WINDOWS % lab.names)
    lab.put("m1", day(phase=-2))
    lab.put("m2", day(phase=5))
    key = ("fieldlab", lab.id), ("machine", "m1")
    for second, text in ((860, "Acme's coolant leaked"), (1850, "Beta's blade broke")):
        given = {"reason_text": text, "by": "op7"}
        lab.store.write("raw", [("reason", key, f, at(second), v) for f, v in given.items()])
    for experiment in ("coolant", "blade"):
        tags = (("experiment", experiment), ("fieldlab", lab.id))
        lab.store.write("kpi", [("experiment_result", tags, "estimate", at(5000), 0.1)])
    step(lab)
    return lab


def ask(lab, statement):
    """The values that an InfluxDB answers."""
    url = lab.site.store.url + "/query?" + urllib.parse.urlencode({"q": statement})
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:  # noqa: S310 - ours
        (result,) = json.load(answer)["results"]
    return [v for series in result.get("series", []) for v in series.get("values", [])]


def test_what_was_kept_of_it_is_gone_and_nothing_else(shop):
    """Bucket, reasons, results; the other company's rows, and the machines' own, are as they were."""
    assert "Acme's coolant leaked" in str(bucket(shop, "acme")["stop"])
    account = shop.account("machine", "delivery")
    atoms, beta = shop.rows("kpi", "atom"), bucket(shop, "beta")
    done = fieldlab("company", "remove", shop.path, shop.names["acme"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "operators' reasons in its windows: 1, and 1 stops" in done.stdout
    assert not any(bucket(shop, "acme").values())
    assert bucket(shop, "beta") == beta == expected_with_reason(shop)
    everything = [shop.rows(b, m) for b, m in (("raw", "reason"), ("kpi", "stop"))]
    assert "Acme" not in str(everything)
    assert "Beta's blade broke" in str(everything)
    assert [dict(tags)["experiment"] for tags, _ in shop.rows("kpi", "experiment_result")] == ["blade"]
    assert (shop.account("machine", "delivery"), shop.rows("kpi", "atom")) == (account, atoms)


def expected_with_reason(shop):
    """What the other company has, its reason among it."""
    want = expected(shop, BETA)
    for (tags, begin), row in want["stop"].items():
        if dict(tags)["machine"] == "m1" and begin <= at(1850) < begin + row["duration_s"] * NS:
            row["reason_text"] = "Beta's blade broke"
    return want


def test_it_stays_gone_while_the_config_still_names_it(shop):
    """The job does not make the bucket again for windows that were removed; for new ones it does."""
    assert fieldlab("company", "remove", shop.path, shop.names["acme"]).returncode == 0
    step(shop)
    assert not any(bucket(shop, "acme").values())
    again = fieldlab("company", "remove", shop.path, shop.names["acme"])
    assert again.returncode == 0
    assert "reasons in its windows: 0" in again.stdout
    moved = (WINDOWS % shop.names).replace(
        "00:05:00Z, end: 2026-11-23T00:30", "00:05:00Z, end: 2026-11-23T00:20"
    )
    shop.configure(CONFIG + moved)
    step(shop)
    assert bucket(shop, "acme")["atom"]


def test_backups_that_still_hold_it_are_named(shop, tmp_path):
    """A backup and an export beside the config; not the store itself, nor other files."""
    assert fieldlab("store", "backup", shop.path, tmp_path / "monday.backup").returncode == 0
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "broken.tar").write_bytes(b"no tar")
    shutil.copy(tmp_path / "monday.backup", tmp_path / "tuesday.backup")
    done = fieldlab("company", "remove", shop.path, shop.names["acme"])
    named = [line for line in done.stdout.splitlines() if "still holds its data" in line]
    assert len(named) == 2
    assert all(f"{day}.backup" in done.stdout for day in ("monday", "tuesday"))
    assert all("backup of 20" in line for line in named)


def test_a_company_nobody_knows_is_said(shop):
    """One message, and nothing is touched."""
    before = bucket(shop, "acme")
    done = fieldlab("company", "remove", shop.path, "acne")
    assert done.returncode == 2
    assert "there is no company 'acne', it has" in done.stderr
    assert bucket(shop, "acme") == before


@pytest.mark.service
@pytest.mark.parametrize("lab", ["influx1"], indirect=True)
def test_whoever_could_read_nothing_else_is_gone(shop):
    """On a server: the database, and the users that opened it alone; others lose this right only."""
    mine, theirs = (f"{shop.names[c]}_shared" for c in ("acme", "beta"))
    users = {name: f"{name}{shop.id}" for name in ("reader", "both", "other")}
    for user in users.values():
        ask(shop, f"CREATE USER \"{user}\" WITH PASSWORD 'secret'")
    for user, database in (("reader", mine), ("both", mine), ("both", theirs), ("other", theirs)):
        ask(shop, f'GRANT READ ON "{database}" TO "{users[user]}"')
    done = fieldlab("company", "remove", shop.path, shop.names["acme"])
    assert f"opened it alone: {users['reader']}\n" in done.stdout
    left = {row[0] for row in ask(shop, "SHOW USERS")}
    assert left.isdisjoint({users["reader"]})
    assert left >= {users["both"], users["other"]}
    assert [
        row[0] for row in ask(shop, f'SHOW GRANTS FOR "{users["both"]}"') if row[1] != "NO PRIVILEGES"
    ] == [theirs]
    assert [mine] not in ask(shop, "SHOW DATABASES")
    assert [theirs] in ask(shop, "SHOW DATABASES")
