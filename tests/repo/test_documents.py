"""Documents say only what is so."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fieldlab.commands import parser
from fieldlab_configs import load
from fieldlab_configs.load import parse
from tests.repo.documents import DOCUMENTS, ROOT, anchors, blocks, commands, links, name, sentences
from tools import reference

BLOCKS = [block for path in DOCUMENTS for block in blocks(path)]
SHELL = [block for block in BLOCKS if block.language in ("sh", "bash", "console")]
CONFIGS = [b for b in BLOCKS if b.language == "yaml" and b.text.startswith("fieldlab:")]
PARTS = [b for b in BLOCKS if b.language == "yaml" and not b.text.startswith("fieldlab:")]
WHOLE = """
fieldlab: workshop
timezone: Europe/Amsterdam
lines: [{id: milling, machines: [{id: mill1, signals: {total_count: {source: plc1, node: "nsu=urn:x;s=n"}}}]}]
sources: {plc1: {kind: opcua, endpoint: "opc.tcp://10.0.0.5:4840"}}
gateways: {edge1: {sources: [plc1]}}
store: {kind: embedded, path: workshop.db}
companies: [{id: acme, name: Acme}]
"""
"""What parts of a config that stand alone are parts of."""
_LEFT_OUT = ([], ["x"], ["x", "x"], ["--help"])
"""What a sentence need not say of a command: config and files."""
_PROGRAMS = "make|docker|pip|pip3|pipx|uv|python3?|sudo|systemctl|install|cp|mkdir|curl|apt|apt-get"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_relative_link_leads_somewhere(path: Path) -> None:
    """Every link within the repository names a file and a heading that exist."""
    broken = []
    for link in links(path):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        here = file.exists() and file.is_relative_to(ROOT)
        if not here or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("block", SHELL, ids=lambda b: b.where)
def test_a_fieldlab_command_in_a_document_parses(block) -> None:
    """Every `fieldlab ...` line is accepted by the command line's own parser."""
    for arguments in commands(block, "fieldlab"):
        try:
            parser().parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{block.where}: fieldlab {' '.join(arguments)}")


@pytest.mark.parametrize("block", SHELL, ids=lambda b: b.where)
def test_a_make_target_in_a_document_exists(block) -> None:
    """Every `make ...` line names a target of the Makefile."""
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":" in line}
    for arguments in commands(block, "make"):
        assert [a for a in arguments if "=" not in a and a not in targets] == []


@pytest.mark.parametrize("block", CONFIGS, ids=lambda b: b.where)
def test_a_whole_config_in_a_document_loads(block) -> None:
    """A YAML block that starts with `fieldlab:` is a config without a mistake."""
    assert parse(block.text, block.where).fieldlab


@pytest.mark.parametrize("block", PARTS, ids=lambda b: b.where)
def test_a_part_of_a_config_in_a_document_has_its_place(block) -> None:
    """Any other YAML block is some keys of a config: put into a whole one, that loads."""
    yaml = YAML()
    config = {**yaml.load(WHOLE), **yaml.load(block.text)}
    text = StringIO()
    yaml.dump(config, text)
    assert parse(text.getvalue(), block.where).fieldlab


def taken(arguments: list[str]) -> bool:
    """Whether the command line takes them; of a command that is only named, whether there is one."""
    try:
        parser().parse_args(arguments)
    except SystemExit as ended:
        return ended.code == 0 and not any(word.startswith("-") for word in arguments[:-1])
    return True


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if p.name != "CHANGELOG.md"], ids=name)
def test_a_command_between_words_parses(path: Path) -> None:
    """`fieldlab ...` in a sentence is what the command line takes; `make ...` is a target."""
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":" in line}
    for where, arguments in sentences(path, "fieldlab"):
        assert any(taken([*arguments, *more]) for more in _LEFT_OUT), (where, arguments)
    for where, arguments in sentences(path, "make"):
        assert [a for a in arguments if "=" not in a and a not in targets] == [], where


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in ("text", "")], ids=lambda b: b.where)
def test_a_command_does_not_hide_in_a_block_of_text(block) -> None:
    """What is to be typed stands in a block of shell, which is run; a crontab's command parses."""
    assert re.findall(rf"(?m)^(?:\S*/)?(?:{_PROGRAMS}) +\S.*$|^fieldlab \S.*$", block.text) == []
    for words in re.findall(r"(?m)^\d\S*(?: +\S+){4} +\S*/fieldlab +(.*)$", block.text):
        parser().parse_args(shlex.split(words))


@pytest.mark.parametrize("path", sorted((ROOT / "fieldlab_configs/examples").glob("*.yaml")), ids=name)
def test_an_example_config_loads(path: Path) -> None:
    """Every example is a config without a mistake."""
    assert load(path).fieldlab


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_written_from_the_code_is_current(page: str) -> None:
    """A generated page is what the code gives now; else run `python -m tools.reference`."""
    assert (reference.FOLDER / page).read_text() == reference.PAGES[page]()


@pytest.mark.parametrize(
    "path", [p for p in DOCUMENTS if p.parent != ROOT and p.name != "README.md"], ids=name
)
def test_every_document_can_be_reached_from_the_index(path: Path) -> None:
    """No page is forgotten: the index, or the index of its folder, links to it."""
    reached = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in DOCUMENTS
        if index.name == "README.md"
        for link in links(index)
        if "://" not in link
    }
    assert path.resolve() in reached
