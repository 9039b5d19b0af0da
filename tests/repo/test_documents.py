"""Documents say only what is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldlab.commands import parser
from fieldlab_configs import load
from fieldlab_configs.load import parse
from tests.repo.documents import DOCUMENTS, ROOT, anchors, blocks, commands, links, name
from tools import reference

BLOCKS = [block for path in DOCUMENTS for block in blocks(path)]
SHELL = [block for block in BLOCKS if block.language in ("sh", "bash", "console")]
CONFIGS = [b for b in BLOCKS if b.language == "yaml" and b.text.startswith("fieldlab:")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_relative_link_leads_somewhere(path: Path) -> None:
    """Every link within the repository names a file and a heading that exist."""
    broken = []
    for link in links(path):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
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
