"""A dict that forgets when it is full."""

from __future__ import annotations

from bentoml._util.bounded_memo import BoundedMemo


def test_memo_when_full_forgets_everything_before_it_keeps_more() -> None:
    memo = BoundedMemo[str, int](2)
    memo.keep("a", 1)
    memo.keep("b", 2)
    assert memo == {"a": 1, "b": 2}
    memo.keep("c", 3)
    assert memo == {"c": 3}
    assert memo.get("a") is None


def test_memo_never_holds_more_than_its_limit() -> None:
    memo = BoundedMemo[int, int](10)
    sizes = []
    for number in range(1000):
        memo.keep(number, number)
        sizes.append(len(memo))
    assert max(sizes) == 10
