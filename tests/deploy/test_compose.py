"""The compose file, as far as it is known without containers: who waits for whom, who sees what."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dashboards.build import build
from dashboards.grafana_source import TOKEN_VARIABLE
from fieldlab_configs import MqttSource, OpcUaSource, Site, load
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
OURS = ("secrets", "store", "simulator", "gateway", "analytics", "app", "report", "dashboards")
ONCE = ("secrets", "store", "dashboards")
AS_ROOT = ("secrets", "store")
CONFIG = "${FIELDLAB_CONFIG:-./fieldlab_configs/examples/compose.yaml}"


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


@pytest.mark.parametrize("profile", [(), ("--profile", "sim"), ("--profile", "reports")])
def test_docker_compose_takes_the_file(profile) -> None:
    """With and without simulated machines; skipped where the client is missing."""
    for client in (["docker", "compose"], ["docker-compose"]):
        told = (
            subprocess.run([*client, "version"], capture_output=True, text=True, check=False)
            if shutil.which(client[0])
            else None
        )
        if told is not None and told.returncode == 0 and "1.29" not in told.stdout:
            break
    else:
        pytest.skip("docker compose is not installed (https://docs.docker.com/compose/install/)")
    command = [*client, "--file", str(ROOT / "docker-compose.yml"), *profile, "config", "--services"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ("simulator" in done.stdout.split()) is ("sim" in profile)
    assert ("report" in done.stdout.split()) is ("reports" in profile)


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Per mount point: what lies there, and whether it can be written."""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *mode = volume.replace(CONFIG, CONFIG[CONFIG.index("./") : -1]).split(":")
        found[target] = (source, mode != ["ro"])
    return found


def test_ports_are_published_on_loopback_only(services) -> None:
    """What is not on loopback is on the network of whoever runs it; the broker asks and encrypts."""
    for name, service in services.items():
        for port in service.get("ports", []):
            here = r"\$\{MQTT_ADDRESS:-127\.0\.0\.1\}" if name == "mosquitto" else r"127\.0\.0\.1"
            assert re.fullmatch(here + r":\$\{[A-Z]+_PORT:-\d+\}:\d+", port), name


def test_images_are_pinned(services) -> None:
    """No image moves under a user's feet."""
    for name, service in services.items():
        _, _, tag = service["image"].partition(":")
        assert tag == "local" if name in OURS else re.match(r"\d+\.\d+", tag), name


def test_there_is_no_password_in_any_file(services) -> None:
    """Everything secret comes from a file that the first start makes."""
    for service in services.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", key):
                assert key.endswith("_FILE"), key
                assert value.startswith("/run/fieldlab/"), key
    # Each of these programs brings one that is known to all, unless it is told another.
    assert {"GF_SECURITY_ADMIN_PASSWORD__FILE", "GF_SECURITY_SECRET_KEY__FILE"} <= set(
        services["grafana"]["environment"]
    )
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert all(re.fullmatch(r"#.*|[A-Z]+_PORT=\d+|", line) for line in example.splitlines())
    known = set(re.findall(r"\$\{([A-Z_]+):-", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE)) == known


