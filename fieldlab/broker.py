"""A broker of our own, where no mosquitto is: in the demo's process, or `python -m fieldlab.broker PORT`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

from fieldlab.services import until_stopped


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


async def _serve(port: int) -> None:
    async def service(stop: asyncio.Event) -> None:
        async with broker(port):
            await stop.wait()

    await until_stopped(service)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
