"""The servers that a config needs on this computer, from what is installed: mosquitto, InfluxDB, Grafana."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dashboards.grafana_source import in_environment
from fieldlab.errors import WrongUse
from fieldlab.passwords import made_up
from fieldlab.processes import Part, listens
from fieldlab.surroundings import OWN, PROXIES, handed_on
from fieldlab_configs import MqttSource, Secret, Site, SparkplugSource, StoreConfig
from ingest.whole_file import write_secret

BrokerSource = MqttSource | SparkplugSource
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_OK: Final = 200
_PATH: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def found(name: str) -> str | None:
    """Where a program is, also where only root looks."""
    return shutil.which(name, path=_PATH)


def brokers(site: Site, folder: Path) -> list[Part]:
    """A broker for the MQTT sources of this computer that nobody listens at; of one port, one broker."""
    missing: dict[int, dict[str, BrokerSource]] = {}
    for name, source in site.sources.items():
        if not isinstance(source, BrokerSource) or source.host not in LOOPBACK:
            continue
        if listens(source.host, source.port_number):
            continue
        if source.tls:
            raise WrongUse(
                f"sources.{name}: nobody listens at {source.host}:{source.port_number}; a broker with TLS "
                "is not started here; start yours (fieldlab pki issue makes its certificate)"
            )
        missing.setdefault(source.port_number, {})[name] = source
    return [_broker(sources, folder / next(iter(sources))) for sources in missing.values()]


def _broker(sources: Mapping[str, BrokerSource], folder: Path) -> Part:
    """Of all sources of one port: who has a password there is asked for it."""
    name, source = next(iter(sources.items()))

    def ready() -> bool:
        return listens(source.host, source.port_number)

    users = {each.user: each.password for each in sources.values() if each.user and each.password}
    program = found("mosquitto")
    if program is None:
        if users:
            raise WrongUse(
                f"sources.{name}: mosquitto is not installed, and the broker that takes its place knows no "
                "passwords; install mosquitto, or leave user and password out"
            )
        command = (sys.executable, "-m", "fieldlab.broker", str(source.port_number))
        return Part(name, command, ready, takes=OWN)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"listener {source.port_number} 127.0.0.1",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_on_changes true",
        "autosave_interval 1",
        "max_queued_messages 1000000",
        "max_queued_bytes 500000000",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:  # else mosquitto looks for an account of its own that may not be there
        lines.append("user root")
    named = all(each.user and each.password for each in sources.values())
    lines.append(f"allow_anonymous {str(not named).lower()}")
    if users:
        lines.append(f"password_file {_passwords(users, folder)}")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Part(name, (program, "-c", str(config)), ready)


def _passwords(users: Mapping[str, Secret], folder: Path) -> Path:
    """The broker's file of passwords."""
    program = found("mosquitto_passwd")
    if program is None:
        raise WrongUse("mosquitto_passwd is not installed; it comes with mosquitto")
    path = folder / "passwords"
    for password in users.values():
        made_up(password)
    # In a file first, hashed in its place: a password on a command line is seen by everybody.
    told = "".join(f"{user}:{password.read()}\n" for user, password in users.items())
    write_secret(path, told)
    subprocess.run([program, "-U", str(path)], check=True, capture_output=True, env=handed_on(os.environ, ()))  # noqa: S603 - our own command
    return path


