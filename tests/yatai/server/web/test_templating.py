from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bentoml.yatai.server.web.templating import age, figure, path_text, render, size, templates

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_000_000_000, "2.0 GB"),
        (5_000_000_000_000_000_000, "5000 PB"),
    ],
)
def test_size_is_short(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=1.9), "1 second"),
        (timedelta(seconds=119), "1 minute"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=29), "29 days"),
        (timedelta(days=31), "1 month"),
        (timedelta(days=800), "2 years"),
        (timedelta(seconds=-5), "0 seconds"),  # a clock that was set back
    ],
)
def test_age_has_the_largest_unit(before: timedelta, text: str) -> None:
    assert age(NOW - before, NOW) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97333333, "0.97333"),
        (120000, "120,000"),
        (120000.0, "120,000"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, "true"),
        (None, "null"),
        ("text", "text"),
        (["a", 1], '["a", 1]'),
    ],
)
def test_figure_is_short(value: object, text: str) -> None:
    assert figure(value) == text


def test_figure_cuts_what_is_long() -> None:
    assert len(figure("x" * 10_000)) == 200


def test_path_text_keeps_slashes_alone() -> None:
    assert path_text("a b/c?d#e%") == "a%20b/c%3Fd%23e%25"


def test_values_are_escaped() -> None:
    template = templates().from_string('<p title="{{ value }}">{{ value }}</p>')
    assert "<script>" not in template.render(value='"><script>alert(1)</script>')


def test_a_page_that_lacks_a_value_fails() -> None:
    with pytest.raises(Exception, match="undefined"):
        render("problem.html", {})
