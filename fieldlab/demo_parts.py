"""What the demo is made of: its config with free ports, and a broker inside the process."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from ruamel.yaml import YAML

from fieldlab_configs import Site, load


def demo_site(folder: Path) -> Site:
    """The demo's config, with free ports and its data beside it.

    Parameters
    ----------
    folder : Path
        The config is written there as ``demo.yaml``, so that every command can be tried on it.
    """
    yaml = YAML()
    text = (files("fieldlab_configs.examples") / "demo.yaml").read_text(encoding="utf-8")
    config = yaml.load(text)
    for source in config["sources"].values():
        if source["kind"] == "opcua":
            source["endpoint"] = f"opc.tcp://127.0.0.1:{free_port()}"
        else:
            source["port"] = free_port()
    for gateway in config["gateways"].values():
        gateway["spool"]["path"] = "spool"
    config["store"]["path"] = "demo.db"
    path = folder / "demo.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(config, file)
    return load(path)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def broker(port: int) -> AsyncIterator[None]:
    """An MQTT broker inside this process, on the loopback interface alone."""
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
    server = Broker(config)
    await server.start()
    try:
        yield
    finally:
        await server.shutdown()