def influx(site: Site, folder: Path) -> Part | None:
    """An InfluxDB where the config's store is one of this computer that nobody listens at."""
    store = site.store
    if store is None or store.kind != "influxdb" or store.url is None:
        return None
    url = urlsplit(store.url)
    host, port = url.hostname or "", url.port or 8086
    if host not in LOOPBACK or listens(host, port):
        return None
    program = found("influxd")
    if program is None:
        raise WrongUse(
            f"store: nobody listens at {store.url} and influxd is not installed; start an InfluxDB, or take "
            "an embedded store: {kind: embedded, path: NAME.db}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    asked = [program, "version"]
    env = handed_on(os.environ, ())
    told = subprocess.run(asked, capture_output=True, text=True, check=False, env=env).stdout  # noqa: S603
    version = re.search(r"\bv?(\d+)\.\d+", told)
    if version is not None and version[1] == "1":
        return Part("influxdb", (program, "run", "-config", str(_config_of_1(folder, port))), _answers(store))
    env = {
        "INFLUXD_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXD_BOLT_PATH": str(folder / "influxd.bolt"),
        "INFLUXD_SQLITE_PATH": str(folder / "influxd.sqlite"),
        "INFLUXD_ENGINE_PATH": str(folder / "engine"),
        "INFLUXD_REPORTING_DISABLED": "true",
        "INFLUXD_LOG_LEVEL": "error",
    }
    return Part("influxdb", (program,), _set_up(store), env, takes=("INFLUXD_*",), stop=signal.SIGINT)


def _config_of_1(folder: Path, port: int) -> Path:
    path = folder / "influxdb.conf"
    path.write_text(
        "reporting-disabled = true\n"
        'bind-address = "127.0.0.1:0"\n'
        f'[meta]\n  dir = "{folder}/meta"\n'
        f'[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n  query-log-enabled = false\n'
        f'[http]\n  bind-address = "127.0.0.1:{port}"\n  log-enabled = false\n'
        '[logging]\n  level = "error"\n',
        encoding="utf-8",
    )
    return path


def _answers(store: StoreConfig, path: str = "/ping") -> Callable[[], bool]:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{store.url}{path}", timeout=2):  # noqa: S310 - http, by the config
                return True
        except (OSError, urllib.error.URLError):
            return False

    return answers


def _set_up(store: StoreConfig) -> Callable[[], bool]:
    """Ready once it answers; one that is new is set up with the config's organisation and token."""
    answers = _answers(store)

    def ready() -> bool:
        if not answers():
            return False
        with urllib.request.urlopen(f"{store.url}/api/v2/setup", timeout=5) as answer:  # noqa: S310
            if not json.load(answer)["allowed"]:
                return True
        if store.token is None or store.org is None:
            raise WrongUse(
                "store: a new InfluxDB 2 needs org and token: {file: PATH}; the token is made there"
            )
        made_up(store.token)
        asked = {
            "username": "admin",
            "password": secrets.token_urlsafe(32),  # nobody needs it: the token does everything
            "org": store.org,
            "bucket": f"{store.org}_unused",
            "token": store.token.read(),
        }
        request = urllib.request.Request(  # noqa: S310 - http, by the config
            f"{store.url}/api/v2/setup", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310
            return True

    return ready


def grafana(site: Site, folder: Path, port: int, *, token: Path) -> list[Part]:
    """Grafana with the config's dashboards in place, where it is installed; it knows no default password.

    `token` is the file of the token that only reads, which setting up the store has made by then; a store
    that asks nobody has none.
    """
    program = found("grafana") or found("grafana-server")
    if program is None or site.store is None or site.store.kind != "influxdb":
        return []
    folder.mkdir(parents=True, exist_ok=True)
    token.parent.mkdir(mode=0o700, exist_ok=True)
    built = folder / "built"
    env = {
        **_grafana_secrets(folder),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_PATHS_LOGS": str(folder / "logs"),
        "GF_PATHS_PROVISIONING": str(built / "provisioning"),
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_USERS_ALLOW_SIGN_UP": "false",
    }

    def with_token() -> dict[str, str]:
        return env | in_environment(token.read_text(encoding="utf-8").strip() if token.exists() else "")

    home = next(
        (p for p in (Path("/usr/share/grafana"), Path(program).resolve().parents[1]) if p.is_dir()), None
    )
    options = ("--homepath", str(home)) if home is not None else ()
    command = (program, "server", *options) if program.endswith("grafana") else (program, *options)
    build = (
        *(sys.executable, "-m", "fieldlab", "dashboards", "build", str(site.path), "--out", str(built)),
        *("--tokens", str(token.parent)),
    )
    return [
        Part("dashboards", build, once=True, takes=OWN),
        Part("grafana", command, lambda: listens("127.0.0.1", port), with_token, takes=("GF_*", *PROXIES)),
    ]


def _grafana_secrets(folder: Path) -> dict[str, str]:
    """The settings that name what is made up: Grafana comes with a password and a key that all know."""
    wanted = {"GF_SECURITY_ADMIN_PASSWORD": "admin.password", "GF_SECURITY_SECRET_KEY": "secret.key"}
    # What a Grafana keeps is sealed with the key that it began with.
    if (folder / "data" / "grafana.db").exists() and not (folder / "secret.key").exists():
        del wanted["GF_SECURITY_SECRET_KEY"]
    for name in wanted.values():
        made_up(Secret(file=folder / name))
    # Grafana's own way to a file: names that end in __FILE are read by its image's start-up script alone.
    return {setting: f"$__file{{{folder / name}}}" for setting, name in wanted.items()}
