"""A gateway process whose spool never commits: started by a test, which kills it. Argument: a port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateways.clock import GatewayClock
from gateways.gateway import run
from tests.gateways.helpers import Collector, site
from tests.gateways.mqtt_peer import MqttPeer


class Stuck(Collector):
    async def accept(self, samples: object) -> None:  # noqa: ARG002 - it looks at nothing
        sys.stdout.write("got\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def main() -> None:
    peer = MqttPeer(Path())
    peer.port = int(sys.argv[1])
    await run(
        site(peer.config, peer.signals()), "edge", Stuck(), GatewayClock("system"), stop=asyncio.Event()
    )


if __name__ == "__main__":
    asyncio.run(main())
