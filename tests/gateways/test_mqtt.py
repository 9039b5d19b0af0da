"""The MQTT driver against real brokers."""

from __future__ import annotations

import pytest

from tests import servers
from tests.gateways.contract import SourceContract
from tests.gateways.mqtt_peer import AmqttPeer, MqttPeer


@pytest.fixture
async def peer(tmp_path):
    peer = MqttPeer(tmp_path / "broker")
    try:
        await peer.start()
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))
    yield peer
    await peer.stop()


@pytest.mark.service
class TestMqttContract(SourceContract):
    """MQTT 5 through mosquitto keeps the contract of sources."""


class TestAmqttContract(SourceContract):
    """MQTT 3.1.1 through the demo's broker keeps it too: version 5 is tried first and given up at once."""

    @pytest.fixture
    async def peer(self, tmp_path):
        peer = AmqttPeer(tmp_path)
        await peer.start()
        yield peer
        await peer.stop()
