"""Generator APIs in a worker: each stream has a thread of its own, or a task where the generator is `async`.

A thread of its own, because a generator that waits for its client must not keep plain functions from their thread, and
because some libraries want to be used from one thread only. It runs beside the plain functions and the other streams.

Whatever happens, the front hears exactly one last frame of a stream: `ANSWER` when it had not begun, else `END`. With
it the stream's place is free.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from threading import Thread
from typing import TYPE_CHECKING

from bentoml.server.http.answers import answer_to_failure, encode_answers
from bentoml.server.streams.stream_window import MAX_PIECE_BYTES, LoopWindow, ThreadWindow
from bentoml.server.transport import wire
from bentoml.service.stream_run import OpenStream, StreamBrokenError
from bentoml.types import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from bentoml.server.http.answers import Answer
    from bentoml.server.streams.stream_window import Window
    from bentoml.service import InferenceAPI
    from bentoml.types import HTTPRequest

logger = logging.getLogger(__name__)

# How many streams of one API a worker runs side by side: threads are dearer than tasks.
MAX_THREAD_STREAMS = 64
MAX_TASK_STREAMS = 512


def max_streams_of(api: InferenceAPI) -> int:
    """The bound for an API; 0 where it does not stream."""
    if not api.is_stream:
        return 0
    return MAX_TASK_STREAMS if api.is_async else MAX_THREAD_STREAMS


class WorkerStream:
    """One stream.

    Args:
        api: whose function is a generator.
        batch_id: the front's name for the call.
        request: what is answered.
        task_id: the request id.
        window: says when to send.
        post: sends a frame.
        surrounding: entered before anything runs, and left at the end.
    """

    def __init__(
        self,
        api: InferenceAPI,
        batch_id: int,
        request: HTTPRequest,
        task_id: str,
        window: Window,
        post: Callable[[bytes], object],
        surrounding: AbstractContextManager[None],
    ) -> None:
        self.api = api
        self.batch_id = batch_id
        self.window = window
        self._request = request
        self._task_id = task_id
        self._post = post
        self._surrounding = surrounding
        self._began_s = time.perf_counter()
        self._has_begun = False

    async def run(self) -> bytes:
        """Run the generator to its end, or until the stream is cancelled.

        Returns:
            The last frame.
        """
        with self._surrounding:
            return await self._run()

    async def _run(self) -> bytes:
        try:
            opened = await self.api.open_stream_async(self._request, self._task_id)
            if isinstance(opened, HTTPResponse):
                (answer,) = encode_answers(self.api.name, [opened], [self._task_id])
                return self._answer(answer)
            try:
                return await self._send(opened)
            finally:
                await opened.close()
        except asyncio.CancelledError as error:
            if self._has_begun and not self.window.is_cancelled:
                logger.exception("API '%s' cancelled its answer to request %s", self.api.name, self._task_id)
            return self.failure(error)
        except BaseException as error:  # a door: also after sys.exit(), the caller gets an end
            if self._has_begun:
                logger.exception("API '%s' broke off its answer to request %s", self.api.name, self._task_id)
            return self.failure(error)

    def failure(self, error: BaseException) -> bytes:
        """The last frame after an error."""
        if self._has_begun:
            return wire.pack([wire.END, self.batch_id, False])
        is_logged = not self.window.is_cancelled
        return self._answer(answer_to_failure(self.api.name, error, [self._task_id], is_logged=is_logged))

    async def _send(self, opened: OpenStream) -> bytes:
        (answer,) = encode_answers(self.api.name, [HTTPResponse(opened.status, opened.headers)], [self._task_id])
        status, head, _ = answer
        if status != opened.status:
            return self._answer(answer)
        self._has_begun = True
        self._post(wire.pack([wire.START, self.batch_id, status, head]))
        try:
            while (piece := await opened.read()) is not None:
                for start in range(0, max(len(piece), 1), MAX_PIECE_BYTES):
                    part = piece[start : start + MAX_PIECE_BYTES]
                    await self.window.pass_through(len(part))
                    self._post(wire.pack([wire.CHUNK, self.batch_id, part]))
        except StreamBrokenError as error:
            if error.last_piece:
                await self.window.pass_through(len(error.last_piece))
                self._post(wire.pack([wire.CHUNK, self.batch_id, error.last_piece]))
            return wire.pack([wire.END, self.batch_id, False])
        return wire.pack([wire.END, self.batch_id, True])

    def _answer(self, answer: Answer) -> bytes:
        return wire.pack([wire.ANSWER, self.batch_id, time.perf_counter() - self._began_s, [answer]])


class WorkerStreams:
    """The streams that a worker is running.

    Args:
        loop: the running event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._streams: dict[int, tuple[WorkerStream, asyncio.Task[bytes] | None]] = {}

    def start(
        self,
        protocol: wire.FrameProtocol,
        api: InferenceAPI,
        batch_id: int,
        request: HTTPRequest,
        task_id: str,
        surrounding: AbstractContextManager[None],
    ) -> None:
        """Begin to answer a request. The front bounds how many there are."""
        if api.is_async:
            stream = WorkerStream(api, batch_id, request, task_id, LoopWindow(), protocol.send, surrounding)
            task = self._loop.create_task(stream.run())
            self._streams[batch_id] = (stream, task)
            task.add_done_callback(lambda done: self._end_task(protocol, stream, done))
            return

        def post(frame: bytes) -> None:
            self._loop.call_soon_threadsafe(protocol.send, frame)

        stream = WorkerStream(api, batch_id, request, task_id, ThreadWindow(), post, surrounding)
        self._streams[batch_id] = (stream, None)
        context = contextvars.copy_context()
        thread = Thread(
            target=context.run, args=(self._run_in_thread, protocol, stream), name=f"stream-{batch_id}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads
            self._end(protocol, stream, stream.failure(error))

    def acknowledge(self, batch_id: int, chunks: int, size_bytes: int) -> None:
        """The front has made room; nothing happens when the stream has just ended."""
        if batch_id in self._streams:
            self._streams[batch_id][0].window.acknowledge(chunks, size_bytes)

    def cancel(self, batch_id: int) -> None:
        """Stop a stream at its next yield, or where it awaits; nothing happens when it has just ended."""
        stream, task = self._streams.get(batch_id, (None, None))
        if stream is None or stream.window.is_cancelled:
            return
        stream.window.cancel()
        if task is not None:
            task.cancel()

    def _run_in_thread(self, protocol: wire.FrameProtocol, stream: WorkerStream) -> None:
        running = stream.run()
        explanation = RuntimeError(f"API function '{stream.api.name}' awaits; write it with async def")
        try:
            running.send(None)
            # There is no event loop here that it could wait in.
            running.throw(explanation)
            running.close()
            last_frame = stream.failure(explanation)
        except StopIteration as end:
            last_frame = end.value
        except BaseException as error:  # noqa: BLE001 - a door: the front is owed a last frame
            last_frame = stream.failure(error)
        self._loop.call_soon_threadsafe(self._end, protocol, stream, last_frame)

    def _end_task(self, protocol: wire.FrameProtocol, stream: WorkerStream, task: asyncio.Task[bytes]) -> None:
        # A task that is cancelled before its first step has run nothing.
        frame = stream.failure(asyncio.CancelledError()) if task.cancelled() else task.result()
        self._end(protocol, stream, frame)

    def _end(self, protocol: wire.FrameProtocol, stream: WorkerStream, last_frame: bytes) -> None:
        del self._streams[stream.batch_id]
        protocol.send(last_frame)
