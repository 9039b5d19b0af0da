"""Secrets, only by reference."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from fieldlab_configs.base import Fault, Model
from fieldlab_configs.errors import ConfigError
from fieldlab_configs.kinds import File, Text

_log = logging.getLogger(__name__)

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd tells a service where its credentials are."""


class Secret(Model):
    """A secret by reference: a variable, a file or a credential of systemd. Never the secret itself."""

    refusal: ClassVar[str | None] = (
        "a secret never stands in the config; name where it is kept: {env: NAME}, {file: PATH} or"
        " {credential: NAME}"
    )

    env: Annotated[str | None, Text(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of a variable")] = None
    file: Annotated[Path | None, File()] = None  # absolute: resolved against the config's own folder
    credential: Annotated[str | None, Text(r"(?!\.)[A-Za-z0-9_.-]+", "must be the name of a credential")] = (
        None
    )

    def faults(self) -> Iterator[Fault]:
        """Several ways at once, or none."""
        if sum(way is not None for way in (self.env, self.file, self.credential)) != 1:
            yield (), "must be one of {env: NAME}, {file: PATH} and {credential: NAME}"

    def read(self) -> str:
        """The secret itself, read when needed and never kept.

        Returns
        -------
        str
            Without the newline at the end of a file.

        Raises
        ------
        ConfigError
            If the variable is not set, the file can not be read or is empty, or there are no credentials.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise ConfigError(
                    [f"the environment variable {self.env} is not set; it should hold the secret"]
                )
            return value
        path = self.file or self._credential()
        try:
            value = path.read_text(encoding="utf-8").rstrip("\r\n")
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a text"
            raise ConfigError([f"{path}: the secret can not be read: {why}"]) from None
        if not value:
            raise ConfigError([f"{path}: is empty; it should hold the secret"])
        if (
            mode & 0o044 and self.credential is None
        ):  # systemd opens its own to the service alone, by other means
            _log.warning("%s holds a secret and others can read it; chmod 600 it", path)
        return value

    def _credential(self) -> Path:
        """Where systemd has put it (LoadCredential=)."""
        if self.credential is None:
            raise ConfigError(["the secret says nowhere where it is kept"])
        folder = os.environ.get(CREDENTIALS, "")
        if not folder:
            why = "systemd gives credentials to its services alone; elsewhere"
            what = f"set {CREDENTIALS} to the folder that holds them"
            raise ConfigError([f"the credential {self.credential} is not there: {why} {what}"])
        return Path(folder) / self.credential
