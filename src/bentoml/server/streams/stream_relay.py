"""Streams in the front, on the side of the client: pieces are written as fast as it reads them, and no faster."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Send

    from bentoml.server.streams.stream_client import StreamClient
    from bentoml.server.streams.stream_inlet import Inlet

logger = logging.getLogger(__name__)

CLIENT_LEFT = 499
TOO_SLOW = 408
STOPPED = 503


class StreamRelay:
    """Takes the pieces of one stream to its client. The limit holds for each silence: of the worker, of the client.

    Args:
        inlet: where the pieces come from.
        client: where they go.
        limit_s: longest time in which the worker sends nothing, or the client reads nothing.
        request_id: for the log.
        finish: called when it is known what the request counts as: with 0 when the answer is whole, else with the
            status that stands for what went wrong. The first call counts.

    Attributes:
        sent_bytes: size of the pieces that were written.
    """

    def __init__(
        self, inlet: Inlet, client: StreamClient, limit_s: float, request_id: str, finish: Callable[[int], None]
    ) -> None:
        self._inlet = inlet
        self._client = client
        self._limit_s = limit_s
        self._request_id = request_id
        self._finish = finish
        self._loop = asyncio.get_running_loop()
        self._is_late = False
        # What is waited for, and since when; one timer, which looks again when time has begun anew.
        self._is_draining = False
        self._since_s = self._loop.time()
        self._unsent_bytes = 0
        self.sent_bytes = 0
        self._timer = self._loop.call_later(limit_s, self._look)

    async def run(self, receive: Receive, send: Send) -> None:
        """Write pieces until the last one, or until one side is gone. The head has been written."""
        leaving: asyncio.Future[Any] = asyncio.ensure_future(receive())
        leaving.add_done_callback(lambda _: self._inlet.wake())
        # What stands when the server itself ends before the stream does.
        failure = STOPPED
        try:
            failure = await self._copy(leaving, send)
            if failure == 0:
                await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            self._timer.cancel()
            self._finish(failure)
        if failure not in {0, CLIENT_LEFT}:
            self._client.cut()

    async def _copy(self, leaving: asyncio.Future[Any], send: Send) -> int:
        inlet = self._inlet
        while True:
            while inlet.pieces and not leaving.done():
                await self._write(inlet.pieces.popleft(), send)
            if self._is_late:
                return TOO_SLOW
            if leaving.done():
                return CLIENT_LEFT
            inlet.acknowledge()
            if inlet.has_ended:
                return inlet.failure
            self._since_s = self._loop.time()
            await inlet.wait()

    async def _write(self, piece: bytes, send: Send) -> None:
        if piece and not self._client.write(piece):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        self.sent_bytes += len(piece)
        if self._client.is_slow:
            self._since_s = self._loop.time()
            self._unsent_bytes = self._client.unsent_bytes
            self._is_draining = True
            await self._client.drained()
            self._is_draining = False
        self._inlet.count_written(len(piece))

    def _look(self) -> None:
        """The limit may have passed."""
        now_s = self._loop.time()
        if self._is_draining and self._client.unsent_bytes < self._unsent_bytes:
            self._since_s = now_s
            self._unsent_bytes = self._client.unsent_bytes
        if now_s < self._since_s + self._limit_s:
            self._timer = self._loop.call_at(self._since_s + self._limit_s, self._look)
            return
        self._is_late = True
        if self._is_draining:
            logger.warning("Request %s: the client has read nothing for %g s; its stream is cut", *self._context())
            self._finish(TOO_SLOW)
            self._client.abort()
        else:
            logger.warning("Request %s: the function has yielded nothing for %g s; its stream is cut", *self._context())
            self._inlet.wake()

    def _context(self) -> tuple[str, float]:
        return self._request_id, self._limit_s
