"""Any config made to run on this computer alone: simulated machines, free ports, nothing real."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from fieldlab.errors import WrongUse
from fieldlab.examples import ENDING, example, is_name
from fieldlab.processes import free_port
from fieldlab.simulated import equip
from fieldlab_configs import Site, load
from fieldlab_configs.load import parse

FIRST: Final = "demo"
"""The example that is shown where none is named."""
_OF_THE_REAL_SERVER: Final = (
    "certificate", "private_key", "private_key_password", "server_name", "user_certificate", "user_key",
)  # fmt: skip
_OF_THE_REAL_BROKER: Final = (
    "tls", "ca", "certificate", "private_key", "private_key_password", "user", "password", "client_id",
    "share",
)  # fmt: skip


def demo_site(folder: Path, what: str | None = None) -> Site:
    """A config with its sources on this computer, and its data beside it.

    Parameters
    ----------
    folder : Path
        The config is written there, under the name it has, so that every command can be tried on it.
    what : str, optional
        The name of an example, or the file of a config; default: the demo's own.

    Raises
    ------
    WrongUse
        If there is no such example, or nothing in the config can be simulated.
    ConfigError
        If the config is wrong.
    """
    if what is None or is_name(what):
        name, text = what or FIRST, example(what or FIRST).text
    else:
        name, text = Path(what).stem, Path(what).read_text(encoding="utf-8-sig") if load(what) else ""
    path = folder / f"{name}{ENDING}"
    yaml = YAML()
    config = yaml.load(text)
    _check(parse(text, what or path))
    _at_home(config)
    try:
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(config, file)
    except OSError as error:
        raise WrongUse(f"{path}: cannot be written: {error.strerror}") from None
    site = load(path)
    equip(site)
    return site


def _check(site: Site) -> None:
    """Whether simulated machines can stand in for all that it reads."""
    if not any(signal.source for machine in site.machines() for signal in machine.signals.values()):
        raise WrongUse(f"{site.path}: no signal has a source, so there is no machine to simulate")
    for name, source in site.sources.items():
        if source.kind == "driver":
            raise WrongUse(f"{site.path}: sources.{name}: a source of kind driver cannot be simulated")


def _at_home(config: dict[str, Any]) -> None:
    """Sources on loopback, one gateway that follows their clock, a store in a file."""
    for name, source in config["sources"].items():
        if source["kind"] == "opcua":
            _server_here(name, source)
        else:
            _broker_here(source)
    gateways = config.get("gateways") or {"edge1": {}}
    first = next(iter(gateways))
    config["gateways"] = {
        first: {"sources": list(config["sources"]), "clock": "source", "spool": {"path": "spool"}}
    }
    config["store"] = {"kind": "embedded", "path": "demo.db"}
    for key in ("also", "app"):
        config.pop(key, None)


def _server_here(name: str, source: dict[str, Any]) -> None:
    """Security and user stay as they are: certificates and a password are made for the occasion."""
    source["endpoint"] = f"opc.tcp://127.0.0.1:{free_port()}"
    for key in _OF_THE_REAL_SERVER:
        source.pop(key, None)
    if source.get("security") != "none":
        source["pki"] = "pki"
    if "password" in source:
        source["password"] = {"file": f"secrets/{name}.password"}


def _broker_here(source: dict[str, Any]) -> None:
    """The broker inside the demo is on loopback and knows neither TLS nor passwords nor MQTT 5."""
    for key in _OF_THE_REAL_BROKER:
        source.pop(key, None)
    source |= {"host": "127.0.0.1", "port": free_port(), "protocol": "3.1.1"}
    if source["kind"] == "mqtt":
        source.setdefault("clock_topic", "fieldlab/demo/clock")
