"""A worker process: it loads the bundle, and decodes, calls and encodes once per batch.

Coroutine functions run in the event loop, several calls at a time. Plain functions run in one thread of their own, see
`plain_lane.py`, so that the loop stays responsive.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from bentoml.server.http.answers import CANCELLED, answer_to_failure, encode_answers
from bentoml.server.logs.prediction_log import configured_settings, record_predictions
from bentoml.server.metrics.registry_report import RegistryReporter, is_used
from bentoml.server.processes.child import FAILED_EXIT_CODE, READY, ChildContext, run_on_fast_loop
from bentoml.server.processes.memory import resident_bytes
from bentoml.server.streams.stream_worker import WorkerStreams, max_streams_of
from bentoml.server.tracing.trace_export import start_export
from bentoml.server.transport import wire
from bentoml.server.transport.body_pool import can_read
from bentoml.server.transport.wire_request import requests_of
from bentoml.server.workers.plain_lane import PlainLane
from bentoml.server.workers.warm_up import warm_up

if TYPE_CHECKING:
    from bentoml.server.http.answers import Answer
    from bentoml.server.metrics.registry_report import Inherited
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.tracing.front_tracing import Carrier
    from bentoml.server.tracing.trace_export import TraceExport
    from bentoml.server.tracing.worker_tracing import WorkerTraces
    from bentoml.service import BentoService, InferenceAPI
    from bentoml.types import HTTPRequest

# Run as a script this module's own name would be `__main__`, whose records no handler of ours takes.
logger = logging.getLogger("bentoml.server.worker")


_UNTRACED: AbstractContextManager[None] = nullcontext()


class Worker:
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
            [api.name, api.route, list(api.methods), api.is_async or api.is_stream, max_streams_of(api), api.idempotent]
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
            task.add_done_callback(lambda done: self._finish(protocol, batch_id, items, done))

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
            return _answer_frame(batch_id, started_s, [answer_to_failure(api.name, error, _ids(items))] * len(items))

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
            return _answer_frame(batch_id, started_s, [answer_to_failure(api.name, error, _ids(items))] * len(items))

    def _finish(self, protocol: wire.FrameProtocol, batch_id: int, items: list[Any], task: asyncio.Task[bytes]) -> None:
        """Answer also for a task that was cancelled, maybe before its first step: that gives its place back."""
        del self._tasks[batch_id]
        if task.cancelled():
            if batch_id not in self._unwanted:
                logger.error("The call for request %s was cancelled by code of its own", ", ".join(_ids(items)))
            protocol.send(_answer_frame(batch_id, time.perf_counter(), [CANCELLED] * len(items)))
        else:
            protocol.send(task.result())
        self._unwanted.discard(batch_id)


def _ids(items: list[Any]) -> list[str]:
    return [item[0] for item in items]


def _decode(heads: list[Any], items: list[Any]) -> tuple[list[HTTPRequest], list[str]]:
    return requests_of(heads, items), _ids(items)


def _answer_frame(batch_id: int, started_s: float, answers: list[Answer]) -> bytes:
    return wire.pack([wire.ANSWER, batch_id, time.perf_counter() - started_s, answers])


def _traces_of(service: BentoService, export: TraceExport) -> WorkerTraces:
    from bentoml.server.tracing.front_tracing import as_tracer
    from bentoml.server.tracing.worker_tracing import WorkerTraces

    traces = WorkerTraces(as_tracer(export.provider))
    for api in service.inference_apis:
        if not api.is_stream:
            api.surround(partial(traces.calling, api.name))
    return traces


async def _run(
    context: ChildContext, service: BentoService, options: ServeOptions, inherited: Inherited | None
) -> None:
    loop = asyncio.get_running_loop()
    export = start_export(service.name, service.version, "worker")
    worker = Worker(service, loop, inherited, None if export is None else _traces_of(service, export))
    if options.debug:
        worker.show_tracebacks(on_unix_socket=options.uds is not None)
    context.end_with_parent(loop, lambda: os._exit(1))
    loop.add_signal_handler(signal.SIGTERM, worker.end)
    warming = loop.create_task(worker.warm_up(options.worker_timeout_s))
    awaited: set[asyncio.Future[Any]] = {warming, worker.ended}
    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    if worker.ended.done():
        context.flush_logs()
        os._exit(0)
    # What the model has brought along, also with its first call, is here to stay; the collector need not look at it
    # again and again.
    gc.collect()
    gc.freeze()
    # From here on, so that calls of the warm-up are no predictions.
    if context.log_pipe is not None:
        record_predictions(service, configured_settings(quiet=options.quiet), context.log_pipe.send)
    lane = PlainLane(context.socket_path, worker.run_plainly)
    lane.start(warming.result())
    transport, protocol = await loop.create_unix_connection(
        lambda: wire.FrameProtocol(worker.on_frame, worker.on_lost), str(context.socket_path)
    )
    context.keep_from_forks(transport.get_extra_info("socket").fileno(), lane.fileno())
    protocol.send(wire.pack([wire.HELLO, os.getpid(), worker.facts(), context.generation, is_used()]))
    context.say(READY)
    await worker.ended
    await worker.say_last(protocol)
    if export is not None:
        await export.flush()
    # A plain function may still run for a caller that is gone; nobody waits for it.
    context.flush_logs()
    os._exit(0)


def load_service(context: ChildContext, options: ServeOptions) -> BentoService:
    """The service in the bundle, ready to be called; the process ends, and says why, when it cannot be loaded."""
    try:
        from bentoml.saved_bundle import load

        # The parent has checked the digests before it started us.
        service = load(str(options.bundle_path), verify=False)
        for api in service.inference_apis:
            api.input_adapter.prepare()
    except (Exception, SystemExit) as error:  # the door to the bundle's own code
        logger.exception("The bundle %s cannot be loaded", options.bundle_path)
        context.say_failed(f"{type(error).__name__}: {error}")
        sys.exit(FAILED_EXIT_CODE)
    return service


def serve_calls(
    context: ChildContext, options: ServeOptions, service: BentoService, inherited: Inherited | None = None
) -> None:
    """Run what the front sends, until it is gone."""
    run_on_fast_loop(_run(context, service, options, inherited))


def main(argv: list[str]) -> None:
    """Run a worker: `RUNTIME_DIR GENERATION STATUS_FD LIFELINE_FD`."""
    context = ChildContext.from_argv(argv)
    context.die_with_parent()
    options = context.read_options()
    context.configure_logging(options)
    serve_calls(context, options, load_service(context, options))


if __name__ == "__main__":
    main(sys.argv[1:])
