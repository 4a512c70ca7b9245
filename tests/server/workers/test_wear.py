"""When working workers are worn, and how often that may be acted upon."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import pytest

from bentoml.server.options.serve_options import ServeOptions
from bentoml.server.transport.wire import FrameProtocol
from bentoml.server.transport.worker_link import WorkerLink
from bentoml.server.workers.wear import MEMORY, RECYCLED, Relief, Wear


def worker(number: int = 0, *, requests: int = 0, rss_bytes: int | None = None) -> WorkerLink:
    link = WorkerLink(1, FrameProtocol(lambda *_: None, lambda _: None), number)
    link.requests = requests
    link.rss_bytes = rss_bytes
    return link


def wear(**limits: int) -> Wear:
    return Wear(ServeOptions.from_config(Path(), **limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rss_bytes", "reason"), [(None, None), (1000, None), (1001, MEMORY)], ids=["unknown", "at", "over"]
)
def test_worker_over_the_ceiling_is_worn(rss_bytes: int | None, reason: str | None) -> None:
    assert wear(worker_max_rss_bytes=1000).reason_to_replace(worker(rss_bytes=rss_bytes)) == reason


def test_limits_in_requests_are_spread_and_the_same_each_time() -> None:
    judge = wear(worker_max_requests=1000)

    def limit(number: int) -> int:
        return next(n for n in range(2000) if judge.reason_to_replace(worker(number, requests=n)) == RECYCLED)

    limits = [limit(number) for number in range(8)]
    assert len(set(limits)) == 8
    assert min(limits) == 1000
    assert max(limits) <= 1100
    assert limits == [limit(number) for number in range(8)]


def test_worker_without_limits_is_never_worn() -> None:
    assert wear().reason_to_replace(worker(requests=1 << 40, rss_bytes=1 << 50)) is None


def test_worker_too_large_from_the_start_is_left_alone_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    relief = Relief()
    with caplog.at_level(logging.WARNING, "bentoml"):
        assert not any(relief.is_due(MEMORY, float(now), lived_s=float(now), has_worked=False) for now in range(100))
    assert len(caplog.records) == 1
    assert "Raise the limit" in caplog.text


def test_workers_that_soon_grow_too_large_are_replaced_less_and_less_often() -> None:
    relief = Relief()
    due_s = [now for now in range(3000) if relief.is_due(MEMORY, float(now), lived_s=1.0, has_worked=True)]
    gaps = [later - earlier for earlier, later in pairwise(due_s)]
    assert gaps[:4] == [10, 20, 40, 80]
    assert max(gaps) == 600


def test_workers_that_grow_slowly_are_replaced_at_once() -> None:
    relief = Relief()
    assert all(relief.is_due(MEMORY, float(now), lived_s=100.0, has_worked=True) for now in range(4))


def test_nothing_is_replaced_for_a_while_after_a_successor_did_not_start() -> None:
    relief = Relief()
    assert relief.is_due(RECYCLED, 0.0, lived_s=100.0, has_worked=True)
    relief.failed(1.0)
    assert not relief.is_due(RECYCLED, 2.0, lived_s=100.0, has_worked=True)
    assert relief.is_due(RECYCLED, 60.0, lived_s=100.0, has_worked=True)
