"""Whether this computer's clock can be believed: kept right by the network, and not behind its own files."""

from __future__ import annotations

import ctypes
import datetime as dt
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateways.findings import Findings

BEHIND_S: Final = 60.0
_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
_ROOM: Final = 256


class _Timex(ctypes.Structure):
    """As far as it is read here; the kernel writes more."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * _ROOM),
    )


def kept_within_s() -> float | None:
    """How far off the clock may be at most, by the kernel; infinite where nothing keeps it right.

    Whatever does it (timesyncd, chrony, ntpd, PTP) tells the kernel. None where there is no such kernel.
    """
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (AttributeError, OSError, TypeError):
        return None
    told = _Timex()  # modes 0: only asked
    state = adjtimex(ctypes.byref(told))
    if state < 0:
        return None
    return float("inf") if state == _UNSYNCHRONISED else told.maxerror / 1e6


def examine_clock(
    folder: Path,
    gateway: str,
    found: Findings,
    *,
    kept_s: Callable[[], float | None] = kept_within_s,
    now_s: Callable[[], float] = time.time,
) -> None:
    """Look at the clock, beside the spool of a gateway.

    Parameters
    ----------
    folder : Path
        Of the spool.
    gateway : str
    found : Findings
    kept_s, now_s : callable
        See :func:`kept_within_s`; the clock itself.
    """
    written_s = _written_s(folder, gateway)
    if written_s > now_s() + BEHIND_S:
        at = dt.datetime.fromtimestamp(written_s, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        said = (
            f"it is behind by {(written_s - now_s()) / 3600:,.1f} h at least: the spool was written at {at}"
        )
        found.failure(
            "computer's clock", said, "set it right: timedatectl set-time, or a clock with a battery"
        )
        return
    kept = kept_s()
    if kept is None:
        found.unknown("computer's clock", "this system does not tell whether it is kept right")
    elif kept == float("inf"):
        said = "nothing keeps it right (NTP); samples without a time of their own get the gateway's"
        found.warning("computer's clock", said, "timedatectl set-ntp true, or install chrony")
    else:
        found.ok("computer's clock", f"it is kept right, within {kept * 1000:,.0f} ms")


def _written_s(folder: Path, gateway: str) -> float:
    """When the spool was written last; 0 where there is none."""
    latest = 0.0
    for file in folder.glob(f"{gateway}.*"):
        with suppress(FileNotFoundError):  # a gateway that stops takes its log away
            latest = max(latest, file.stat().st_mtime)
    return latest
