"""``python -m tests.walks.talk``: what the machines of the documents say to the broker, once a second.

A Mazak by an MTConnect agent (its entity format), a machine with a meter, and a power clamp. A Sparkplug
node is born anew each time, which no broker keeps.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time

import paho.mqtt.client as paho

from simulator.sparkplug_content import DOUBLE, INT32, UINT64, Metric, payload

_MAZAK = "MTConnect/Devices/M8010-1/Observations"


def said(n: int) -> dict[str, str]:
    """Topics, and what is said in them in the n-th second."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def observation(item: str, category: str, result: str) -> str:
        told = {"dataItemId": item, "category": category, "timestamp": now, "result": result, "sequence": n}
        return json.dumps(told)

    return {
        "MTConnect/Probe/M8010-1/Availability": "AVAILABLE",
        f"{_MAZAK}/execution": observation("execution", "EVENT", "ACTIVE"),
        f"{_MAZAK}/PartCountAct": observation("PartCountAct", "EVENT", str(40 + n // 2)),
        f"{_MAZAK}/program": observation("program", "EVENT", "O1200"),
        f"{_MAZAK}/Sload": observation("Sload", "SAMPLE", "UNAVAILABLE" if n < 3 else f"{30 + n % 7}.000000"),
        "workshop/mill1/data": json.dumps({"ts": now, "state": 1, "parts": 200 + n}),
        "workshop/meter7/data": json.dumps({"ts": now, "import_wh": 7_000_000 + 2 * n}),
        "press7/online": "true",
        "press7/status/em:0": json.dumps({"id": 0, "total_act_power": 5200.5 + n % 3}),
        "press7/status/emdata:0": json.dumps({"id": 0, "total_act": 91_000.25 + 1.5 * n}),
    }


def born(n: int) -> dict[str, bytes]:
    """The births of an edge node, of a press behind it and of that one's hydraulics."""
    now = time.time_ns()
    node = [Metric("bdSeq", None, UINT64, 0, now)]
    press = [
        Metric("Unit/StateCurrent", 1, INT32, 6, now),
        Metric("Unit/ProdProcessedCount", 2, UINT64, 50 + n, now),
    ]
    oil = [Metric("Oil/Temperature", 3, DOUBLE, 41.5, now)]
    place = "spBv1.0/plant/{}/edge1{}"
    return {
        place.format("NBIRTH", ""): payload(now, node, 0),
        place.format("DBIRTH", "/Press-01"): payload(now, press, 1),
        place.format("DBIRTH", "/hydraulics"): payload(now, oil, 2),
    }


def main() -> None:
    """Until it is killed."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", 1883)
    client.loop_start()
    for n in itertools.count():
        for topic, text in said(n).items():
            client.publish(topic, text, qos=1, retain=True).wait_for_publish(10)
        for topic, content in born(n).items():
            client.publish(topic, content).wait_for_publish(10)
        if n == 0:
            print("talking", flush=True)
        time.sleep(1)


if __name__ == "__main__":
    main()
