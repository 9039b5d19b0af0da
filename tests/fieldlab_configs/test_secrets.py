"""Secrets stay where they are kept until they are needed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fieldlab_configs import ConfigError, Secret
from fieldlab_configs.load import parse


def test_a_secret_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment it is asked for."""
    monkeypatch.setenv("FIELDLAB_TEST_SECRET", "canary")
    secret = Secret(env="FIELDLAB_TEST_SECRET")
    assert secret.read() == "canary"
    assert "canary" not in repr(secret)


def test_a_secret_is_read_from_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without the newline that editors put at the end; a private file says nothing."""
    path = tmp_path / "password"
    path.write_text("canary \n")
    path.chmod(0o600)
    with caplog.at_level(logging.WARNING):
        assert Secret(file=path).read() == "canary "
    assert not caplog.records


def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A warning and no more: it may be a read-only mount; the secret itself is not logged."""
    path = tmp_path / "password"
    path.write_text("canary\n")
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert Secret(file=path).read() == "canary"
    assert caplog.messages == [f"{path} holds a secret and others can read it; chmod 600 it"]


def test_a_secret_is_a_credential_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the folder that the service is told; nobody is warned of how systemd protects it."""
    secret = Secret(credential="influx.token")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match=r"credential influx\.token is not there: .* CREDENTIALS_DIRECTORY"):
        secret.read()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigError, match=r"influx\.token: the secret can not be read: No such file"):
        secret.read()
    (tmp_path / "influx.token").write_text("canary\n")
    (tmp_path / "influx.token").chmod(0o440)
    with caplog.at_level(logging.WARNING):
        assert secret.read() == "canary"
    assert not caplog.records


@pytest.mark.parametrize("name", ["../x", ".", "a/b", ""])
def test_a_credential_is_a_name_and_no_path(name: str) -> None:
    """It cannot lead out of the folder."""
    store = f"{{kind: influxdb, url: 'http://h', token: {{credential: '{name}'}}}}"
    text = f"fieldlab: lab\ntimezone: UTC\nstore: {store}\n"
    with pytest.raises(ConfigError, match=r"lab.yaml:3: store\.token\.credential"):
        parse(text, "lab.yaml")


def test_a_secret_that_is_not_there_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable or file is named, and what it should hold."""
    monkeypatch.delenv("FIELDLAB_TEST_SECRET", raising=False)
    with pytest.raises(ConfigError, match="the environment variable FIELDLAB_TEST_SECRET is not set"):
        Secret(env="FIELDLAB_TEST_SECRET").read()
    missing = tmp_path / "none"
    with pytest.raises(ConfigError, match="none: the secret can not be read: No such file"):
        Secret(file=missing).read()
    with pytest.raises(ConfigError, match="the secret can not be read: Is a directory"):
        Secret(file=tmp_path).read()
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(ConfigError, match="empty: is empty"):
        Secret(file=empty).read()
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not a text"):
        Secret(file=binary).read()
