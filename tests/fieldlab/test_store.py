"""``fieldlab store setup`` on a real InfluxDB, and what comes of a gateway's data there."""

import pytest

from ingest.influx import InfluxStore
from tests.fieldlab.command import fieldlab

CONFIG = """\
fieldlab: lab
timezone: Europe/Amsterdam
lines: [{id: l1, machines: [{id: m1}]}]
store: {%s}
"""


@pytest.mark.service
def test_setup_makes_the_databases_and_twice_changes_nothing(influx_server, tmp_path):
    """Afterwards both can be written to."""
    config = tmp_path / "lab.yaml"
    config.write_text(CONFIG % influx_server.config)
    for _ in range(2):
        done = fieldlab("store", "setup", config)
        assert (done.returncode, done.stderr) == (0, "")
    store = InfluxStore(influx_server.url, "lab", token=influx_server.token, org=influx_server.org)
    for bucket in ("raw", "kpi"):
        row = (
            "link",
            (("fieldlab", "lab"), ("gateway", "g"), ("machine", "m"), ("source", "s")),
            "up",
            1,
            1.0,
        )
        assert store.write(bucket, [row]) == []
    store.close()


def test_an_embedded_store_is_made_too(tmp_path):
    """Its file is there."""
    config = tmp_path / "lab.yaml"
    config.write_text(CONFIG % "kind: embedded, path: lab.db")
    assert fieldlab("store", "setup", config).returncode == 0
    assert (tmp_path / "lab.db").is_file()
