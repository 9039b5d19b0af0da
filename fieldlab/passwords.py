"""Passwords and tokens that are made up where a config names a file that is not there yet."""

from __future__ import annotations

import secrets
from pathlib import Path

from fieldlab_configs import Secret, Site
from ingest.whole_file import write_secret


def made_up(secret: Secret | None) -> bool:
    """Make a secret up whose file is not there yet, of mode 600; whether that was done."""
    if secret is None or secret.file is None or secret.file.exists():
        return False
    write_secret(secret.file, secrets.token_urlsafe(32))
    return True


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
            write_secret(path, f"{password}\n")
            write_secret(user.password.file, hashed(password))
        if path.exists():
            kept.append(path)
    return kept
