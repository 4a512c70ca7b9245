"""Streams in the front, on the side of the workers: their frames become pieces that wait for the client."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from bentoml.server.scheduling.alarm import NEVER_S
from bentoml.server.scheduling.scheduler import State
from bentoml.server.transport import wire

if TYPE_CHECKING:
    from bentoml.server.front.dispatch import Dispatcher
    from bentoml.server.http.call import Call
    from bentoml.server.transport.worker_link import WorkerLink

# An acknowledgement may wait for others until this much is due: half of what a worker sends without any.
_LAZY_CHUNKS = 16
_LAZY_BYTES = 128 * 1024

BROKEN = 500
WORKER_LOST = 503


class Inlet:
    """The pieces of one stream that have come and are not written yet; the worker's window bounds them.

    Args:
        link: the worker that sends them.
        batch_id: its name for the stream.

    Attributes:
        pieces: in order; they may be empty.
        has_ended: no more pieces come.
        failure: the status that stands for what went wrong; 0 when the answer is whole.
    """

    def __init__(self, link: WorkerLink, batch_id: int) -> None:
        self.link = link
        self.pieces: deque[bytes] = deque()
        self.has_ended = False
        self.failure = 0
        self._batch_id = batch_id
        self._waiter: asyncio.Future[None] | None = None
        self._chunks = 0
        self._size_bytes = 0

    async def wait(self) -> None:
        """Wait until something has changed."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Something has changed."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def put(self, piece: bytes) -> None:
        """A piece has come."""
        self.pieces.append(piece)
        self.wake()

    def end(self, failure: int) -> None:
        """No more pieces come; see `failure`."""
        self.has_ended = True
        self.failure = failure
        self.wake()

    def count_written(self, size_bytes: int) -> None:
        """The client's connection has taken a piece."""
        self._chunks += 1
        self._size_bytes += size_bytes
        if self._chunks >= _LAZY_CHUNKS or self._size_bytes >= _LAZY_BYTES:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Tell the worker what has been written since the last time."""
        if self._chunks and not self.has_ended:
            self.link.protocol.send(wire.pack([wire.CREDIT, self._batch_id, self._chunks, self._size_bytes]))
        self._chunks = self._size_bytes = 0


class Inlets:
    """All streams of a dispatcher that have begun and that a worker is still running.

    Args:
        dispatcher: knows which call a batch stands for.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._inlets: dict[int, Inlet] = {}

    def on_frame(self, link: WorkerLink, message: list[Any]) -> None:
        """A worker has sent a frame of a stream.

        Raises:
            ValueError: it makes no sense.
        """
        kind, batch_id, *rest = message
        if batch_id not in link.batches:
            raise ValueError(f"worker {link.pid} was never given batch {batch_id}")
        if kind == wire.START:
            (call,) = link.batches[batch_id]
            self._begin(link, batch_id, call, *rest)
        elif kind == wire.CHUNK:
            (piece,) = rest
            if not isinstance(piece, bytes):
                raise ValueError(f"a piece of a stream must be bytes, not {type(piece).__name__}")
            self._inlets[batch_id].put(piece)
        elif kind == wire.END:
            (is_whole,) = rest
            inlet = self._inlets.pop(batch_id)
            self._dispatcher.on_stream_end(link, batch_id)
            inlet.end(0 if is_whole else BROKEN)
        else:
            raise ValueError(f"unknown frame kind {kind!r}")

    def __contains__(self, batch_id: int) -> bool:
        """Whether the stream of a batch has begun."""
        return batch_id in self._inlets

    def lose(self, link: WorkerLink) -> None:
        """A worker is gone. What had begun cannot begin again elsewhere."""
        for batch_id, inlet in list(self._inlets.items()):
            if inlet.link is link:
                (call,) = link.batches.pop(batch_id)
                if call.state is State.RUNNING:
                    call.counters.failed("WorkerDied")
                self._inlets.pop(batch_id).end(WORKER_LOST)

    def _begin(self, link: WorkerLink, batch_id: int, call: Call, status: int, head: bytes) -> None:
        if batch_id in self._inlets:
            raise ValueError(f"the stream of batch {batch_id} has begun already")
        inlet = self._inlets[batch_id] = Inlet(link, batch_id)
        if call.state is State.RUNNING:
            # From here on the limits are those between pieces; and it is never run again.
            call.deadline_s = NEVER_S
            call.body = b""
            call.begin(status, head, inlet)
        self._dispatcher.on_stream_begin(link, batch_id)
