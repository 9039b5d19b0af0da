"""The page that shows how a source is added: driver, registry line and test, as they stand there."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from fieldlab.cli import main
from fieldlab_configs import parse
from gateways import source
from gateways.errors import SourceRefused
from tests.gateways.helpers import Collector, running, until
from tests.repo.documents import ROOT, blocks

_BLOCKS = list(blocks(ROOT / "docs" / "how-to" / "add-a-source.md"))
_DRIVER, _TEST = [block.text for block in _BLOCKS if block.language == "python"]
_LINE = next(block.text for block in _BLOCKS if block.language == "text")
_CONFIG = next(block.text for block in _BLOCKS if block.language == "yaml")


def _module(name: str, text: str) -> ModuleType:
    """A file of the page, as a module."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - our own page
    return module


_module("gateways.lines", _DRIVER)
TestLinesContract = _module("tests.gateways.test_lines", _TEST).TestLinesContract


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line, in the registry."""
    kind, driver = (part.strip(' ",\n') for part in _LINE.split(": "))
    monkeypatch.setitem(source.DRIVERS, kind, driver)


def test_the_configuration_of_the_page_leads_to_the_driver():
    """Its signals are found by their addresses."""
    site = parse(_CONFIG)
    assert [point.signal.address for point in source.points_of(site, "saws")] == ["state", "count"]
    assert site.sources["saws"].options == {"time_field": "t"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("driver: lines", "driver: lins"),
            "there is no driver lins; there are opcua, mqtt, sparkplug, lines",
        ),
        (("10.0.0.9:7000", "10.0.0.9"), "sources.saws.address must be host:port, got '10.0.0.9'"),
    ],
)
async def test_a_mistake_is_said_once(change, said, caplog):
    """A name that nobody registered, or an address that is none: no traceback, no retry."""
    fieldlab = parse(_CONFIG.replace(*change).replace("edge1", "edge"))
    async with running(fieldlab, Collector()):
        await until(lambda: said in caplog.text, what=lambda: caplog.text)
    assert not [record for record in caplog.records if record.exc_info]


def test_a_driver_that_is_not_there_is_refused():
    """Where the configuration names one."""
    site = parse(_CONFIG.replace("driver: lines", "driver: nobody"))
    with pytest.raises(SourceRefused, match="there is no driver nobody"):
        source.make(site, None, "saws")


def test_check_knows_the_drivers(tmp_path, capsys):
    """A name that nobody registered is found before anything runs."""
    path = tmp_path / "lab.yaml"
    path.write_text(_CONFIG)
    assert main(["check", str(path)]) == 0
    path.write_text(_CONFIG.replace("driver: lines", "driver: lins"))
    assert main(["check", str(path)]) == 2
    said = capsys.readouterr().err
    assert "sources.saws.driver: there is no driver lins; there are opcua, mqtt, sparkplug, lines" in said
