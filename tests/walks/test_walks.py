"""Every command and config of every document does what it is there for."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.repo.documents import DOCUMENTS, ROOT, blocks, name
from tests.walks import compose, world

_SHELL = {"sh", "bash", "console"}
WALKS = [name(path) for path in DOCUMENTS if any(b.language in _SHELL for b in blocks(path))]
_AT_ONCE = 3


@pytest.fixture(scope="module")
def walks(request):
    """All that were asked for, some at a time: most of a walk is waiting."""
    if (reason := world.why_not()) is not None:
        pytest.skip(reason)
    mine = [item.callspec.params for item in request.session.items
            if item.parent is request.node and hasattr(item, "callspec")]  # fmt: skip
    asked = [params["document"] for params in mine if "document" in params]
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


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("docker compose up --detatch", "up has no --detatch"),
        ("docker compose --profile simulation up", "no profile simulation"),
        ("docker compose restart mosquito", "no service mosquito"),
        ("docker compose run --rm secrets logins", "first_start.py does not know logins"),
        ("docker compose run --rm analytics store backup /etc/fieldlab/lab.yaml x", "/etc/fieldlab/lab.yaml"),
        (
            "docker compose run analytics stores backup /etc/fieldlab/fieldlab.yaml x",
            "fieldlab does not take",
        ),
        ("docker compose exec gateway fieldlab ledgers", "fieldlab does not take ledgers"),
        ("docker compose cp analytics:/var/lib/backups/x x", "/var/lib/backups/x is nothing that"),
        ("echo nothing", "no call of docker compose"),
    ],
)
def test_a_line_of_compose_that_means_nothing_is_found(tmp_path, command: str, said: str) -> None:
    """Though nothing of it is run."""
    with pytest.raises(SystemExit, match=re.escape(said)):
        compose.checked(command, tmp_path)


def test_a_name_in_env_that_nobody_asks_for_is_found(tmp_path) -> None:
    """Docker Compose itself would say nothing."""
    (tmp_path / ".env").write_text("FIELDLAB_CONFG=./lab.yaml\n")
    with pytest.raises(SystemExit, match="does not ask for FIELDLAB_CONFG"):
        compose.checked("docker compose ps", tmp_path)
