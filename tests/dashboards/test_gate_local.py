"""The app without users: for whoever sits at this computer, under its own names."""

from __future__ import annotations

from tests.dashboards.fakes import FakeScreens
from tests.dashboards.serving import served
from tests.dashboards.test_gate import ask


def test_without_users_this_computer_is_asked_by_its_own_names_only() -> None:
    """A name that somebody points at 127.0.0.1 opens nothing."""
    with served(FakeScreens()) as found:
        assert ask(found, "/", Host="rebound.example")[0] == 421
        assert ask(found, "/wall", Host="rebound.example")[0] == 421
        assert ask(found, "/wall", Host=f"localhost:{found.port}")[0] == 200
