"""A company's bucket: exactly its own windows, whatever lies beside them, and whatever changes."""

import pytest

from analytics.keeper import Keeper
from fieldlab.analysis import Following
from ingest.store import StoreUnavailable
from tests.life.day import CONFIG, NS, at, day

WINDOWS = """
companies: [{id: %(acme)s, name: Acme}, {id: %(beta)s, name: Beta}]
experiments:
  - id: coolant
    company: %(acme)s
    machines: [m1]
    arms:
      baseline: [{start: 2026-11-23T00:05:00Z, end: 2026-11-23T00:30:00Z}]
      trial: [{start: 2026-11-23T00:40:00Z, end: 2026-11-23T01:00:00Z}]
  - id: blade
    company: %(beta)s
    machines: [m1, m2]
    arms:
      baseline: [{start: 2026-11-23T00:30:00Z, end: 2026-11-23T00:40:00Z}]
      trial: [{start: 2026-11-23T01:00:00Z, end: 2026-11-23T01:20:00Z}]
  - id: own
    machines: [m2]
    arms:
      baseline: [{start: 2026-11-23T00:00:00Z, end: 2026-11-23T00:05:00Z}]
      trial: [{start: 2026-11-23T00:05:00Z, end: 2026-11-23T00:10:00Z}]
"""
ACME = [("coolant", "baseline", "m1", 300, 1800), ("coolant", "trial", "m1", 2400, 3600)]
BETA = [
    (e, arm, m, a, b)
    for e, arm, a, b in (("blade", "baseline", 1800, 2400), ("blade", "trial", 3600, 4800))
    for m in ("m1", "m2")
]
MEASUREMENTS = ("atom", "stop", "machine", "experiment_result")


@pytest.fixture
def shop(lab):
    """Two companies after each other on one machine; stops lie across the edges of their windows."""
    lab.names = {"acme": f"acme{lab.id}", "beta": f"beta{lab.id}"}
    lab.configure(CONFIG + WINDOWS % lab.names)
    lab.put("m1", day(phase=-2))
    lab.put("m2", day(phase=5))
    return lab


def bucket(lab, company):
    """Everything in a company's bucket."""
    return {m: lab.rows(f"shared:{lab.names[company]}", m) for m in MEASUREMENTS}


def expected(lab, windows):
    """By brute force, from what is stored: atoms and samples by their time, stops cut at the edges."""
    found = {m: {} for m in MEASUREMENTS}
    for experiment, arm, machine, start_s, end_s in windows:
        low, high = at(start_s), at(end_s)

        def label(tags, experiment=experiment, arm=arm):
            return tuple(sorted([*tags, ("experiment", experiment), ("arm", arm)]))

        for measurement, source, holds in (("atom", "kpi", "calendar_time_s"), ("machine", "raw", None)):
            for (tags, time), row in lab.rows(source, measurement, holds).items():
                if dict(tags)["machine"] == machine and low <= time < high:
                    found[measurement][label(tags), time] = row
        for (tags, time), row in lab.rows("kpi", "stop", "duration_s").items():
            end = time + round(row["duration_s"] * NS)
            first, last = max(time, low), min(end, high)
            if dict(tags)["machine"] == machine and first < last:
                cut = {"duration_s": (last - first) / NS, "reason_text": "none"}
                found["stop"][label(tags), first] = cut
    for (tags, time), row in lab.rows("kpi", "experiment_result").items():
        if dict(tags)["experiment"] in {w[0] for w in windows}:
            found["experiment_result"][tuple(sorted([*tags, ("arm", "none")])), time] = row
    return found


def step(lab, job=None, shared=None, now_s=7200):
    """One step of the analytics, as the service does it."""
    job, shared = job or lab.job(), shared or lab.shared()
    shared.update(job.step(at(now_s)))
    return job, shared


def both_are_exact(lab, acme=ACME, beta=BETA):
    """Row by row, and not by being empty."""
    for company, windows in (("acme", acme), ("beta", beta)):
        want = expected(lab, windows)
        assert bucket(lab, company) == want
        assert all(want[m] for m in ("atom", "stop", "machine")) == bool(windows)


