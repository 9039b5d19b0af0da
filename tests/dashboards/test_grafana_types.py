"""Dashboards are what Grafana's own types say: compiled against the schemas of Grafana 11, 12 and 13."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dashboards.build import as_json
from dashboards.grafana import boards, render
from fieldlab_configs import Site, load
from tests.dashboards.week import CONFIG, STATES

TYPES = Path(__file__).with_name("types")
VERSIONS = (11, 12, 13)
AWAY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
HEAD = """\
import type {{ Dashboard }} from "schema-{version}";
import type {{ Board }} from "./board";

export const board: Board<Dashboard> = """


@pytest.fixture(scope="module")
def schemas(tmp_path_factory) -> Path:
    """A folder with Grafana's types and a compiler, by the lock."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed (Debian, Ubuntu: apt install npm)")
    folder = tmp_path_factory.mktemp("types")
    shutil.copytree(TYPES, folder, dirs_exist_ok=True)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if any(word in done.stderr for word in AWAY):
        pytest.skip(f"npm reaches no registry: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """A fieldlab of which everything has a name that is hard to write."""
    path = tmp_path_factory.mktemp("config") / "lab.yaml"
    store = 'kind: influxdb, url: "http://127.0.0.1:8086"'
    text = CONFIG.format(
        lab="lab", company="acme", other="later", store=store, states=STATES, products="{a: {}}"
    )
    path.write_text(text, encoding="utf-8")
    return load(path)


def compiled(folder: Path) -> str:
    """What the compiler complains of."""
    tsc = folder / "node_modules" / ".bin" / "tsc"
    done = subprocess.run(
        [tsc, "-p", "."], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout


def test_every_dashboard_is_of_grafana_s_own_type(schemas, site) -> None:
    """For the fieldlab and for a company; and the types are not so wide that anything would be."""
    for company, language in (("", "nl"), ("acme", "en")):
        for board in boards(site, language, company):
            content = as_json(render(board))
            for version in VERSIONS:
                name = f"{company}{board.screen.id}{version}.ts"
                (schemas / name).write_text(HEAD.format(version=version) + content, encoding="utf-8")
    wrong = content.replace('"graphTooltip": 1', '"graphTooltip": 7')
    assert wrong != content
    for version in VERSIONS:
        (schemas / f"wrong{version}.ts").write_text(HEAD.format(version=version) + wrong, encoding="utf-8")
    complaints = compiled(schemas).splitlines()
    assert [line.split("(")[0] for line in complaints] == [f"wrong{version}.ts" for version in VERSIONS], (
        complaints
    )
