"""Fixtures of the simulator's tests."""

from __future__ import annotations

import uuid

import pytest


@pytest.fixture
def topics() -> str:
    """Topics of one test alone: a broker keeps the last message of each for the next one to find."""
    return f"t{uuid.uuid4().hex[:8]}"