def test_a_bucket_holds_exactly_its_windows(shop):
    """Atoms, samples and cut stops of its windows, results of its experiments; of nobody else's."""
    results = [
        ("experiment_result", (("experiment", e), ("fieldlab", shop.id)), "estimate", at(5000), 0.1)
        for e in ("coolant", "blade", "own")
    ]
    shop.store.write("kpi", results)
    account = shop.account("machine", "delivery")
    step(shop)
    both_are_exact(shop)
    assert any(row["duration_s"] == 60 for row in bucket(shop, "acme")["stop"].values())  # cut at an edge
    assert len(bucket(shop, "acme")["experiment_result"]) == 1
    assert shop.account("machine", "delivery") == account


def test_it_follows_late_data_and_writing_it_again_changes_nothing(shop):
    """Samples that come later, that replace, that end a stop; a job begun anew."""
    job, shared = step(shop, now_s=3000)
    both_are_exact(shop, ACME, BETA)
    shop.put(
        "m1", [(at(1000), "state", 1.0), (at(1010), "state", 3.0), (at(2000), "total_count", 71.0)], note=5
    )
    step(shop, job, shared)
    both_are_exact(shop)
    before = bucket(shop, "acme")
    step(shop)
    assert bucket(shop, "acme") == before


def test_an_operators_reason_is_shown_to_whose_window_it_was_given_in(shop):
    """A stop across the edge of two companies' windows: each sees a reason only if it fell in its own."""
    _, shared = step(shop)
    key = ("fieldlab", shop.id), ("machine", "m1")
    (stop,) = [
        (t, row)
        for (tags, t), row in shop.rows("kpi", "stop", "duration_s").items()
        if dict(tags)["machine"] == "m1" and t < at(1800) < t + row["duration_s"] * NS
    ]
    given = {"reason_text": "Beta's blade broke", "by": "op7"}
    shop.store.write("raw", [("reason", key, f, at(1801), v) for f, v in given.items()])
    shared.update(shop.job().recompute(at(1700), at(1900)).spans)
    texts = {c: {r["reason_text"] for r in bucket(shop, c)["stop"].values()} for c in shop.names}
    assert texts == {"acme": {"none"}, "beta": {"none", "Beta's blade broke"}}
    assert "op7" not in str([bucket(shop, c) for c in shop.names])
    assert stop[1]["duration_s"] == 180


def test_other_windows_in_the_config_make_it_anew(shop):
    """A window moved, an arm's machine given to the other company: nothing of before is left."""
    step(shop)
    text = (WINDOWS % shop.names).replace(
        "00:40:00Z, end: 2026-11-23T01:00", "00:45:00Z, end: 2026-11-23T00:55"
    )
    shop.configure(CONFIG + text.replace("machines: [m1, m2]", "machines: [m2]"))
    step(shop)
    both_are_exact(
        shop,
        [ACME[0], ("coolant", "trial", "m1", 2700, 3300)],
        [w for w in BETA if w[2] == "m2"],
    )
    shop.configure(CONFIG + (WINDOWS % shop.names).split("experiments:")[0])
    step(shop)
    assert not any(bucket(shop, "acme").values())
    assert not any(bucket(shop, "beta").values())


def test_a_rebuild_cut_short_is_begun_again(shop):
    """The bucket is half made when the job dies: the next one makes it whole."""
    step(shop)
    whole = bucket(shop, "acme")
    shared = shop.shared()
    shared._note(shop.names["acme"], "building")
    shop.store.delete(f"shared:{shop.names['acme']}", "machine", end_ns=at(1000))
    shop.store.delete(f"shared:{shop.names['acme']}", "atom", start_ns=at(2500))
    assert bucket(shop, "acme") != whole
    step(shop)
    assert bucket(shop, "acme") == whole


@pytest.mark.parametrize("again", [True, False], ids=["the same process", "a new one"])
def test_what_was_not_followed_is_followed_by_the_next_step(shop, monkeypatch, again):
    """The store goes away, or the process, after atoms were written and before the buckets have them."""
    following = Following(shop.site, shop.store)
    following.step(at(3000))
    shop.put(
        "m1", [(at(1000), "state", 1.0), (at(1010), "state", 3.0), (at(2000), "total_count", 71.0)], note=5
    )
    before = bucket(shop, "acme")
    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "update", away)
        with pytest.raises(StoreUnavailable):
            following.step(at(7200))
    assert bucket(shop, "acme") == before
    following = following if again else Following(shop.site, shop.store)
    following.step(at(7200))
    both_are_exact(shop)


def away(*_, **__):
    """As a store that cannot be reached."""
    raise StoreUnavailable("the store is away")
