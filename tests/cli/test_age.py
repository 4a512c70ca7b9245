"""Ages read as a person would say them."""

from __future__ import annotations

import pytest

from bentoml.cli.age import age_text

CASES = [
    (-5, "0 seconds"),
    (0, "0 seconds"),
    (1.9, "1 second"),
    (59, "59 seconds"),
    (60, "1 minute"),
    (61, "1 minute and 1 second"),
    (3600, "1 hour"),
    (3601, "1 hour"),
    (2 * 3600 + 5 * 60 + 7, "2 hours and 5 minutes"),
    (86400 + 59, "1 day"),
    (3 * 86400 + 4 * 3600, "3 days and 4 hours"),
    (16 * 86400, "2 weeks and 2 days"),
]


@pytest.mark.parametrize(("seconds", "expected"), CASES, ids=[str(case[0]) for case in CASES])
def test_age_text_when_given_seconds_says_the_two_largest_units(seconds: float, expected: str) -> None:
    assert age_text(seconds) == expected
