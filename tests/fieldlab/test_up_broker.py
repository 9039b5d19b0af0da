"""The broker that ``fieldlab up`` starts knows everybody whom its sources name."""

from __future__ import annotations

import queue

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from fieldlab import servers
from fieldlab_configs import load
from tests.servers import free_port, running

CONFIG = """
fieldlab: lab
timezone: UTC
lines: [{{id: l1, machines: [{{id: m1, signals: {{total_count: {{source: one, topic: t}}}}}}]}}]
sources:
  one: {{kind: mqtt, host: 127.0.0.1, port: {port}, user: ann, password: {{file: one.password}}}}
  two: {{kind: mqtt, host: 127.0.0.1, port: {port}, user: bob, password: {{file: two.password}}}}
"""


def answer(port: int, user: str | None, password: str | None) -> str:
    """What a broker says to who comes."""
    said: queue.Queue[str] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.on_connect = lambda _c, _u, _f, reason, _p: said.put(str(reason))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        return said.get(timeout=60)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.service
def test_two_sources_of_one_broker_each_with_a_user_of_its_own(tmp_path) -> None:
    """One broker that lets in both, each by its own password, and nobody else."""
    port = free_port()
    path = tmp_path / "lab.yaml"
    path.write_text(CONFIG.format(port=port))
    (broker,) = servers.brokers(load(path), tmp_path / "data")
    one, two = ((tmp_path / f"{name}.password").read_text().strip() for name in ("one", "two"))
    with running(list(broker.command), tmp_path, broker.ready):
        assert [answer(port, "ann", one), answer(port, "bob", two)] == ["Success", "Success"]
        assert {answer(port, *who) for who in (("bob", one), (None, None))} == {"Not authorized"}
