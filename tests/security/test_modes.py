"""Modes of files: for those alone who may read them. The canary's run holds the other commands to it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.whole_file import write_secret, write_whole
from tests.fieldlab.command import REPOSITORY

CONFIG = "fieldlab: lab\ntimezone: UTC\nlines: [{id: l, machines: [{id: m, ideal_cycle_time_s: 1}]}]\n"


def mode(path: Path) -> int:
    """Who may do what."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("umask", "store", "config"), [(0o000, 0o640, 0o666), (0o022, 0o640, 0o644), (0o077, 0o600, 0o600)]
)
def test_what_holds_data_is_shut_to_others_and_a_config_is_as_the_umask_says(
    tmp_path, umask, store, config
) -> None:
    """A stricter umask stays; services read the config under a user of their own."""
    (tmp_path / "lab.yaml").write_text(f"{CONFIG}store: {{kind: embedded, path: deep/lab.db}}\n")
    for words in (("store", "setup", "lab.yaml"), ("init", "new.yaml", "--example", "metal-cutting")):
        done = subprocess.run(
            [sys.executable, "-m", "fieldlab", *words], cwd=tmp_path, umask=umask, capture_output=True,
            text=True, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert mode(tmp_path / "deep") == 0o750 & ~umask
    assert {path.name: mode(path) for path in (tmp_path / "deep").iterdir()} == {
        "lab.db": store,
        "lab.db.lock": store,
    }
    assert mode(tmp_path / "new.yaml") == config


def test_a_secret_is_its_owner_s_alone_also_where_a_laxer_file_was(tmp_path) -> None:
    """Whatever the umask; what was there before is gone in one step."""
    path = tmp_path / "a.token"
    path.write_text("old")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        write_secret(path, "new")
    finally:
        os.umask(before)
    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["a.token"]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path) -> None:
    """Nobody has a secret written where he can read it."""
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "a.token").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".a.token.part").symlink_to(tmp_path / "elsewhere")
    write_secret(tmp_path / "a.token", "new")
    assert (tmp_path / "elsewhere").read_text() == "kept"
    assert not (tmp_path / "a.token").is_symlink()


def test_what_cannot_be_written_leaves_nothing_half(tmp_path) -> None:
    """A folder stands in its place: it stays, and beside it there is nothing."""
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_whole(tmp_path / "a", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
