"""A recorded machine, played through a real OPC UA server and a gateway, gives the recording's figures."""

import signal
import time

import pytest

from tests.fieldlab.command import EXAMPLES, RECORDINGS, fieldlab, figures, started
from tests.servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the NIST recordings are not beside the project"),
]
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


def test_the_recording_through_opc_ua_is_still_1418_parts(config):
    """Server, gateway with the recording's clock, spool and store: the same answer as from the file."""
    player = started("simulate", config, "--input", RECORDING)
    gateway = None
    try:
        line_with(player, "waiting for a gateway")
        gateway = started("gateway", config)
        line_with(player, "played to the end")
        stored = 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            before, stored = stored, fieldlab("ledger", config).stdout
            if stored == before and "waiting 0" in stored:
                break
            time.sleep(0.5)
    finally:
        for process in (gateway, player):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
    assert gateway.returncode == 0
    ours = {row["machine"]: row for row in figures(config, "--by", "machine")}
    assert ours["hurco01"]["produced_quantity"] == 1418
    assert fieldlab("ledger", config).returncode == 0
