"""A world for one document: a network of its own, with the addresses that documents name."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

PLC, BROKER, OTHER = "10.0.0.5", "10.0.0.6", "10.0.0.7"
"""Addresses of the documents; in their world all are this computer's loopback."""
NAMES = {"broker.local": BROKER, "fieldlab.example.nl": OTHER, "mail.example.nl": OTHER}

_SIOCSIFFLAGS, _SIOCSIFADDR = 0x8914, 0x8916
_UP_RUNNING_LOOPBACK = 0x1 | 0x40 | 0x8


def why_not() -> str | None:
    """Why no world can be made on this machine, or None."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "unshare and mount are not installed (Debian, Ubuntu: apt install util-linux mount)"
    done = subprocess.run([*apart(), "true"], capture_output=True, text=True, check=False, timeout=30)
    return None if done.returncode == 0 else f"no network of its own: {done.stderr.strip()}"


def apart() -> list[str]:
    """The command before a command that runs in a network and with mounts of its own."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child"]


def furnish(folder: Path) -> None:
    """Give the network that this process is alone in its addresses, and their names."""
    if Path("/proc/net/route").read_text().count("\n") > 1:
        # The computer's own: an address of 10.0.0.0/8 would take its name server away from it.
        raise SystemExit("not in a network of its own; start it with: unshare --net --mount --pid --fork")
    for label, address in {"lo": "127.0.0.1", "lo:1": PLC, "lo:2": BROKER, "lo:3": OTHER}.items():
        _address(label, address)
    hosts = folder / "hosts"
    lines = [f"{address} {name}" for name, address in NAMES.items()]
    hosts.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)


def why_no_box() -> str | None:
    """Why nothing can be installed here as on a box of its own, or None."""
    if Path("/proc/self/uid_map").read_text().split() != ["0", "0", str(2**32 - 1)]:
        return "only root can give files to another user"
    missing = [name for name in ("systemctl", "systemd-sysusers", "setpriv") if shutil.which(name) is None]
    return f"{missing[0]} is not installed (Debian, Ubuntu: apt install systemd)" if missing else None


def box(folder: Path) -> None:
    """Places of the system that a document writes to: a copy of /etc, and nothing in /opt and /var/lib."""
    (folder / "etc").mkdir()
    subprocess.run(["cp", "-a", "/etc/.", folder / "etc"], check=True)
    subprocess.run(["mount", "--rbind", folder / "etc", "/etc"], check=True)
    for place in ("/opt", "/var/lib"):
        subprocess.run(["mount", "-t", "tmpfs", "box", place], check=True)


def _address(label: str, address: str) -> None:
    name = label.encode().ljust(16, b"\0")
    inet = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        if label != "lo":
            fcntl.ioctl(any_socket, _SIOCSIFADDR, name + inet)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, name + struct.pack("=H14x", _UP_RUNNING_LOOPBACK))
