"""YAML to a checked model, with the file, line and key of every problem."""

from __future__ import annotations

from pathlib import Path

from fieldlab_configs.site import Site


def load(path: str | Path) -> Site:
    """Read and check a configuration file; ConfigError with every problem in it."""
    raise NotImplementedError


def parse(text: str, path: str | Path = "config.yaml") -> Site:
    """Check a configuration given as text; `path` is what messages and relative paths refer to."""
    raise NotImplementedError
