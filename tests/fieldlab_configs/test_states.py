"""The named tables hold the codes of their standards, and a config overrides them."""

from __future__ import annotations

import pytest

from fieldlab_configs import STATE_CLASSES, TABLES, code_text, parse
from fieldlab_configs.states import ALIASES, merged


def test_every_table_maps_to_known_classes() -> None:
    """No table names a class that does not exist."""
    assert {to for table in TABLES.values() for to in table.values()} <= set(STATE_CLASSES)
    assert set(ALIASES.values()) <= set(TABLES)


@pytest.mark.parametrize(
    ("table", "code", "state"),
    [
        ("packml", "0", "unknown"), ("packml", "2", "stopped"), ("packml", "4", "idle"),
        ("packml", "5", "starved"), ("packml", "6", "producing"), ("packml", "9", "down"),
        ("packml", "11", "stopped"), ("packml", "16", "producing"), ("packml", "17", "idle"),
        ("opc30050", "6", "producing"),
        ("packml30060", "0", "stopped"), ("packml30060", "4", "producing"), ("packml30060", "8", "down"),
        ("packml30060", "12", "starved"), ("packml30060", "15", "stopped"), ("opc30060", "2", "idle"),
        ("opc40001", "0", "unknown"), ("opc40001", "1", "maintenance"), ("opc40001", "2", "idle"),
        ("opc40001", "3", "producing"), ("opc40001", "NotExecuting", "idle"),
        ("opc40501", "1", "producing"), ("opc40501", "2", "setup"), ("opc40501", "4", "maintenance"),
        ("euromap", "1", "producing"), ("euromap", "4", "setup"), ("euromap", "5", "idle"),
        ("weihenstephan", "8", "starved"), ("weihenstephan", "16", "blocked"),
        ("weihenstephan", "128", "producing"), ("weihenstephan", "1024", "down"),
        ("mtconnect", "READY", "idle"), ("mtconnect", "ACTIVE", "producing"),
        ("mtconnect", "INTERRUPTED", "stopped"), ("mtconnect", "FEED_HOLD", "stopped"),
        ("mtconnect", "PROGRAM_COMPLETED", "idle"), ("mtconnect", "UNAVAILABLE", "unknown"),
    ],
)  # fmt: skip
def test_a_code_of_a_standard_has_its_class(table: str, code: str, state: str) -> None:
    """Codes as the standards number them."""
    assert merged(table, {})[code] == state


@pytest.mark.parametrize("table", ["packml", "packml30060"])
@pytest.mark.parametrize("name", ["Execute", "EXECUTE", "execute"])
def test_packml_states_may_come_by_name(table: str, name: str) -> None:
    """A server that gives the state as text is read by the same table."""
    assert TABLES[table][name] == "producing"


def test_both_packml_numberings_name_the_same_states() -> None:
    """They differ in numbers alone."""
    names = [{k: v for k, v in TABLES[t].items() if not k.isdigit()} for t in ("packml", "packml30060")]
    assert {k: v for k, v in names[0].items() if k.lower() != "undefined"} == names[1]
    assert sorted(k for k in TABLES["packml"] if k.isdigit()) == sorted(map(str, range(18)))
    assert sorted(k for k in TABLES["packml30060"] if k.isdigit()) == sorted(map(str, range(17)))


def test_a_name_overridden_is_so_in_every_spelling() -> None:
    """Case is no reason to miss an override; the table itself stays as it was."""
    result = merged("packml", {"held": "blocked", "11": "down"})
    assert (result["HELD"], result["Held"], result["held"], result["11"]) == (
        "blocked",
        "blocked",
        "blocked",
        "down",
    )
    assert TABLES["packml"]["Held"] == "stopped"


@pytest.mark.parametrize(
    ("code", "text"),
    [(11, "11"), (11.0, "11"), ("11", "11"), (True, "1"), ("RUN", "RUN"), (0.5, "0.5"), (-0.0, "0")],
)
def test_a_code_has_one_text(code: object, text: str) -> None:
    """Never `11.0`."""
    assert code_text(code) == text


def test_states_are_said_in_four_ways() -> None:
    """A name, a table with a map, a map, made of counts or power."""
    head = "fieldlab: lab\ntimezone: UTC\nlines:\n  - id: a\n    machines:\n      - id: m\n"
    tail = "        signals: {state: {}, total_count: {}, power: {}}\n"

    def states(text: str):
        return parse(f"{head}        states: {text}\n{tail}").machine("m").states.latest

    assert states("opc30060").table == "packml30060"
    assert states("{table: packml, map: {11: down}}").state_of(11) == "down"
    assert states("{map: {RUN: producing}}").map == {"RUN": "producing"}
    assert states("{from_count: {stop_after_s: 120}}").from_count.stop_after_s == 120
    assert states("{from_count: {}}").from_count.stop_after_s is None
    assert states("{from_power: {off_below_kw: 0.2, idle_below_kw: 3}}").from_power.idle_below_kw == 3
