"""The thread for plain functions, over a real socket whose other end is the test."""

from __future__ import annotations

import contextvars
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Thread, get_ident
from typing import Any, BinaryIO

import pytest

from bentoml.server.transport import wire
from bentoml.server.workers.plain_lane import PlainLane

LIMIT_S = 20
seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")


@pytest.fixture
def front(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(LIMIT_S)
        yield path, listener


def meet(lane: PlainLane, listener: socket.socket) -> tuple[socket.socket, BinaryIO]:
    """Start the lane as a worker does, and play the front's part."""
    starting = Thread(target=lane.start, args=(ThreadPoolExecutor(1),))
    starting.start()
    sock, _ = listener.accept()
    sock.settimeout(LIMIT_S)
    reader = sock.makefile("rb")
    hello = wire.read(reader)
    assert hello is not None
    assert hello[0] == wire.LANE
    sock.sendall(wire.pack([wire.LANE]))
    starting.join(LIMIT_S)
    assert not starting.is_alive()
    return sock, reader


def test_calls_are_answered_in_order_by_one_thread_each_with_a_context_of_its_own(
    front: tuple[Path, socket.socket],
) -> None:
    def run(batch_id: int, api: str, heads: list[Any], items: list[Any]) -> bytes:
        before = seen.get()
        seen.set(f"batch {batch_id}")
        return wire.pack([wire.ANSWER, batch_id, before, get_ident()])

    path, listener = front
    lane = PlainLane(path, run)
    sock, reader = meet(lane, listener)
    with closing(lane), sock, reader:
        # More frames than one read takes, the last of them large.
        for number in range(50):
            sock.sendall(wire.pack([wire.CALL, number, "api", [], [["id", 0, "", b"x" * (number * 1000)]]]))
        answers = [wire.read(reader) for _ in range(50)]
    assert all(answer is not None for answer in answers)
    assert [answer[1] for answer in answers if answer] == list(range(50))
    assert {answer[2] for answer in answers if answer} == {"nothing"}
    assert len({answer[3] for answer in answers if answer}) == 1


def test_start_when_the_front_is_gone_raises(front: tuple[Path, socket.socket]) -> None:
    path, listener = front
    lane = PlainLane(path, lambda *_: b"")
    sock, _ = listener.accept()
    sock.close()
    with closing(lane), pytest.raises(OSError):
        lane.start(ThreadPoolExecutor(1))


def test_a_frame_that_is_no_call_closes_the_connection(
    front: tuple[Path, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    path, listener = front
    lane = PlainLane(path, lambda *_: b"")
    sock, reader = meet(lane, listener)
    with closing(lane), sock, reader:
        sock.sendall(wire.pack([wire.PING]))
        assert wire.read(reader) is None
    assert "this worker is replaced" in caplog.text
