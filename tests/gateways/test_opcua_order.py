"""The order in which the kernel sees it: what came, the fsync, and only then its acknowledgement."""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from tests.gateways.helpers import until
from tests.gateways.opcua_peer import URI, OpcUaPeer
from tests.gateways.test_opcua_missed import CONFIG, gateway_process, in_store

PUBLISH, PUBLISHED = 826, 829  # encodings of PublishRequest and PublishResponse (Part 6, NodeIds)
_LINE = re.compile(r"^\d+ +(?P<call>\w+)\((?P<fd>\d+)(?P<rest>.*)$")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def calls(trace: Path) -> Iterator[tuple[str, bytes]]:
    """Calls that had finished by then, in order, with what they moved."""
    unfinished: dict[str, str] = {}
    for line in trace.read_text().splitlines():
        thread, _, text = line.partition(" ")
        if text.endswith("<unfinished ...>"):
            unfinished[thread] = text.strip().removesuffix("<unfinished ...>")
            continue
        if "resumed>" in text:
            text = unfinished.pop(thread, "") + text.partition("resumed>")[2]
        found = _LINE.match(f"{thread} {text.strip()}")
        if found and not text.rstrip().endswith("(Resource temporarily unavailable)"):
            moved = _BYTES.search(found["rest"])
            yield found["call"], bytes.fromhex(moved[1].replace("\\x", "")) if moved else b""


def messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Messages without security in a piece of a stream: type of the body, and the body behind it."""
    while len(stream) >= 28 and stream[:4] == b"MSGF":
        (size,) = struct.unpack_from("<I", stream, 4)
        if stream[24:26] == b"\x01\x00":
            yield struct.unpack_from("<H", stream, 26)[0], stream[28:size]
        stream = stream[size:]


def stop_traced(process: subprocess.Popen[str]) -> None:
    """Strace passes no signal on."""
    for traced in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        os.kill(int(traced), signal.SIGTERM)
    process.wait(30)


async def test_fsync_comes_before_the_publish_that_acknowledges(tmp_path):
    """Every message: received, then a sync of the spool, then the request that lets the server forget it."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (Debian, Ubuntu: apt install strace)")
    peer = OpcUaPeer()
    await peer.start()
    (tmp_path / "lab.yaml").write_text(CONFIG.format(uri=URI, endpoint=peer.endpoint))
    trace = tmp_path / "trace"
    process = gateway_process(
        tmp_path, strace, "-f", "-xx", "-s", "65536", "-o", str(trace),
        "-e", "trace=fsync,fdatasync,sendto,recvfrom",
    )  # fmt: skip
    try:
        subscriptions = peer.server.iserver.subscription_service.subscriptions
        await until(lambda: subscriptions or process.poll() is not None, within_s=90)
        if process.poll() is not None:
            pytest.skip("strace may not trace here")
        server = peer.subscription()
        for n in range(1, 21):
            before = server._notification_seq
            await peer.publish("count", float(n), time.time_ns())
            await until(lambda before=before: server._notification_seq > before)
            await until(lambda: not server._not_acknowledged_results)
        await until(lambda: 20.0 in in_store(tmp_path))
    finally:
        stop_traced(process)
        await peer.stop()
    waiting: dict[int, bool] = {}  # sequence number: whether the disk was told since it came
    acknowledged = 0
    for call, moved in calls(trace):
        if call in ("fsync", "fdatasync"):
            waiting = dict.fromkeys(waiting, True)
        for kind, body in messages(moved):
            if call == "recvfrom" and kind == PUBLISHED:
                response = struct_from_binary(ua.PublishResponse, Buffer(b"\x01\x00\x3d\x03" + body))
                if response.Parameters.NotificationMessage.NotificationData:
                    waiting[response.Parameters.NotificationMessage.SequenceNumber] = False
            elif call == "sendto" and kind == PUBLISH:
                request = struct_from_binary(ua.PublishRequest, Buffer(b"\x01\x00\x3a\x03" + body))
                for done in request.Parameters.SubscriptionAcknowledgements or ():
                    assert waiting.pop(done.SequenceNumber), f"{done.SequenceNumber} before any sync"
                    acknowledged += 1
    assert acknowledged >= 20
