"""The table printer aligns by width and adds nothing."""

from __future__ import annotations

import pytest

from bentoml.cli.plain_table import plain_table

CASES = [
    pytest.param([], "NAME  AGE", id="no-rows"),
    pytest.param([["iris", "2 days"]], "NAME  AGE\niris  2 days", id="equal-width"),
    pytest.param([["a", "1"], ["longer", "2"]], "NAME    AGE\na       1\nlonger  2", id="wide-cell"),
    pytest.param([["a", ""]], "NAME  AGE\na", id="empty-last-cell-leaves-no-blanks"),
    pytest.param([["", "1"]], "NAME  AGE\n      1", id="empty-first-cell"),
]


@pytest.mark.parametrize(("rows", "expected"), CASES)
def test_plain_table_when_given_rows_aligns_columns(rows: list[list[str]], expected: str) -> None:
    assert plain_table(["NAME", "AGE"], rows) == expected


def test_table_shows_what_would_steer_the_terminal() -> None:
    """Names come from registries on other machines, too."""
    assert plain_table(("NAME", "LABELS"), [("Iris\x1b[2J", "a:b\nFake:1"), ("é", "")]) == (
        "NAME      LABELS\nIris?[2J  a:b?Fake:1\né"
    )
