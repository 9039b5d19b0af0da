"""A Sparkplug edge node that nobody here wrote: pysparkplug, in an environment of its own.

``python sparkplug_edge.py PORT``; it does as the lines on its standard input say, each a JSON object, and
answers each with one line. It answers requests for a rebirth by itself.

{"metrics": [[name, type, value, time_ms, historical], ...]}     the device tells these
{"device": true|false}                                           the device comes or goes
{"stop": true}                                                   a clean end
"""

import itertools
import json
import sys
import threading
import time

import pysparkplug as psp
from pysparkplug._payload import DBirth, NBirth
from pysparkplug._topic import Topic

GROUP, NODE, DEVICE = "lab", "edge", "m1"
FIRST = (
    ("count", "DOUBLE", 0.0),
    ("state", "STRING", "IDLE"),
    ("small", "INT8", -12),
    ("long", "INT64", -12),
)


def metric(name, kind, value, time_ms=None, historical=False):
    """One of theirs."""
    time_ms = psp.get_current_timestamp() if time_ms is None else time_ms
    return psp.Metric(
        timestamp=time_ms, name=name, datatype=psp.DataType[kind], value=value, is_historical=historical
    )


class Edge:
    """A node with one device."""

    def __init__(self, port):
        self.lock = threading.Lock()
        options = psp.ClientOptions(reconnection_delay_min=1, reconnection_delay_max=1)
        self.node = psp.EdgeNode(
            GROUP, NODE, [metric("uptime", "UINT32", 1)], psp.Client(client_options=options), self.asked
        )
        self.device = psp.Device(DEVICE, [metric(*first) for first in FIRST])
        self.node.register(self.device)
        self.node.connect("127.0.0.1", port=port)
        while not self.node._connected:
            time.sleep(0.01)

    def asked(self, _node, message):
        """A command: the library leaves it to us to say the births anew."""
        if any(m.name == "Node Control/Rebirth" and m.value for m in message.payload.metrics):
            with self.lock:
                self.rebirth()

    def rebirth(self):
        """Both births, with the session's number."""
        node, now = self.node, psp.get_current_timestamp()
        node._EdgeNode__seq_cycler = itertools.cycle(range(256))
        number = (node._bd_seq_metric.value - 1) % 256
        session = psp.Metric(timestamp=now, name="bdSeq", datatype=psp.DataType.INT64, value=number)
        births = [("NBIRTH", None, NBirth(now, node._seq, (*node.metrics.values(), session)))]
        if DEVICE in node.devices:
            births.append(("DBIRTH", DEVICE, DBirth(now, node._seq, tuple(self.device.metrics.values()))))
        for kind, device, payload in births:
            topic = Topic(
                message_type=psp.MessageType[kind], group_id=GROUP, edge_node_id=NODE, device_id=device
            )
            message = psp.Message(topic=topic, payload=payload, qos=psp.QoS.AT_MOST_ONCE, retain=False)
            node._client.publish(message, include_dtypes=True)

    def do(self, order):
        """As told."""
        with self.lock:
            if "metrics" in order:
                self.node.update_device(DEVICE, [metric(*told) for told in order["metrics"]])
            elif order.get("device") is True:
                self.node.register(self.device)
            elif order.get("device") is False:
                self.node.deregister(DEVICE)
            elif "stop" in order:
                self.node.disconnect()


edge = Edge(int(sys.argv[1]))
print("up", flush=True)
for line in sys.stdin:
    edge.do(json.loads(line))
    print("done", flush=True)
