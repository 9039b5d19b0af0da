"""Every check of a configuration says file, line and key, and what it should have been."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fieldlab_configs.texts import BASE, problems, spoilt


class Case(NamedTuple):
    """A case of messages.txt; see its head."""

    name: str
    old: str
    new: str
    said: str
    at: str


def _cases() -> list[Case]:
    blocks = (Path(__file__).parent / "messages.txt").read_text(encoding="utf-8").strip().split("\n\n")[1:]
    cases = []
    for block in blocks:
        parts: dict[str, list[str]] = {sign: [] for sign in "#-+=@"}
        for line in block.splitlines():
            parts[line[0]].append(line[2:])
        cases.append(Case(*("\n".join(parts[sign]) for sign in "#-+=@")))
    return cases


def _line(case: Case, text: str) -> int:
    if case.at:
        return next(n for n, t in enumerate(text.splitlines(), 1) if t.strip().startswith(case.at))
    return BASE[: BASE.index(case.old)].count("\n") + 1 + case.new.count("\n")


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_a_wrong_value_is_named_by_file_line_and_key(case: Case) -> None:
    """One thing is spoilt in a good file; exactly that is said, and where."""
    text = spoilt((case.old, case.new))
    assert problems(text) == [f"lab.yaml:{_line(case, text)}: {case.said}"]


def test_windows_of_two_companies_may_not_overlap_on_one_machine() -> None:
    """Each window that overlaps another company's is named."""
    said = problems(spoilt(("machines: [m2]", "machines: [m2, m1]")))
    assert [s.split(": ", 1)[1] for s in said] == [
        "experiments.speed.arms.baseline[0]: overlaps a window of experiment coolant of acme on machine m1",
        "experiments.speed.arms.trial[0]: overlaps a window of experiment coolant of acme on machine m1",
    ]


def test_further_stores_need_a_first_and_are_not_too_many() -> None:
    """Said of `also`, where it stands."""
    store = BASE[BASE.index("store:\n") :]
    many = ", ".join(f"s{n}: {{kind: embedded, path: s{n}.db}}" for n in range(16))
    line = BASE.count("\n") + 1
    also = f"also: {{{many}}}\n"
    assert problems(BASE + also) == [f"lab.yaml:{line}: also: names 16 stores; there can be 15"]
    (said,) = problems(spoilt((store, also)))
    assert said.endswith(": also: needs a store: the first one, which figures are read from")


def test_a_secret_in_clear_is_never_repeated() -> None:
    """The message about a password must not spread it."""
    said = problems(spoilt(("password: {env: PLC1_PASSWORD}}", "password: hunter2}")))
    assert "hunter2" not in "".join(said)
    said = problems(spoilt(("url: https://10", "url: https://me:hunter2@10")))
    assert "hunter2" not in "".join(said)


def test_all_problems_are_said_at_once_in_order_of_line() -> None:
    """Values, keys, doubles and references that are wrong are gathered in one error."""
    text = spoilt(
        ("name: Lab", "name: Lab\nname: Lab2"),
        ("heartbeat_s: 10", "heartbeat_s: soon"),
        ("bottleneck: m1", "bottleneck: m8"),
        ("minor_stop_s: 300", "minor_stops: 300"),
    )
    lines = [
        n for n, t in enumerate(text.splitlines(), 1) if any(w in t for w in ("Lab2", "soon", "m8", "stops"))
    ]
    assert [int(s.split(":")[1]) for s in problems(text)] == lines
    assert len(lines) == 4


def test_a_file_of_something_else_is_not_told_in_full() -> None:
    """The first hundred problems, and how many more there are."""
    said = problems(BASE + "".join(f"k{n}: 1\n" for n in range(150)))
    assert len(said) == 101
    assert said[-1] == "lab.yaml: and 50 more problems"


def test_the_base_itself_is_right() -> None:
    """Or else every case above proves nothing."""
    with pytest.raises(AssertionError, match="holds no"):
        spoilt(("nowhere to be found", ""))
    with pytest.raises(pytest.fail.Exception):
        problems(BASE)
