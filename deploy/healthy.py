"""Whether a container does its work.

``healthy.py port HOST PORT | recent FOLDER SECONDS | atoms URL DATABASE TOKENFILE``
"""  # noqa: INP001 - a script that the image runs by its path

import json
import os
import socket
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path


def port(host: str, number: str) -> bool:
    """Whether somebody listens there."""
    with socket.create_connection((host, int(number)), timeout=3):
        return True


def recent(folder: str, seconds: str) -> bool:
    """Whether a file was written lately: a spool takes heartbeats even when all is still."""
    with os.scandir(folder) as files:
        return time.time() - max(f.stat().st_mtime for f in files) < float(seconds)


def atoms(url: str, database: str, token_file: str) -> bool:
    """Whether analytics wrote atoms of the last quarter of an hour."""
    token = Path(token_file).read_text(encoding="utf-8").strip()
    query = {"db": database, "q": 'SELECT COUNT("calendar_time_s") FROM "atom" WHERE time > now() - 15m'}
    request = urllib.request.Request(  # noqa: S310 - the URL is ours, from the compose file
        f"{url}/query?{urllib.parse.urlencode(query)}", headers={"Authorization": f"Token {token}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return bool(json.load(answer)["results"][0].get("series"))


CHECKS = {"port": port, "recent": recent, "atoms": atoms}

if __name__ == "__main__":
    try:
        well = CHECKS[sys.argv[1]](*sys.argv[2:])
    except (OSError, ValueError) as error:
        sys.exit(f"{' '.join(sys.argv[1:3])}: {error}")
    sys.exit(0 if well else f"{' '.join(sys.argv[1:3])}: nothing lately")
