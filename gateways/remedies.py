"""What a person does about a connection that was refused, in the words of where it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

BY_HAND: Final = "(by hand)"
"""In place of a source's id where an address was given, and no config: what helps is an option then."""
_URN_PARTS: Final = 4


def said_as(source: str, key: str) -> str:
    """Where a key of a source is written: ``sources.plc1.server_name:``, or ``--server-name``."""
    return f"--{key.replace('_', '-')}" if source == BY_HAND else f"sources.{source}.{key}:"


def login(source: str) -> str:
    """Where user and password are written."""
    if source == BY_HAND:
        return "--user NAME --password-env VARIABLE"
    return f"sources.{source}.user, .password"


def without_security(source: str) -> str:
    """What to do where a server talks to nobody in clear."""
    if source == BY_HAND:
        return f"give {login(source)}, or --security sign_and_encrypt"
    return "leave out security: none"


def first_certificate(pki: Path, name: str) -> str:
    """The commands that make a certificate where there is none."""
    issue = f"fieldlab pki issue {pki} {name}"
    if (pki / "ca" / "ca.pem").exists():
        return issue
    return f"fieldlab pki init {pki} --fieldlab ID (as in the config), then {issue}"


def another_name(wanted: str, there: Sequence[str], pki: Path, gateway: str, source: str) -> str:
    """What to do about a gateway's certificate that is for another name than it has.

    Parameters
    ----------
    wanted : str
        The gateway's name, ``urn:fieldlab:<fieldlab>:<gateway>``.
    there : sequence of str
        The names in the certificate.
    pki : Path
    gateway, source : str
        Ids.
    """
    ours = _fieldlab(wanted)
    theirs = next((lab for lab in map(_fieldlab, there) if lab is not None), None)
    if ours is None or theirs is None or ours == theirs:
        return f"make one with: fieldlab pki issue {pki} {gateway}"
    # The same authority would issue the same name again.
    return (
        f"{pki} is that of fieldlab {theirs}: write fieldlab: {theirs} in the config, or make one for {ours} "
        f"elsewhere (fieldlab pki init FOLDER --fieldlab {ours}) and name it: sources.{source}.pki"
    )


def _fieldlab(urn: str) -> str | None:
    parts = urn.split(":")
    return parts[2] if len(parts) == _URN_PARTS and parts[:2] == ["urn", "fieldlab"] else None
