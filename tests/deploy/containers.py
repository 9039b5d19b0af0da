"""What docker-compose.yml runs, as processes of this computer: the same commands, files, users and rights.

Paths and addresses of containers are replaced by those of a folder and of loopback; nothing else is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests import servers

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "fieldlab_configs" / "examples" / "compose.yaml"


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file, merge keys applied."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(text)["services"]
    return found


class Containers:
    """A folder in the place of the volumes, and ports in the place of the network.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room = folder / "secrets"
        self.room.mkdir()
        self.broker, self.opcua, self.app = (servers.free_port() for _ in range(3))
        self.store, self.org = "http://influxdb:8086", "fieldlab"
        self.services = services()

    def first(self, *words: object, told: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script of the first start."""
        return subprocess.run(
            [sys.executable, str(ROOT / "deploy" / "first_start.py"), *map(str, words)],
            capture_output=True, text=True, check=False, timeout=120, input=told,
            env={**os.environ, **environ},
        )  # fmt: skip

    def secret(self, service: str, name: str) -> str:
        """What a secret is."""
        return (self.room / service / name).read_text(encoding="utf-8").strip()

    def config(self, mounted: str) -> Path:
        """The config as a service has it whose secrets are in a folder of the room."""
        text = CONFIG.read_text(encoding="utf-8")
        for here, there in {
            "/run/fieldlab": str(self.room / mounted),
            "host: mosquitto": f"host: localhost\n    port: {self.broker}",
            "opc.tcp://simulator:4840": f"opc.tcp://127.0.0.1:{self.opcua}",
            "/var/lib/fieldlab/spool": str(self.folder / "spool"),
            "/var/lib/fieldlab/reports": str(self.folder / "reports"),
            "http://influxdb:8086": self.store,
            "org: fieldlab": f'org: "{self.org}"',
        }.items():
            assert here in text
            text = text.replace(here, there)
        path = self.folder / f"{mounted}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    @contextmanager
    def mosquitto(self) -> Iterator[None]:
        """The broker, by deploy/mosquitto.conf."""
        text = (ROOT / "deploy" / "mosquitto.conf").read_text(encoding="utf-8")
        for here, there in {
            "listener 8883": f"listener {self.broker} 127.0.0.1",
            "/run/fieldlab": str(self.room / "broker"),
            "/mosquitto/data": str(self.folder),
        }.items():
            assert here in text
            text = text.replace(here, there)
        # Started by root it would become the user mosquitto, who may not look into our folder.
        text += "user root\n" if os.geteuid() == 0 else ""
        config = self.folder / "mosquitto.conf"
        config.write_text(text, encoding="utf-8")
        program = servers.find_program("mosquitto")
        with servers.running([program, "-c", str(config)], self.folder, lambda: servers.listens(self.broker)):
            yield

    def command(self, service: str, mounted: str) -> list[str]:
        """What a service runs, here."""
        words = self.services[service]["command"]
        here = {
            "/etc/fieldlab/fieldlab.yaml": str(self.config(mounted)),
            "/run/fieldlab": str(self.room / mounted),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - what is replaced
            "8080": str(self.app),
        }
        return [sys.executable, "-m", "fieldlab", *(here.get(word, word) for word in words)]

    @contextmanager
    def service(self, name: str, mounted: str) -> Iterator[subprocess.Popen[bytes]]:
        """A service of ours, in an empty folder of its own as its work folder."""
        place = self.folder / name
        place.mkdir()
        environ = {
            **os.environ,
            "FIELDLAB_ALIVE": str(self.folder / f"{name}.alive"),
            "PYTHONPATH": str(ROOT),
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(name, mounted), cwd=place, stdout=log, stderr=log, env=environ
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def healthy(self, name: str, here: Mapping[str, str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the health check of a service, with some of its words replaced."""
        words = [word.replace("$$", "$") for word in self.services[name]["healthcheck"]["test"][1:]]
        here = {"python": sys.executable, "/usr/local/lib/fieldlab/healthy.py": "deploy/healthy.py", **here}
        return subprocess.run(
            [here.get(word, word) for word in words],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=90, env={**os.environ, **environ},
        )  # fmt: skip
