from __future__ import annotations

import threading

import pytest

from bentoml.yatai.remote.progress import Meter, TransferStopped
from bentoml.yatai.remote.side_by_side import do_all


def test_do_all_does_each_once_and_several_at_a_time() -> None:
    together = threading.Barrier(3)
    done: list[int] = []

    def work(item: int) -> None:
        together.wait(10)
        done.append(item)

    do_all(work, range(9), 3, Meter(0, None))
    assert sorted(done) == list(range(9))


def test_do_all_when_one_fails_ends_the_others() -> None:
    meter = Meter(0, None)
    has_failed = threading.Event()
    done: list[int] = []

    def work(item: int) -> None:
        if item == 1:
            has_failed.set()
            raise IndexError("the second")
        assert has_failed.wait(10)
        while True:
            done.append(item)
            meter.add(1)

    with pytest.raises(IndexError, match="the second"):
        do_all(work, range(100), 2, meter)
    assert set(done) <= {0}
    with pytest.raises(TransferStopped):
        meter.add(1)


def test_do_all_when_there_is_nothing_to_do_returns() -> None:
    do_all(pytest.fail, [], 4, Meter(0, None))
