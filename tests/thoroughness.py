"""How many examples tests make up: all of them where the whole suite runs, a third where a part of it does."""

from __future__ import annotations

import os

from tests.skip_guard import is_ci


def is_thorough() -> bool:
    """Whether slow tests run, and examples are many."""
    return is_ci() or os.environ.get("SLOW_TESTS") == "1"


def examples(count: int) -> int:
    """How many examples to make, of `count` for the whole suite."""
    return count if is_thorough() else max(10, count // 3)
