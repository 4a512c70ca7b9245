"""The calls of a worker: what the front sends is decoded, called and encoded, once per batch.

Coroutine functions run in the event loop, several calls at a time. Plain functions run in one thread of their own, see
`plain_lane.py`, so that the loop stays responsive.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from bentoml.server.http.answers import CANCELLED, answer_to_failure, encode_answers
from bentoml.server.metrics.registry_report import RegistryReporter, is_used
from bentoml.server.processes.memory import resident_bytes
from bentoml.server.streams.stream_worker import WorkerStreams, max_streams_of
from bentoml.server.transport import wire
from bentoml.server.transport.body_pool import can_read
from bentoml.server.transport.wire_request import requests_of
from bentoml.server.workers.model_facts import failed_answers, tensors_of
from bentoml.server.workers.warm_up import warm_up

if TYPE_CHECKING:
    from bentoml.server.http.answers import Answer
    from bentoml.server.metrics.registry_report import Inherited
    from bentoml.server.tracing.front_tracing import Carrier
    from bentoml.server.tracing.worker_tracing import WorkerTraces
    from bentoml.service import BentoService, InferenceAPI
    from bentoml.types import HTTPRequest

logger = logging.getLogger(__name__)

_UNTRACED: AbstractContextManager[None] = nullcontext()


class CallRunner:
    """Runs the calls that the front sends.

    Args:
        service: the loaded service.
        loop: the running event loop.
        inherited: what the service had counted before this process was forked.
        traces: makes the spans of batches that are traced.
    """

    def __init__(
        self,
        service: BentoService,
        loop: asyncio.AbstractEventLoop,
        inherited: Inherited | None = None,
        traces: WorkerTraces | None = None,
    ) -> None:
        self._loop = loop
        self._traces = traces
        self._apis: dict[str, InferenceAPI] = {api.name: api for api in service.inference_apis}
        # Running coroutine calls by batch id.
        self._tasks: dict[int, asyncio.Task[bytes]] = {}
        self._unwanted: set[int] = set()
        self._streams = WorkerStreams(loop)
        self._metrics = RegistryReporter(inherited)
        self.ended: asyncio.Future[None] = loop.create_future()

    def show_tracebacks(self, *, on_unix_socket: bool) -> None:
        """From here on, say in answers to clients on this machine where a function has failed."""
        from bentoml.server.workers.debug_api import DebugAPI

        shown: dict[str, Any] = {name: DebugAPI(api, on_unix_socket=on_unix_socket) for name, api in self._apis.items()}
        self._apis = shown

    def facts(self) -> list[list[Any]]:
        """What the front wants to know of each API."""
        return [
            [
                api.name,
                api.route,
                list(api.methods),
                api.is_async or api.is_stream,
                max_streams_of(api),
                api.idempotent,
                tensors_of(api),
            ]
            for api in self._apis.values()
        ]

    async def warm_up(self, limit_s: float) -> ThreadPoolExecutor:
        """Run the examples of all APIs that have one; each may take `limit_s`.

        Returns:
            The thread that ran those of plain functions: what they have left in it is found again by the calls.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix="inference")
        for api in self._apis.values():
            if api.input_adapter.http_input_example is not None and not await warm_up(api, thread, limit_s):
                # Requests do not wait for an example that hangs.
                thread = ThreadPoolExecutor(1, thread_name_prefix="inference")
        return thread

    def on_frame(self, protocol: wire.FrameProtocol, payload: memoryview) -> None:
        """The front has sent a batch or something about one that runs, or asks for a sign of life."""
        message = wire.unpack(payload)
        if message[0] == wire.CALL:
            self._call(protocol, *message[1:])
        elif message[0] == wire.PING:
            protocol.send(wire.pack([wire.PONG, resident_bytes(), is_used()]))
        elif message[0] == wire.SLOTS:
            protocol.send(wire.pack([wire.SLOTS, can_read(message[1])]))
        elif message[0] == wire.METRICS:
            self._metrics.answer(protocol, self._loop)
        elif message[0] == wire.CREDIT:
            self._streams.acknowledge(*message[1:])
        elif message[0] == wire.CANCEL:
            self._cancel(message[1])
        else:
            raise ValueError(f"unknown frame kind {message[0]!r}")

    def _call(
        self,
        protocol: wire.FrameProtocol,
        batch_id: int,
        api_name: str,
        heads: list[Any],
        items: list[Any],
        carrier: Carrier | None = None,
    ) -> None:
        api = self._apis[api_name]
        if api.is_stream:
            ((request,), (task_id,)) = _decode(heads, items)
            self._streams.start(protocol, api, batch_id, request, task_id, self._handling(carrier, api_name))
        else:
            task = self._loop.create_task(self._run_concurrently(api, batch_id, heads, items, carrier))
            self._tasks[batch_id] = task
            task.add_done_callback(lambda done: self._finish(protocol, api, batch_id, heads, items, done))

    def _cancel(self, batch_id: int) -> None:
        """Nobody waits for a batch any more. Plain functions cannot be cancelled; what has just ended is answered."""
        task = self._tasks.get(batch_id)
        if task is not None:
            self._unwanted.add(batch_id)
            task.cancel()
        self._streams.cancel(batch_id)

    def on_lost(self, _protocol: wire.FrameProtocol) -> None:
        """The front is gone, or asks no more."""
        self.end()

    async def say_last(self, protocol: wire.FrameProtocol) -> None:
        """Tell the front what the service has counted, before the end."""
        await self._metrics.say_last(protocol, self._loop)

    def end(self) -> None:
        """Leave; the front has taken its answers, or will not."""
        if not self.ended.done():
            self.ended.set_result(None)

    def _handling(self, carrier: Carrier | None, api_name: str) -> AbstractContextManager[None]:
        if self._traces is None or carrier is None:
            return _UNTRACED
        return self._traces.handling(carrier, api_name)

    def run_plainly(
        self, batch_id: int, api_name: str, heads: list[Any], items: list[Any], carrier: Carrier | None = None
    ) -> bytes:
        """Run a plain function in the calling thread; returns the packed answer."""
        api = self._apis[api_name]
        started_s = time.perf_counter()
        try:
            with self._handling(carrier, api_name):
                requests, task_ids = _decode(heads, items)
                answers = encode_answers(api.name, api.respond(requests, task_ids), task_ids)
            return _answer_frame(batch_id, started_s, answers)
        except BaseException as error:  # noqa: BLE001 - a door: also after sys.exit(), each caller gets an answer
            return _answer_frame(
                batch_id, started_s, failed_answers(api, heads, items, answer_to_failure(api.name, error, _ids(items)))
            )

    async def _run_concurrently(
        self, api: InferenceAPI, batch_id: int, heads: list[Any], items: list[Any], carrier: Carrier | None
    ) -> bytes:
        started_s = time.perf_counter()
        try:
            with self._handling(carrier, api.name):
                requests, task_ids = _decode(heads, items)
                answers = encode_answers(api.name, await api.respond_async(requests, task_ids), task_ids)
            return _answer_frame(batch_id, started_s, answers)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a door: also after sys.exit(), each caller gets an answer
            return _answer_frame(
                batch_id, started_s, failed_answers(api, heads, items, answer_to_failure(api.name, error, _ids(items)))
            )

    def _finish(
        self,
        protocol: wire.FrameProtocol,
        api: InferenceAPI,
        batch_id: int,
        heads: list[Any],
        items: list[Any],
        task: asyncio.Task[bytes],
    ) -> None:
        """Answer also for a task that was cancelled, maybe before its first step: that gives its place back."""
        del self._tasks[batch_id]
        if task.cancelled():
            if batch_id not in self._unwanted:
                logger.error("The call for request %s was cancelled by code of its own", ", ".join(_ids(items)))
            protocol.send(_answer_frame(batch_id, time.perf_counter(), failed_answers(api, heads, items, CANCELLED)))
        else:
            protocol.send(task.result())
        self._unwanted.discard(batch_id)


def _ids(items: list[Any]) -> list[str]:
    return [item[0] for item in items]


def _decode(heads: list[Any], items: list[Any]) -> tuple[list[HTTPRequest], list[str]]:
    return requests_of(heads, items), _ids(items)


def _answer_frame(batch_id: int, started_s: float, answers: list[Answer]) -> bytes:
    return wire.pack([wire.ANSWER, batch_id, time.perf_counter() - started_s, answers])
