"""What the command line says when something cannot be done."""

from __future__ import annotations


class WrongUse(Exception):  # noqa: N818 - named for what it tells the user
    """A wrong use or configuration: one clear message, exit status 2."""


class Found(Exception):  # noqa: N818
    """It ran, and found what the command exists to find: exit status 1."""
