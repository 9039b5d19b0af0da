"""Whatever the text, a Site or a ConfigError comes out; never another exception."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlab_configs import ConfigError, Site, parse
from tests.fieldlab_configs.texts import BASE

_ODD = (
    "",
    " ",
    "[1]",
    "~",
    "-1",
    "1e999",
    ".nan",
    "24:00",
    "é",
    "\x00",
    "\ud7ff",
    "9999-12-31",
    "0001-01-01",
)
_WORDS = st.sampled_from(sorted({*re.findall(r"[^\s{}\[\],\"]+(?<!:)", BASE), *_ODD, "from", "value"}))
_TREES = st.recursive(
    _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


def _flow(tree: object) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_flow, tree)) + "]"
    return str(tree) if str(tree).replace("_", "").isalnum() else '"' + str(tree).replace('"', "") + '"'


def _site_or_error(text: str) -> None:
    said: tuple[str, ...] = ()
    try:
        assert isinstance(parse(text), Site)
    except ConfigError as error:
        said = error.problems or ("nothing said",)
    assert all(problem.startswith("config.yaml") for problem in said)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_a_site_or_a_config_error(text: str) -> None:
    """Never another exception, whatever the text."""
    _site_or_error(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abf:,-[]{}&*!|>'\"%@`#?~ \n\t0159.\\", max_size=120))
def test_any_jumble_of_yaml_signs_gives_a_site_or_a_config_error(text: str) -> None:
    """Never another exception, whatever the signs."""
    _site_or_error(text)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_WORDS, _TREES, max_size=8))
def test_any_tree_of_known_words_gives_a_site_or_a_config_error(tree: dict[str, object]) -> None:
    """Known keys with any shape of value below them."""
    _site_or_error(_flow({"fieldlab": "lab", "timezone": "Europe/Amsterdam", **tree}))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_good_file_with_lines_taken_out_or_swapped_gives_a_site_or_a_config_error(
    data: st.DataObject,
) -> None:
    """As an editor leaves it halfway."""
    lines = BASE.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        here = data.draw(st.integers(0, len(lines) - 1))
        there = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "swap", "cut", "value"]))
        if change == "drop":
            lines[here] = ""
        elif change == "swap":
            lines[here], lines[there] = lines[there], lines[here]
        elif change == "cut":
            lines[here] = lines[here][: len(lines[here]) // 2]
        else:
            lines[here] = lines[here].partition(":")[0] + ": " + _flow(data.draw(_TREES))
    _site_or_error("\n".join(lines))
