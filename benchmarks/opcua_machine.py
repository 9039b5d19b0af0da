"""A machine for measurements: an OPC UA server in a process of its own, as fast as its one listener is.

`python -m benchmarks.opcua_machine PORT NODES`. Not a ``bench_*.py``: it measures nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import sys
from typing import Any, Final

from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds

URI: Final = "urn:fieldlab:bench"
AT_ONCE: Final = 5  # values of each node in a message


async def serve(port: int, nodes: int) -> None:
    """Tell values of every node for ever; never more than a message ahead of who listens."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    ids = [ua.NodeId.from_string(f"ns={index};s=n{n}") for n in range(nodes)]
    for node in ids:
        await server.nodes.objects.add_variable(node, str(node.Identifier), 0.0)
    aspace = server.iserver.aspace
    value = 0.0
    async with server:
        print("ready", flush=True)
        while True:
            listening = list(server.iserver.subscription_service.subscriptions.values())
            watched = [s for s in listening if len(s.monitored_item_srv._monitored_items) >= nodes]  # noqa: SLF001
            if not watched or any(_behind(subscription) for subscription in watched):
                await asyncio.sleep(0.001)
                continue
            for _ in range(AT_ONCE):
                value += 1.0
                now: Any = dt.datetime.now(dt.UTC)  # as asyncua takes it, whatever its types say
                told = ua.DataValue(ua.Variant(value), SourceTimestamp=now, ServerTimestamp=now)
                for node in ids:
                    await aspace.write_attribute_value(node, AttributeIds.Value, told)


def _behind(subscription: InternalSubscription) -> bool:
    return bool(subscription._triggered_datachanges)  # noqa: SLF001 - only the server itself knows


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
