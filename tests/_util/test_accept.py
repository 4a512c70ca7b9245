from __future__ import annotations

import pytest

from bentoml._util.accept import MAX_RANGES, best_type, qualities

OFFERED = ("application/json", "text/csv", "application/x-npy")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/x-npy, */*", "application/x-npy"),
        ("text/csv, application/json", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.6", "text/csv"),
        ("application/json; q=0, */*", "text/csv"),
        ("application/*;q=0.5, application/x-npy", "application/x-npy"),
        ("application/json;version=1;q=0.2, text/csv; q = 0.1", "application/json"),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=nonsense", None),
        ("application/json;q=2", None),
        ("application/json;q=nan", None),
        (",;,", "application/json"),
    ],
)
def test_best_type_is_what_the_client_likes_best(accept: str, chosen: str | None) -> None:
    assert best_type(accept, OFFERED) == chosen


def test_qualities_of_a_flood_of_ranges_are_read_up_to_the_limit() -> None:
    assert len(qualities(",".join(f"a/{i}" for i in range(100_000)))) == MAX_RANGES
