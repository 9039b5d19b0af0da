"""A real OPC UA server with one machine, for tests."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from asyncua import Server, ua

from fieldlab_configs import OpcUaSource, Signal
from tests.gateways.certificates import Made
from tests.servers import free_port

URI = "urn:test:machine"
SERVER_URI = "urn:test:server"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

logging.getLogger("asyncua").setLevel(logging.WARNING)


def moment(time_ns: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=time_ns // 1000)


class OpcUaPeer:
    """An asyncua server on a free port; `others` are namespaces registered before ours."""

    def __init__(self) -> None:
        self.port = free_port()
        self.names = {"count": "Count", "state": "State"}
        self.others: list[str] = []
        self.hidden: set[str] = set()
        self.server: Server | None = None
        self.nodes: dict[str, Any] = {}
        self.user_manager: Any = None
        self.own_time = True
        self.identity: Made | None = None
        self.policies = [ua.SecurityPolicyType.NoSecurity]
        self.uri = SERVER_URI
        self.more: dict[str, Any] = {}
        self.port_for_clients: int | None = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port_for_clients or self.port}/test"

    @property
    def config(self) -> OpcUaSource:
        given = {"security": "none", "publishing_interval_ms": 20} | self.more
        return OpcUaSource(kind="opcua", endpoint=self.endpoint, **given)

    def signals(self) -> dict[str, Signal]:
        return {name: Signal(source="src", node=f"nsu={URI};s={node}") for name, node in self.names.items()}

    async def start(self) -> None:
        server = Server(user_manager=self.user_manager)
        await server.init()
        server.set_endpoint(self.endpoint)
        await server.set_application_uri(self.uri)
        server.set_security_policy(self.policies)
        if self.identity is not None:
            await server.load_certificate(self.identity.der)
            await server.load_private_key(self.identity.key_der)
        for uri in self.others:
            await server.register_namespace(uri)
        self.index = await server.register_namespace(URI)
        self.server = server
        self.nodes = {}
        for name, value in (("Count", 0.0), ("State", "IDLE")):
            if name not in self.hidden:
                await self.add(name, value)
        await server.start()

    async def add(self, name: str, value: object, kind: ua.VariantType | None = None, **more: Any) -> Any:
        assert self.server is not None
        node_id = ua.NodeId(name, self.index)
        variant = ua.Variant(value, kind, **more)
        node = await self.server.nodes.objects.add_variable(node_id, name, variant)
        self.nodes[name] = node
        return node

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.stop()
            self.server = None

    async def publish(self, signal: str, value: object, time_ns: int, **more: Any) -> None:
        await self.write(self.names[signal], ua.Variant(value), time_ns, **more)

    async def write(
        self, name: str, variant: ua.Variant, time_ns: int, *, status: int = 0, server_ns: int | None = None
    ) -> None:
        assert self.server is not None
        value = ua.DataValue(
            variant,
            ua.StatusCode(status),
            SourceTimestamp=moment(time_ns),
            ServerTimestamp=moment(server_ns) if server_ns else dt.datetime.now(dt.UTC),
        )
        node = self.nodes[name].nodeid
        await self.server.write_attribute_value(node, value)
        history = self.server.iserver.history_manager.storage
        if node in history._datachanges:
            await history.save_node_value(node, value)

    async def historize(self, name: str) -> None:
        """Keep a history of a node from now on."""
        assert self.server is not None
        node = self.nodes[name]
        history = self.server.iserver.history_manager.storage
        history._datachanges.pop(node.nodeid, None)
        await history.new_historized_node(node.nodeid, None, 0)
        await node.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(ua.Variant(Value=True)))

    async def forget(self) -> None:
        """Break every connection, and know nothing of who was connected."""
        assert self.server is not None
        iserver = self.server.iserver
        for transport in list(iserver.asyncio_transports):
            transport.abort()
        for session in list(iserver._external_sessions.values()):
            await session.close_session(delete_subs=True)
        await iserver.subscription_service.delete_subscriptions(
            list(iserver.subscription_service.subscriptions)
        )

    async def vanish(self) -> None:
        """Be gone, quickly, with all that is in memory still there."""
        assert self.server is not None
        await self.forget()
        assert self.server.bserver is not None
        await self.server.bserver.stop()

    async def reappear(self) -> None:
        """Listen again."""
        assert self.server is not None
        assert self.server.bserver is not None
        await self.server.bserver.start()

    async def publish_garbage(self) -> None:
        await self.write("Count", ua.Variant([1.0, 2.0]), 1_800_000_000_000_000_000)

    async def reset(self) -> None:
        """As on the first day, and running."""
        if self.others or self.hidden or self.user_manager or not self.own_time:
            await self.stop()
        self.others, self.hidden, self.user_manager, self.own_time = [], set(), None, True
        if self.server is None:
            await self.start()
        now = time.time_ns()
        await self.publish("count", 0.0, now)
        await self.publish("state", "IDLE", now)

    def subscription(self) -> Any:
        """The server's side of the only subscription."""
        assert self.server is not None
        (subscription,) = self.server.iserver.subscription_service.subscriptions.values()
        return subscription

    async def tell_time(self, time_ns: int) -> None:
        """Set the server's clock; from then on it stands still until it is set again."""
        assert self.server is not None
        if self.own_time:
            self.own_time = False
            self.server.iserver._time_task_stop = True
        node = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
        await self.server.write_attribute_value(node, ua.DataValue(ua.Variant(moment(time_ns))))