def test_every_wait_is_for_health_or_for_an_end(services) -> None:
    """A service that was merely started is not ready."""
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how["condition"] == wanted, (name, other)
            # Without profile `sim` there is no simulator to wait for.
            assert how.get("required", True) is ("profiles" not in services[other]), (name, other)
            if wanted == "service_healthy":
                assert services[other]["healthcheck"]["test"], other
    for name, service in services.items():
        assert (name in ONCE) == (service["restart"] == "no"), name
        assert (name in ONCE) == service["healthcheck"].get("disable", False), name


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
    assert {"store", "influxdb"} <= order["app"]
    assert services["simulator"]["profiles"] == ["sim"]
    assert {"store", "influxdb"} <= order["report"]
    assert services["report"]["profiles"] == ["reports"]
    assert [name for name in services if "profiles" in services[name]] == ["simulator", "report"]


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
        for volume in service.get("volumes", []):
            source, target, *mode = volume.rsplit(":", 2) if volume.endswith(":ro") else volume.split(":")
            if source.startswith("secrets-") or source == "pki":
                seen.setdefault(source, set()).add(name)
                assert name in AS_ROOT or (target, mode) == ("/run/fieldlab", ["ro"]), name
    assert {k: v - {"secrets"} for k, v in seen.items()} == {
        "pki": set(),
        "secrets-login": set(),
        "secrets-broker": {"mosquitto"},
        "secrets-machines": {"simulator"},
        "secrets-gateway": {"gateway", "store"},
        "secrets-analytics": {"analytics", "store"},
        "secrets-app": {"app", "store"},
        "secrets-report": {"report", "store"},
        "secrets-grafana": {"grafana", "store"},
        "secrets-influxdb": {"influxdb"},
        "secrets-setup": {"store"},
    }


def test_no_service_has_rights_to_lose(services) -> None:
    """Not root, nothing writable but what must be, no capabilities, no way to new ones."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only") is True or name == "influxdb", name
        own = {"CHOWN", "DAC_OVERRIDE", "FOWNER"}
        more = own | {"SETGID", "SETUID"} if name == "influxdb" else own if name in AS_ROOT else set()
        assert set(service.get("cap_add", [])) == more, name
        assert (service.get("user") == "0:0") is (name in AS_ROOT), name
    assert services["secrets"]["network_mode"] == services["dashboards"]["network_mode"] == "none"


def test_every_service_has_a_bound_to_what_it_takes_and_logs(services) -> None:
    """Processor, memory, processes, log files."""
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
    # The broker keeps in memory what waits for a gateway that is away.
    conf = (ROOT / "deploy" / "mosquitto.conf").read_text(encoding="utf-8")
    queue = int(re.findall(r"^max_queued_bytes (\d+)$", conf, re.MULTILINE)[0])
    assert queue * 2 <= 2**30
    assert services["mosquitto"]["deploy"]["resources"]["limits"]["memory"] == "1G"


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
    """Hosts, ports, organisation and secrets are the same in both; the latter made: see test_first_start."""
    plc, broker = site.sources["plc"], site.sources["broker"]
    assert isinstance(plc, OpcUaSource)
    assert isinstance(broker, MqttSource)
    assert plc.endpoint == "opc.tcp://simulator:4840"
    assert (broker.host, broker.port_number, broker.tls) == ("mosquitto", 8883, True)
    assert services["mosquitto"]["ports"][0].endswith(":8883")
    store = site.store
    assert store is not None
    assert store.url == "http://influxdb:8086"
    assert store.org == services["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_ORG"]
    assert str(site.gateways["edge1"].spool.path) in mounts(services["gateway"])
    for name in OURS:
        assert "/etc/fieldlab/fieldlab.yaml" in mounts(services[name])
        assert "/etc/fieldlab/fieldlab.yaml" in services[name]["command"]


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


def healthy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the health check as the containers do."""
    return subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "healthy.py"), *arguments],
        capture_output=True, text=True, check=False, timeout=90,
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


def test_the_health_check_of_a_sign_of_life(tmp_path) -> None:
    """A service that left none for a minute stands still."""
    sign = tmp_path / "alive"
    assert healthy("recent", str(sign), "60").returncode == 1
    sign.touch()
    assert healthy("recent", str(sign), "60").returncode == 0
    os.utime(sign, (time.time() - 61, time.time() - 61))
    assert healthy("recent", str(sign), "60").returncode == 1


def test_the_health_check_of_a_page() -> None:
    """One that nobody serves is not well."""
    nobody = healthy("page", f"http://127.0.0.1:{free_port()}/healthz")
    assert (nobody.returncode, len(nobody.stderr.splitlines())) == (1, 1)
