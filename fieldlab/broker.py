"""The broker inside the demo's process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig


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
