"""The compose file, as far as it is known without containers: who waits for whom, who sees what."""

from __future__ import annotations

import re
import runpy
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dashboards.build import TOKEN_VARIABLE, build
from fieldlab_configs import MqttSource, OpcUaSource, Site, load
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
OURS = ("simulator", "gateway", "analytics", "dashboards")
ONCE = ("secrets", "store", "dashboards")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, merge keys applied."""
    return YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services(compose) -> dict[str, dict[str, Any]]:
    """Its services."""
    return compose["services"]


@pytest.fixture(scope="module")
def site() -> Site:
    """The configuration that its services run."""
    return load(ROOT / "fieldlab_configs" / "examples" / "compose.yaml")


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Per mount point: what lies there, and whether it can be written."""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        found[target] = (source, mode != ["ro"])
    return found


def test_ports_are_published_on_loopback_only(services) -> None:
    """What is not on loopback is on the network of whoever runs it."""
    for name, service in services.items():
        for port in service.get("ports", []):
            assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+", port), name


def test_images_are_pinned(services) -> None:
    """No image moves under a user's feet."""
    for name, service in services.items():
        _, _, tag = service["image"].partition(":")
        assert tag == "local" if name in OURS else re.match(r"\d+\.\d+", tag), name


def test_there_is_no_password_in_any_file(services) -> None:
    """Everything secret comes from a file that the first start makes."""
    for service in services.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN", key):
                assert key.endswith("_FILE"), key
                assert value.startswith("/run/fieldlab/"), key
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert all(re.fullmatch(r"#.*|[A-Z]+_PORT=\d+|", line) for line in example.splitlines())


def test_every_wait_is_for_health_or_for_an_end(services) -> None:
    """A service that was merely started is not ready."""
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how["condition"] == wanted, (name, other)
            if wanted == "service_healthy":
                assert services[other]["healthcheck"]["test"], other
    for name, service in services.items():
        assert (name in ONCE) == (service["restart"] == "no"), name
        assert (name in ONCE) != ("healthcheck" in service), name


def test_the_order_is_broker_and_store_then_gateway_then_analytics(services) -> None:
    """And nothing waits for itself."""

    def before(name: str, seen: tuple[str, ...] = ()) -> set[str]:
        assert name not in seen, seen
        direct = set(services[name].get("depends_on", {}))
        return direct.union(*(before(other, (*seen, name)) for other in direct))

    order = {name: before(name) for name in services}
    assert {"secrets", "mosquitto", "influxdb", "store", "simulator"} <= order["gateway"]
    assert "gateway" in order["analytics"]
    assert {"dashboards", "store", "influxdb"} <= order["grafana"]


def test_every_volume_is_named_and_used(compose, services) -> None:
    """Data outlive their container; nothing is left over."""
    used = {
        source for s in services.values() for source, _ in mounts(s).values() if not source.startswith(".")
    }
    assert used == set(compose["volumes"])
    for service in services.values():
        for source, _ in mounts(service).values():
            if source.startswith("."):
                assert (ROOT / source).is_file(), source


def test_each_secret_is_seen_by_its_own_service_and_never_written_there(services) -> None:
    """Grafana cannot read the gateway's token, nor the broker InfluxDB's password."""
    seen: dict[str, set[str]] = {}
    for name, service in services.items():
        for target, (source, writable) in mounts(service).items():
            if source.startswith("secrets-"):
                seen.setdefault(source, set()).add(name)
                assert name in ONCE or (target == "/run/fieldlab" and not writable), name
    assert {k: v - set(ONCE) for k, v in seen.items()} == {
        "secrets-broker": {"mosquitto"},
        "secrets-fieldlab": {"simulator", "gateway", "analytics"},
        "secrets-grafana": {"grafana"},
        "secrets-influxdb": {"influxdb"},
    }


def test_our_services_have_no_rights_to_lose(services) -> None:
    """Not root, nothing writable but what must be, no capabilities."""
    for name in OURS:
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(stages) == 2
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER fieldlab$", dockerfile, re.MULTILINE)
    assert "useradd --uid 10001" in dockerfile
    assert "10001:10001" in (ROOT / "deploy" / "secrets.sh").read_text(encoding="utf-8")


