"""The compose file's form, also where no client is there to say so: keys, kinds and names.

From Docker's reference (https://docs.docker.com/reference/compose-file/), as far as the file goes: a key that
is not here is either misspelt or to be added.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tests.deploy.containers import ROOT

Duration = Annotated[str, Field(pattern=r"^(\d+(us|ms|s|m|h))+$")]
Size = Annotated[str, Field(pattern=r"^\d+([bkmgBKMG]|[kmgKMG]b)?$")]
Named = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$")]
Mount = Annotated[str, Field(pattern=r"^(\$\{\w+:-[^}]+\}|[\w./-]+):/[\w./-]+(:(ro|rw|z|Z))*$")]
Port = Annotated[str, Field(pattern=r"^(\$\{\w+:-[\d.]+\}|[\d.]+):(\$\{\w+:-\d+\}|\d+):\d+(/(tcp|udp))?$")]
Capability = Annotated[str, Field(pattern=r"^[A-Z_]+$")]


class Part(BaseModel):
    """Keys that are known, and values of their kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Part):
    context: str
    dockerfile: str
    target: str | None = None


class Healthcheck(Part):
    test: Annotated[list[str], Field(min_length=2)] | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    retries: Annotated[int, Field(gt=0)] | None = None
    disable: bool = False

    @model_validator(mode="after")
    def _says_what_to_run(self) -> Self:
        if not self.disable and (self.test is None or self.test[0] not in ("CMD", "CMD-SHELL")):
            raise ValueError("test must begin with CMD or CMD-SHELL")
        return self


class Wait(Part):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]
    required: bool = True


class Limits(Part):
    cpus: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")] | float
    memory: Size
    pids: Annotated[int, Field(gt=0)]


class Resources(Part):
    limits: Limits


class Deploy(Part):
    resources: Resources


class Logging(Part):
    driver: Literal["json-file", "local"]
    options: dict[Literal["max-size", "max-file"], str]


class Service(Part):
    image: Annotated[str, Field(pattern=r"^[a-z0-9./_-]+:[\w.-]+(@sha256:[0-9a-f]{64})?$")]
    build: Build | None = None
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    environment: dict[str, str] = {}
    volumes: list[Mount] = []
    ports: list[Port] = []
    depends_on: dict[str, Wait] = {}
    healthcheck: Healthcheck
    restart: Literal["no", "always", "on-failure", "unless-stopped"]
    stop_grace_period: Duration | None = None
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[Capability]
    cap_add: list[Capability] = []
    security_opt: list[Literal["no-new-privileges:true"]]
    user: Annotated[str, Field(pattern=r"^\d+:\d+$")] | None = None
    network_mode: Literal["none"] | None = None
    profiles: list[Named] = []
    logging: Logging
    deploy: Deploy


class Compose(Part):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    services: dict[Named, Service]
    volumes: dict[Named, None]

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        for name, service in self.services.items():
            for other, how in service.depends_on.items():
                if other not in self.services:
                    raise ValueError(f"{name} waits for {other}, which is no service")
                if how.required and set(self.services[other].profiles) - set(service.profiles):
                    raise ValueError(f"{name} waits for {other}, which may not be there")
            named = {volume.partition(":")[0] for volume in service.volumes if volume[0] not in "./$"}
            if named - set(self.volumes):
                raise ValueError(f"{name} mounts {named - set(self.volumes)}, which is no volume")
            if service.ports and service.network_mode == "none":
                raise ValueError(f"{name} has ports and no network")
        return self


def read(text: str) -> Compose:
    """A compose file; ValueError where its form is wrong."""
    for found in re.findall(r"\$(?:\{[^}]*\}|\w*)", text.replace("$$", "")):
        if not re.fullmatch(r"\$\{[A-Z_]+:-[^}]*\}", found):
            raise ValueError(f"no variable with a default: {found}")
    try:
        told: dict[str, Any] = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from None
    return Compose.model_validate({key: told[key] for key in told if not key.startswith("x-")})


TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


def test_the_compose_file_has_the_form_that_docker_compose_takes() -> None:
    """Every key known, every value of its kind, every name that of something."""
    assert {"mosquitto", "influxdb", "grafana", "gateway", "app"} <= set(read(TEXT).services)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("healthcheck:\n      test: [CMD, influx", "healthchek:\n      test: [CMD, influx", "healthchek"),
        ("interval: 10s", "interval: 10", "interval"),
        ("interval: 10s", "interval: 10 seconds", "interval"),
        ("retries: 6", "retries: six", "retries"),
        ("[CMD, influx, ping]", "[influx, ping]", "CMD"),
        ("condition: service_healthy", "condition: healthy", "condition"),
        ("secrets: {condition", "secret: {condition", "secret, which is no service"),
        ("healthy, required: false}", "healthy}", "simulator, which may not be there"),
        ("- influxdb-data:/var", "- influx-data:/var", "influx-data"),
        ("127.0.0.1:${INFLUXDB_PORT:-8086}:8086", "127.0.0.1:${INFLUXDB_PORT:-influx}:8086", "ports"),
        ("${INFLUXDB_PORT:-8086}", "$INFLUXDB_PORT", "no variable"),
        ("memory: 2G", "memory: much", "memory"),
        ('cpus: "2"', "cpus: two", "cpus"),
        ("pids: 512", "pids: many", "pids"),
        ('restart: "no"', "restart: never", "restart"),
        ("no-new-privileges:true", "no-new-privilege:true", "security_opt"),
        ("read_only: true", "readonly: true", "readonly"),
        ("network_mode: none\n", 'network_mode: none\n    ports: ["127.0.0.1:1:1"]\n', "no network"),
        ("volumes:\n  backups:", "volume:\n  backups:", "volume"),
        ("  grafana-data:\n", "  grafana-data\n", "could not find"),
    ],
)
def test_a_compose_file_that_docker_compose_would_not_take_is_found(
    right: str, wrong: str, said: str
) -> None:
    """Whatever is misspelt, of another kind, or names what is not there."""
    assert right in TEXT
    with pytest.raises((ValidationError, ValueError), match=re.escape(said)):
        read(TEXT.replace(right, wrong, 1))
