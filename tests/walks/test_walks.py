"""Every command and config of every document does what it is there for."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.repo.documents import DOCUMENTS, ROOT, blocks, name
from tests.walks import world
from tests.walks.scenes import NOT_HERE
from tests.walks.walk import commands

_SHELL = {"sh", "bash", "console"}
WALKS = [
    name(path)
    for path in DOCUMENTS
    if any(b.language in _SHELL for b in blocks(path)) and name(path) not in NOT_HERE
]
_AT_ONCE = 3


@pytest.fixture(scope="module")
def walks(request):
    """All that were asked for, some at a time: most of a walk is waiting."""
    if (reason := world.why_not()) is not None:
        pytest.skip(reason)
    asked = [item.callspec.params["document"] for item in request.session.items if item.parent is request.node
             and "document" in getattr(item, "callspec", pytest).params]  # fmt: skip
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {document: pool.submit(_walk, document) for document in dict.fromkeys(asked)}


def _walk(document):
    command = [*world.apart(), sys.executable, "-m", "tests.walks.walk", document]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", WALKS)
def test_what_a_document_says_can_be_done(walks: dict[str, Future], document: str) -> None:
    """Files written and commands run from top to bottom, each with the status that belongs to it."""
    done = walks[document].result()
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"


@pytest.mark.parametrize("document", sorted(NOT_HERE))
def test_a_document_that_is_not_walked(document: str) -> None:
    """Named in the last lines: what nobody can run here, and why."""
    assert any(list(commands(b.text)) for b in blocks(ROOT / document) if b.language in _SHELL)
    pytest.skip(NOT_HERE[document])
