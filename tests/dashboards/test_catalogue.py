"""The catalogue: one definition of every figure, and words for all of it."""

from __future__ import annotations

import math
import random
import re
from string import Formatter

import pytest

from analytics.experiments import REASONS
from analytics.fields import ATOM_FIELDS
from analytics.kpis import of_group, of_machine
from analytics.losses import CATEGORIES, waterfall
from dashboards import wording
from dashboards.catalogue import LOSSES, PANELS, SCREENS, Formula, Sum, formulas
from dashboards.outcomes import sentence
from fieldlab_configs.states import STATE_CLASSES


def _value(total: Sum, sums: dict[str, float]) -> float:
    return sum(sums[f] for f in total.plus) - sum(sums[f] for f in total.minus)


def _divide(formula: Formula, sums: dict[str, float]) -> float:
    under = _value(formula.under, sums)
    if formula.known is not None and _value(formula.known, sums) <= 0:
        return math.nan
    return formula.factor * _value(formula.over, sums) / under if under else math.nan


@pytest.mark.parametrize("convention", ["iso22400", "nakajima"])
@pytest.mark.parametrize("line", [False, True])
def test_every_formula_equals_the_figure_of_the_same_name(convention, line) -> None:
    """On sums at random, the catalogue's quotients are what ``fieldlab kpi`` would print."""
    rng = random.Random(7)
    for _ in range(50):
        sums = {name: rng.uniform(1.0, 1000.0) for name in ATOM_FIELDS}
        expected = (of_group if line else of_machine)(sums, convention)
        # No KPI of the model: the pace at the ideal cycle time of what was made.
        expected["ideal_rate_per_h"] = 3600 * sums["produced_quantity"] / sums["ideal_production_time_s"]
        for name, formula in formulas(convention, line=line).items():
            assert _divide(formula, sums) == pytest.approx(expected[name], rel=1e-12, nan_ok=True), name


def test_every_panel_of_atoms_has_a_formula_or_is_a_sum_of_an_atom_field() -> None:
    """Nothing is drawn that cannot be summed from atoms."""
    known = {*formulas("iso22400", line=False), *ATOM_FIELDS, *LOSSES}
    for panel in PANELS:
        if panel.source == "atom":
            for measure in (*panel.measure, *panel.line_measure, *filter(None, (panel.low, panel.high))):
                assert measure in known, (panel.id, measure)


def test_the_losses_are_those_of_the_waterfall() -> None:
    """On sums at random: what ``fieldlab losses`` would print, and all of them planned time."""
    assert set(LOSSES) == set(CATEGORIES)
    rng = random.Random(11)
    for _ in range(50):
        sums = {name: rng.uniform(1.0, 1000.0) for name in ATOM_FIELDS}
        expected = {str(row["loss"]): row["minutes"] for row in waterfall(sums, 1.0)}
        for name, loss in LOSSES.items():
            assert _value(loss, sums) / 60 == pytest.approx(expected[name]), name


def test_every_panel_is_on_a_screen_and_every_screen_has_words() -> None:
    """No panel that nobody sees, no heading without words."""
    assert {panel.id for screen in SCREENS for panel in screen.panels} == {panel.id for panel in PANELS}
    for screen in SCREENS:
        keys = [f"screen.{screen.id}", f"screen.{screen.id}.question"]
        assert all(wording.has(key) for key in (*keys, *(f"section.{s.id}" for s in screen.sections)))


def test_every_panel_has_words_in_both_languages() -> None:
    """A title, the question it answers, and how the figure is made."""
    for panel in PANELS:
        for key in (panel.id, f"{panel.id}.question", f"{panel.id}.how"):
            for language in wording.LANGUAGES:
                assert wording.say(key, language).strip(), key


def test_every_state_has_a_name() -> None:
    """The ten classes, in both languages, and no two alike."""
    for language in wording.LANGUAGES:
        names = {wording.say(f"state.{name}", language) for name in STATE_CLASSES}
        assert len(names) == len(STATE_CLASSES)


def test_both_languages_leave_the_same_blanks() -> None:
    """A text that loses a value in translation would say something else."""
    for key in wording.keys():  # noqa: SIM118 - a function of that module, not of a dict
        blanks = [
            {name for _, name, _, _ in Formatter().parse(wording.say(key, language)) if name}
            for language in wording.LANGUAGES
        ]
        assert blanks[0] == blanks[1], key


def test_words_of_pages_keep_to_one_spelling() -> None:
    """CO₂, euros by the one home of money, a sign on its number's line; and no Dutch left in English."""
    for key in wording.keys():  # noqa: SIM118 - a function of that module, not of a dict
        nl, en = (re.sub(r"{.*?}", "", wording.say(key, language)) for language in wording.LANGUAGES)
        for said in (nl, en):
            assert "CO2" not in said, key
            assert "€" not in said, f"{key}: money is written by dashboards.amounts.money"
            assert " %" not in said, key
        assert not {"arm", "armen", "gematcht", "venster", "vensters"} & set(
            re.findall(r"\w+", nl.lower())
        ), key
        assert not {"het", "een", "van"} & set(re.findall(r"\w+", en.lower())), key


def test_one_and_many_are_told_apart() -> None:
    """A blank that names both forms takes the one that fits."""
    told = {"machine": "m1", "reason": "x"}
    one = wording.say("data_quality.gaps", "nl", count="1", gaps="1", **told)
    many = wording.say("data_quality.gaps", "nl", count="40", gaps="2", **told)
    assert (one, many) == (
        "m1: 1 meting ontbreekt zeker (1 gat: x).",
        "m1: 40 metingen ontbreken zeker (2 gaten: x).",
    )


def test_every_reason_for_no_verdict_is_said_in_both_languages() -> None:
    """On the page from what the store keeps; in a cell of Grafana's without its numbers."""
    blanks = {"arm": "trial", "blocks": 1, "least": 6, "coverage": 0.4}
    for code, text in REASONS.items():
        names = {name for _, name, _, _ in Formatter().parse(text) if name}
        row = {
            "kpi": "oee_index", "verdict": "not enough data", "reason_code": code, "more_blocks": None,
            "reason_values": {n: 0.5 if (code, n) == ("low_coverage", "least") else blanks[n] for n in names},
        }  # fmt: skip
        for language in wording.LANGUAGES:
            said = sentence(row, language)
            assert said.startswith(f"{wording.say('oee_index', language)}: "), said
            assert ("want" if language == "nl" else "because") in said
            assert not re.search(r"[{}]|trial" if language == "nl" else "[{}]", said), said
            assert wording.say(f"why_not.{code}", language)
