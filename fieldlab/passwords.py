"""Passwords and tokens that are made up where a config names a file that is not there yet."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from fieldlab_configs import Secret, Site


def made_up(secret: Secret | None) -> bool:
    """Make a secret up whose file is not there yet, of mode 600; whether that was done."""
    if secret is None or secret.file is None or secret.file.exists():
        return False
    put(secret.file, secrets.token_urlsafe(32))
    return True


def put(path: Path, text: str) -> None:
    """Write a new file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def for_app(site: Site, folder: Path) -> list[Path]:
    """Passwords of the app's users whose hash is not there yet; where every such password is.

    Parameters
    ----------
    site : Site
    folder : Path
        For the passwords themselves; the hashes go to where the config says.
    """
    kept = []
    for name, user in site.app.users.items() if site.app else ():
        path = folder / f"{name}.password"
        if user.password.file is not None and not user.password.file.exists():
            from dashboards.sessions import hashed  # noqa: PLC0415 - only whoever has an app needs it

            password = secrets.token_urlsafe(16)
            path.unlink(missing_ok=True)  # of a hash that is no more
            put(path, f"{password}\n")
            put(user.password.file, hashed(password))
        if path.exists():
            kept.append(path)
    return kept
