"""How long the OPC UA driver waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds."""

    answer_s: float = 10.0
    keep_alive_s: float = 3.0  # the server says at least this often that it is there
    silent_after_s: float = 15.0  # hearing nothing for so long, it is gone
    lifetime_s: float = 600.0  # how long the server keeps a subscription nobody asks about
    retry_nodes_s: float = 10.0
    look_s: float = 60.0  # how often it is checked that a live subscription tells all
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    close_s: float = 1.5
