"""The account of weekly reports, kept for years."""

from __future__ import annotations

import datetime as dt

from fieldlab.sent import KEPT, Account, Made


def test_what_is_long_past_goes_and_the_rest_outlives_a_restart(tmp_path) -> None:
    """Two years of each report, whatever clock they were made by; since when a report is there stays."""
    account = Account(tmp_path)
    first = dt.date(2026, 9, 28)
    weeks = ["{}-W{:02}".format(*(first + dt.timedelta(weeks=n)).isocalendar()[:2]) for n in range(KEPT + 30)]
    with account.opened():
        account.first_seen("all", 5)
        account.put("other", weeks[0], Made(1, to=["a@lab.example"]))
        for number, week in enumerate(weeks):
            account.put("all", week, Made(10**18 if number == 3 else number, sent={"a@lab.example": number}))
    again = Account(tmp_path)
    with again.opened():
        assert list(again.weeks["all"]) == weeks[-KEPT:]
        assert again.of("all", weeks[-1]) == Made(len(weeks) - 1, sent={"a@lab.example": len(weeks) - 1})
        assert again.of("other", weeks[0]) is not None
        assert again.first_seen("all", 99) == 5
