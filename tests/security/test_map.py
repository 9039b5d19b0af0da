"""What the documents of security say is shown by tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.repo.documents import ROOT

MODEL = ROOT / "docs" / "explanation" / "threat-model.md"
MAP = ROOT / "docs" / "reference" / "security-controls.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)?)`")


def rows(text: str) -> list[str]:
    """The rows of all tables, without heads."""
    lines = text.splitlines()
    return [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("| ") and not after.startswith("|---")
    ]


def controls() -> dict[str, list[str]]:
    """Each control of the threat model, and its tests."""
    found = {}
    for row in rows(MODEL.read_text()):
        named = re.match(r"\| (C\d+) ", row)
        if named:
            found[named[1]] = _TEST.findall(row)
    return found


def test_every_test_that_is_named_exists() -> None:
    """As a function that pytest collects: collecting itself takes a minute of imports."""
    named = {*_TEST.findall(MODEL.read_text()), *_TEST.findall(MAP.read_text())}
    assert len(named) > 60
    missing = []
    for file, _, function in (name.partition("::") for name in sorted(named)):
        path = ROOT / file
        known = _functions(path) if path.exists() else set()
        if not known or (function and function not in known):
            missing.append(f"{file}::{function}")
    assert missing == []


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {n.name for n in tree.body if isinstance(n, defined) and n.name.startswith("test_")}


def test_every_control_is_shown_by_a_test_and_every_threat_has_a_control() -> None:
    """Numbered without a hole, each used by a boundary or standing for the whole."""
    known = controls()
    assert list(known) == [f"C{n}" for n in range(1, len(known) + 1)]
    assert [name for name, tests in known.items() if not tests] == []
    used = set(re.findall(r"\bC\d+\b", MODEL.read_text().partition("## Controls")[0]))
    assert used <= set(known)
    assert set(known) - used <= {"C20"}


def test_every_point_has_a_control_or_says_that_it_is_not_met() -> None:
    """And names only controls that there are."""
    known = set(controls())
    points = rows(MAP.read_text())
    assert len(points) > 50
    for point in points:
        cells = [cell.strip() for cell in point.strip("|").split("|")]
        assert len(cells) == 3, point
        named = set(re.findall(r"\bC\d+\b", cells[2]))
        assert named <= known, point
        assert named or "not met" in cells[1] or "SECURITY.md" in cells[1], point
