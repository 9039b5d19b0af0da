"""A recorded machine, played through a real OPC UA server and a gateway, gives the recording's figures."""

import json
import signal
import time

import pytest

from tests.fieldlab.command import EXAMPLES, RECORDINGS, fieldlab, started
from tests.servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the NIST recordings are not beside the project"),
]
PARTS = 1418
RECORDING = f"hurco01={RECORDINGS / 'hurco01_2017.shdr'}"


@pytest.fixture
def config(tmp_path):
    """The example's config on a port of its own, its data beside it."""
    text = (EXAMPLES / "recorded.yaml").read_text()
    assert "48420" in text
    path = tmp_path / "recorded.yaml"
    path.write_text(text.replace("48420", str(free_port())))
    return path


def line_with(process, words):
    """Read a process's output up to a line with these words."""
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"it ended without saying {words!r}: {process.stderr.read()}")


def parts(config):
    """How many the machine made, by what is in the store; None before there is anything."""
    done = fieldlab("kpi", config, "--by", "machine", "--format", "json")
    rows = json.loads(done.stdout) if done.returncode == 0 else []
    return {row["machine"]: row["produced_quantity"] for row in rows}.get("hurco01")


def is_all_there(config):
    """Whether every part is, and nothing waits behind it that could still change their number."""
    return parts(config) == PARTS and "waiting 0" in fieldlab("ledger", config).stdout


def test_the_recording_through_opc_ua_is_still_1418_parts(config):
    """Server, gateway with the recording's clock, spool and store: the same answer as from the file."""
    player = started("simulate", config, "--input", RECORDING)
    gateway = None
    try:
        line_with(player, "waiting for a gateway")
        gateway = started("gateway", config)
        line_with(player, "played to the end")
        deadline = time.monotonic() + 90
        while not is_all_there(config) and time.monotonic() < deadline:
            time.sleep(0.5)  # a poll of other processes, bounded above
    finally:
        for process in (gateway, player):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
    assert gateway.returncode == 0
    assert parts(config) == PARTS
    assert fieldlab("ledger", config).returncode == 0
