"""The supply chain: the bill of materials, known weaknesses of packages, and what may be installed."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.repo.documents import ROOT
from tools import audit, sbom

LOCKED = """# two packages
aiofiles==25.1.0 \\
    --hash=sha256:{a}
numpy==2.4.6 ; python_version >= "3.11" \\
    --hash=sha256:{b} \\
    --hash=sha256:{a}
""".format(a="a" * 64, b="b" * 64)
WEAK = "GHSA-aaaa-bbbb-cccc"


# -- the bill of materials


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """It, as `make sbom` writes it, but elsewhere."""
    target = tmp_path_factory.mktemp("sbom") / "made.json"
    done = subprocess.run(
        [sys.executable, "-m", "tools.sbom", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text())


def test_the_bill_of_materials_is_of_the_product_with_hashes_and_licences(made) -> None:
    """Ourselves, and exactly what the image's lock names, each file by its hash; by the schema."""
    root = made["metadata"]["component"]
    assert (root["name"], root["licenses"][0]["license"]["id"]) == ("fieldlab", "Apache-2.0")
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    lock = sbom.locked(ROOT / "requirements-image.lock")
    parts = {sbom.plain(c["name"]): c for c in made["components"]}
    assert parts.keys() == lock.keys()
    assert "pytest" not in parts
    for name, part in parts.items():
        (files,) = part["externalReferences"]
        assert {h["content"] for h in files["hashes"]} == set(lock[name][1]), name
        assert part.get("licenses") or part["scope"] == "optional", name
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in made["dependencies"]}
    assert any(ref.startswith("asyncua==") for ref in needs["root-component"])


def test_what_does_not_fit_is_no_bill_of_materials(tmp_path) -> None:
    """A package without a hash; another version than the lock's; what the schema refuses."""
    lock = tmp_path / "x.lock"
    lock.write_text("numpy==2.4.6\n")
    with pytest.raises(sbom.Unfit, match="no hash for numpy"):
        sbom.locked(lock)
    lock.write_text(LOCKED)
    assert sbom.locked(lock)["numpy"] == ("2.4.6", ["b" * 64, "a" * 64])
    installed = {"metadata": {"component": {"bom-ref": "r"}, "tools": {"components": []}},
                 "components": [{"name": "numpy", "version": "1.0", "bom-ref": "n"}]}  # fmt: skip
    with pytest.raises(sbom.Unfit, match=r"numpy 1\.0 is installed, 2\.4\.6 is locked: run make env"):
        sbom.bill(installed, sbom.locked(lock))
    with pytest.raises(sbom.Unfit, match="does not pass CycloneDX's schema"):
        sbom.checked({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": 1}]})


# -- known weaknesses


@contextmanager
def osv(weak: str) -> Iterator[str]:
    """A service of weaknesses as OSV has it: of one package it knows one."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = {"id": WEAK, "aliases": ["CVE-2026-1"], "summary": "s", "affected": [
                {"package": asked["package"], "ranges": [{"type": "ECOSYSTEM", "events": [
                    {"introduced": "0"}, {"fixed": "99.0"}]}]}]}  # fmt: skip
            body = json.dumps({"vulns": [found]} if asked["package"]["name"] == weak else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with servers.answering(Answer) as url:
        yield f"{url}/v1/query"


def audited(folder: Path, url: str, accepted: str = "") -> tuple[int, str]:
    """Exit status and words of the audit of a small lock."""
    (folder / "x.lock").write_text(LOCKED)
    (folder / "pyproject.toml").write_text(f"[tool.audit.accepted]\n{accepted}\n")
    done = subprocess.run(
        [sys.executable, "-m", "tools.audit", "--osv-url", url, "--lock", folder / "x.lock",
         "--pyproject", folder / "pyproject.toml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_known_weakness_fails_unless_it_is_accepted_for_a_time(tmp_path) -> None:
    """The real pip-audit, asking a service of ours; none found passes."""
    with osv("numpy") as url:
        status, said = audited(tmp_path, url)
        assert (status, "numpy 2.4.6: CVE-2026-1, mended in 99.0" in said) == (1, True), said
        rule = 'reason = "not called here", until = '
        status, said = audited(tmp_path, url, f'"{WEAK}" = {{{rule}2999-01-01}}')
        assert (status, "accepted until 2999-01-01: not called here" in said) == (0, True), said
    with osv("none") as url:
        status, said = audited(tmp_path, url)
        assert (status, "0 known weaknesses" in said) == (0, True), said


def test_where_nobody_can_be_asked_it_is_said_by_name_and_nothing_fails(tmp_path) -> None:
    """Nobody there; and a service that knows none of the packages, which pip-audit takes for good news."""
    status, said = audited(tmp_path, "http://127.0.0.1:9/v1/query")
    assert (status, said.startswith("pip-audit could not run: ")) == (0, True), said
    assert said.rstrip().endswith("were NOT looked up.")


def test_what_was_accepted_ends_on_its_day() -> None:
    """And an entry that nothing needs any more is named."""
    found = [audit.Weakness("p", "1", WEAK, (), ())]
    rule = {WEAK: {"reason": "r", "until": dt.date(2026, 5, 1)}, "old": {"reason": "r", "until": dt.date.max}}
    fails, said = audit.judged(found, rule, dt.date(2026, 5, 2))
    assert fails == [f"p 1: {WEAK}: was accepted until 2026-05-01: look at it again"]
    assert said == ["old: accepted, but no longer found: take it out"]
    fails, _ = audit.judged(found, {}, dt.date(2026, 5, 2))
    assert fails == [
        f"p 1: {WEAK}, not mended yet: make lock UPGRADE=1, or accept it in [tool.audit.accepted]"
    ]


def test_lint_makes_the_bill_and_asks_for_weaknesses_last() -> None:
    """So that what it says of them stands in lint's last lines."""
    text = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert recipe is not None
    lines = recipe[1].splitlines()
    assert "tools.audit" in lines[-1]
    assert any("tools.sbom" in line for line in lines)


# -- what is installed


def test_nothing_is_installed_without_its_hash() -> None:
    """Every `pip install` of requirements in the repository asks for hashes; npm reads its lock."""
    found = 0
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split():
        path = ROOT / name
        if path.suffix in (".lock", ".md", ".json", ".py", ".png") or not path.is_file():
            continue
        for line in re.sub(r"\\\n\s*", " ", path.read_text(errors="replace")).splitlines():
            if line.lstrip().startswith("#"):
                continue
            if re.search(r"\bpip\b.*\binstall\b|^\s*pip install", line) and re.search(
                r"\s(-r|--requirement)\b", line
            ):
                found += 1
                assert "--require-hashes" in line, (name, line)
            assert not re.search(r"\bnpm (install|i)\b", line), (name, line)
    assert found >= 1


def test_nobody_is_told_to_install_the_product_by_its_name() -> None:
    """No registry has it: whoever takes that name there would be installed, and without a hash."""
    told = re.compile(r"\binstall\b[^\n`]*[\s'\"]fieldlab(?![-\w./*])|\bfieldlab\[")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {
        name
        for name in tracked.stdout.split()
        if name.endswith((".py", ".md", ".sh", "Dockerfile")) and told.search((ROOT / name).read_text())
    }
    assert found - {"tests/repo/test_supply.py", "CHANGELOG.md"} == set()


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "tests").rglob("package-lock.json")), ids=lambda p: p.parent.name
)
def test_every_package_of_npm_has_its_hash(lock) -> None:
    """SHA-512 of each file; none from a repository or a folder."""
    packages = json.loads(lock.read_text())["packages"]
    for name, package in packages.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
