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


class Secret(Model):
    """A secret by reference: an environment variable or a file. Never the secret itself."""

    refusal: ClassVar[str | None] = (
        "a secret never stands in the config; name where it is kept: {env: NAME} or {file: PATH}"
    )

    env: Annotated[str | None, Text(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of a variable")] = None
    file: Annotated[Path | None, File()] = None  # absolute: resolved against the config's own folder

    def faults(self) -> Iterator[Fault]:
        """Both ways at once, or none."""
        if (self.env is None) == (self.file is None):
            yield (), "must be either {env: NAME} or {file: PATH}"

    def read(self) -> str:
        """The secret itself, read when needed and never kept.

        Returns
        -------
        str
            Without the newline at the end of a file.

        Raises
        ------
        ConfigError
            If the variable is not set, or the file can not be read or is empty.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise ConfigError(
                    [f"the environment variable {self.env} is not set; it should hold the secret"]
                )
            return value
        if self.file is None:
            raise ConfigError(["the secret says neither env nor file"])
        try:
            value = self.file.read_text(encoding="utf-8").rstrip("\r\n")
            mode = self.file.stat().st_mode
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a text"
            raise ConfigError([f"{self.file}: the secret can not be read: {why}"]) from None
        if not value:
            raise ConfigError([f"{self.file}: is empty; it should hold the secret"])
        if mode & 0o044:
            _log.warning("%s holds a secret and others can read it; chmod 600 it", self.file)
        return value