def test_the_dockerfile_copies_every_package_and_nothing_that_is_ignored() -> None:
    """A package that is added later must not be forgotten in the image."""
    copied = re.findall(
        r"^COPY (?!--)(\S+(?: \S+)*) \S+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE
    )
    names = {name for line in copied for name in line.split()}
    packages = {p.parent.name for p in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "tools"}
    assert packages <= names
    allowed = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert names <= {line.removeprefix("!") for line in allowed if line.startswith("!")}
    assert all((ROOT / name).exists() for name in names)


def test_the_config_names_the_services_and_files_of_the_compose_file(services, site) -> None:
    """Hosts, ports, buckets, organisation and secrets are the same in both."""
    plc, broker = site.sources["plc"], site.sources["broker"]
    assert isinstance(plc, OpcUaSource)
    assert isinstance(broker, MqttSource)
    assert plc.endpoint == "opc.tcp://simulator:4840"
    assert (broker.host, broker.port_number, broker.user) == ("mosquitto", 1883, "fieldlab")
    store = site.store
    assert store is not None
    assert store.url == "http://influxdb:8086"
    environment = services["influxdb"]["environment"]
    assert environment["DOCKER_INFLUXDB_INIT_BUCKET"] == f"{site.fieldlab}_raw"
    assert (
        store.org == environment["DOCKER_INFLUXDB_INIT_ORG"] == services["store"]["environment"]["INFLUX_ORG"]
    )
    assert services["store"]["environment"]["FIELDLAB"] == site.fieldlab
    scripts = "".join((ROOT / "deploy" / f"{name}.sh").read_text() for name in ("secrets", "store"))
    for secret in (broker.password, store.token):
        assert secret is not None
        assert f"/secrets/fieldlab/{secret.file.name}" in scripts
        assert str(secret.file.parent) in mounts(services["gateway"])
    assert str(site.gateways["edge1"].spool.path) in mounts(services["gateway"])
    for name in OURS:
        assert "/etc/fieldlab/compose.yaml" in mounts(services[name])
        assert "/etc/fieldlab/compose.yaml" in services[name]["command"]


def test_grafana_finds_what_the_build_writes(services, site, tmp_path) -> None:
    """The same folder in both containers; the token by the variable that provisioning names."""
    out = services["dashboards"]["command"][-1]
    assert out in mounts(services["grafana"])
    assert out in mounts(services["dashboards"])
    environment = services["grafana"]["environment"]
    written = {p.relative_to(tmp_path).as_posix() for p in build(site, tmp_path)}
    assert environment["GF_PATHS_PROVISIONING"] == f"{out}/provisioning"
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{out}/") in written
    assert f'{TOKEN_VARIABLE}="$$(cat' in services["grafana"]["entrypoint"][-1]


def test_the_shell_scripts_are_sound() -> None:
    """They parse, and stop at the first thing that fails."""
    for name in ("secrets.sh", "store.sh"):
        script = ROOT / "deploy" / name
        assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
        assert "set -eu" in script.read_text()


def healthy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the health check as the containers do."""
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "healthy.py"), *arguments],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip


def test_the_health_check_of_a_port() -> None:
    """Somebody listens, or one line says that nobody does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert healthy("port", "127.0.0.1", str(listener.getsockname()[1])).returncode == 0
    nobody = healthy("port", "127.0.0.1", str(free_port()))
    assert nobody.returncode == 1
    assert len(nobody.stderr.splitlines()) == 1


def test_the_health_check_of_a_spool(tmp_path) -> None:
    """A spool that nobody wrote to for a minute is a gateway that stands still."""
    assert healthy("recent", str(tmp_path), "60").returncode == 1
    (tmp_path / "edge1.spool").touch()
    assert healthy("recent", str(tmp_path), "60").returncode == 0
    check = runpy.run_path(str(ROOT / "deploy" / "healthy.py"))["recent"]
    time.sleep(0.01)
    assert not check(str(tmp_path), "0.001")
