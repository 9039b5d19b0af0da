"""How Grafana says who it is to InfluxDB: by a token; to a 1.x with accounts by user and password."""

from __future__ import annotations

from typing import Any, Final

TOKEN_VARIABLE: Final = "INFLUX_READ_TOKEN"  # noqa: S105 - the name of a variable, not what is in it
PASSWORD_VARIABLE: Final = "INFLUX_READ_PASSWORD"  # noqa: S105 - likewise
"""Grafana's environment holds the one or the other; provisioning files never do."""


def parted(token: str) -> tuple[str, str]:
    """User and secret of what opens a store; no user: a token."""
    user, separator, password = token.partition(":")
    return (user, password) if separator else ("", token)


def access(user: str, secret: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """What a data source says of it: its own settings, those of jsonData, and those that are kept encrypted.

    Notes
    -----
    InfluxDB before 1.8 knows no scheme ``Token``. For a user Grafana sends Basic, from its backend and by its
    proxy alike; a header of jsonData it sets after that, so there must not be both.
    """
    if user:
        return {"user": user}, {}, {"password": secret}
    return {}, {"httpHeaderName1": "Authorization"}, {"httpHeaderValue1": f"Token {secret}"}


def in_environment(token: str) -> dict[str, str]:
    """The variable that the provisioning of :func:`access` names."""
    user, secret = parted(token)
    return {PASSWORD_VARIABLE if user else TOKEN_VARIABLE: secret}
