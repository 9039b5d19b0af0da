"""Answers to the exercises, over several seeds: right ones by the truth, wrong ones with the reason."""

from __future__ import annotations

import pytest

from dashboards.exercises import told
from dashboards.wording import LANGUAGES
from fieldlab.demo_checks import check_gain, check_loss, check_week, number, own_losses
from fieldlab.demo_options import START_NS
from fieldlab.demo_site import demo_site
from fieldlab.demo_weeks import weeks_told
from simulator.lesson import Lesson
from simulator.plant import Plant

SEEDS = range(1, 7)
CELL_NS = 300 * 10**9
MEASURED = (None, None)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The demo's line."""
    return demo_site(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module", params=SEEDS)
def truth(request, site):
    """What the simulator tells of the exercises' stretches."""
    plant, found = Plant(site, seed=request.param, start_ns=START_NS), {}
    lesson, now_ns = Lesson(site, plant, found.update), START_NS
    while not found.get("after", {}).get("figures"):
        plant.advance(now_ns)
        lesson.reach(now_ns)
        lesson.shorten()
        now_ns += CELL_NS
    return found


def in_words(answer, site):
    """In both languages; a blank that nothing fills would raise."""
    said = [told(answer, site, language) for language in LANGUAGES]
    assert all(said)
    assert not any("{" in words for words in said)
    return said[1]


def test_the_largest_loss_and_no_much_smaller_one_is_right(truth, site):
    """Every machine and loss there is: right within 5 % or a minute of the largest, else wrong and why."""
    figures = truth["all"]["figures"]
    lost = {(m, loss): s for m, f in figures.items() for loss, s in own_losses(f).items()}
    largest = max(lost.values())
    for (machine, loss), seconds in lost.items():
        answer = check_loss(figures, machine, loss, seconds)
        assert answer.right == (seconds >= largest - max(0.05 * largest, 60.0)), (machine, loss)
        words = in_words(answer, site)
        if not answer.right:
            here = max(s for (m, _), s in lost.items() if m == machine)
            assert answer.key == ("loss.elsewhere" if seconds == here else "loss.not_here")
            assert "largest loss" in words
    assert sum(check_loss(figures, m, loss, None).right for m, loss in lost) < 4


def test_waiting_is_no_loss_of_the_machine_itself(truth, site):
    """Also where it takes more time than anything else."""
    figures = truth["all"]["figures"]
    assert figures["pack1"]["starved_s"] > max(own_losses(figures["pack1"]).values())
    for loss, words in (("starved", "for parts"), ("blocked", "for room")):
        answer = check_loss(figures, "pack1", loss, None)
        assert not answer.right
        assert words in in_words(answer, site)


@pytest.mark.parametrize(("machine", "loss"), [("", ""), ("mill1", ""), ("none", "setup"), ("mill1", "none")])
def test_a_choice_that_was_not_made_is_asked_for(truth, site, machine, loss):
    """No answer is no mistake."""
    assert (
        in_words(check_loss(truth["all"]["figures"], machine, loss, None), site)
        == "Choose a machine and a loss."
    )


def test_the_gain_is_right_within_a_third_of_a_point(truth, site):
    """And what else could be taken for it is told what it is."""
    before, after = (truth[name]["figures"]["mill1"] for name in ("before", "after"))
    gain = 100 * (after["oee_index"] - before["oee_index"])
    micro = 100 * before["minor_stop_s"] / before["planned_busy_time_s"]
    taken = {"stops.freed": micro / 2, "stops.micro": micro, "stops.sign": -gain}
    taken |= {
        "stops.high": gain + 30,
        "stops.low": -20.0,
        "stops.relative": 100 * gain / before["oee_index"] / 100,
    }
    for off in (-0.29, 0.0, 0.29):
        answer = check_gain(before, after, f"{gain + off:.6f}", "less", MEASURED)
        assert (answer.right, answer.key) == (True, "stops.right")
        in_words(answer, site)
    for key, points in taken.items():
        answer = check_gain(before, after, f"{points:.6f}", "less", MEASURED)
        in_words(answer, site)
        if abs(points - gain) > 0.31:
            assert not answer.right
            assert answer.key == key or abs(points - taken[answer.key]) < 0.31


def test_a_wrong_prediction_is_explained_where_the_answer_is_right(truth, site):
    """What was expected is said back."""
    before, after = (truth[name]["figures"]["mill1"] for name in ("before", "after"))
    gain = f"{100 * (after['oee_index'] - before['oee_index']):.2f}"
    for prediction, words in (("same", "as much as"), ("more", "more than the time")):
        answer = check_gain(before, after, gain, prediction, MEASURED)
        assert answer.right
        assert f"expected {words}" in in_words(answer, site)


@pytest.mark.parametrize("text", ["", "veel", "1,2,3", "nan", "inf", "1e9", "١" * 400])
def test_what_is_no_number_is_asked_for_again(truth, site, text):
    """Never a traceback for what somebody typed."""
    before, after = (truth[name]["figures"]["mill1"] for name in ("before", "after"))
    answer = check_gain(before, after, text, "less", MEASURED)
    assert (answer.right, answer.key) == (False, "stops.number")
    in_words(answer, site)


def test_numbers_as_people_type_them():
    """A comma, a point, a sign, a percent."""
    assert [number(t) for t in ("2,4", " 2.4 ", "−2.4", "2.4 %", "+2")] == [2.4, 2.4, -2.4, 2.4, 2.0]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_week_that_the_simulator_made_save_is_right(seed, tmp_path):
    """The product's figures are those of the truth; the verdict is the truth's alone."""
    found = weeks_told(tmp_path, seed)
    usual = (found.usual["energy_kwh"] / 4, found.usual["good_quantity"] / 4)
    for place, (week, figures, law) in enumerate(zip(found.truth, found.figures, found.laws, strict=True), 1):
        assert figures["energy_kwh"] == pytest.approx(week.energy_kwh, abs=0.01)
        assert figures["good_quantity"] == week.good
        answer = check_week(found.truth, found.laws, usual, str(place))
        assert answer.right == (week.kind == "saving")
        inside = law["saved_low_kwh"] <= week.saved_kwh <= law["saved_high_kwh"]
        assert answer.key.endswith(".outside") != inside
        in_words(answer, found.site)
        # Whatever analytics had said, the truth decides.
        upside_down = [{**law, "saved_low_kwh": 1e3, "saved_kwh": 1e3, "saved_high_kwh": 1e3}] * 3
        assert check_week(found.truth, upside_down, usual, str(place)).right == answer.right
        if week.kind == "saving":
            assert law["saved_low_kwh"] > 0
    for text in ("", "0", "4", "zwei"):
        assert check_week(found.truth, found.laws, usual, text).key == "weeks.choose"
