"""Whether a container does its work.

``healthy.py port HOST PORT | recent FILE SECONDS | page URL``
"""  # noqa: INP001 - a script that the image runs by its path

import socket
import sys
import time
import urllib.request
from pathlib import Path


def port(host: str, number: str) -> bool:
    """Whether somebody listens there."""
    with socket.create_connection((host, int(number)), timeout=3):
        return True


def recent(file: str, seconds: str) -> bool:
    """Whether a file was touched lately: the sign of life that a service leaves (FIELDLAB_ALIVE)."""
    return time.time() - Path(file).stat().st_mtime < float(seconds)


def page(url: str) -> bool:
    """Whether a page is served."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the URL is ours, from the compose file
        return bool(answer.status == 200)  # noqa: PLR2004 - OK


CHECKS = {"port": port, "recent": recent, "page": page}

if __name__ == "__main__":
    try:
        well = CHECKS[sys.argv[1]](*sys.argv[2:])
    except (OSError, ValueError) as error:
        sys.exit(f"{' '.join(sys.argv[1:3])}: {error}")
    sys.exit(0 if well else f"{' '.join(sys.argv[1:3])}: nothing lately")
