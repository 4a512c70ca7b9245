"""The front process: it receives every request, feeds the workers, and never looks into a payload."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from bentoml._http.client_limits import ClientLimits
from bentoml._http.http_server import HttpServer, server_config
from bentoml._http.proxies import Proxies
from bentoml._http.tls import tls_context
from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLException
from bentoml.server.front.auth import Gates
from bentoml.server.front.bundle_view import BundleView
from bentoml.server.front.cors import Cors
from bentoml.server.front.cors_protocol import CorsManagementProtocol, CorsProtocol
from bentoml.server.front.generation import Generation
from bentoml.server.front.handover import Handover
from bentoml.server.front.protocol import FrontProtocol, ManagementProtocol
from bentoml.server.http.arriving import Arriving
from bentoml.server.http.leavers import Leavers
from bentoml.server.logs.access_log import open_access_log
from bentoml.server.logs.log_drops import DroppedLines
from bentoml.server.metrics.scheduler_metrics import show_scheduling
from bentoml.server.metrics.server_metrics import ServerMetrics
from bentoml.server.processes.child import (
    CUT_OFF_EXIT_CODE,
    FAILED_EXIT_CODE,
    LOG_DROPPED,
    ChildContext,
    run_on_fast_loop,
)
from bentoml.server.processes.signals import END
from bentoml.server.processes.trimming import Trimming
from bentoml.server.tracing.trace_export import start_export
from bentoml.server.transport import wire
from bentoml.server.workers.worker_desk import WorkerDesk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bentoml.server.logs.prediction_log import SendLines
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.tracing.trace_export import TraceExport

# Run as a script this module's own name would be `__main__`, whose records no handler of ours takes.
logger = logging.getLogger("bentoml.server.front")

# Of the event loop; closing a connection takes one or two.
_LAST_TURNS = 20


class Front:
    """What all connections of the front share.

    Args:
        options: the server's settings.
        view: the bundle, without its code.
        number: of the first generation.
        loop: the running event loop.
        send: takes (channel, lines, how many of them) for the logs of data.
        export: sends traces; None makes none.

    Attributes:
        view, dispatcher, fast_routes, routes_by_path, known_heads, application, management_application: those of the
            generation that takes new requests.
        arriving: the bodies that are not complete yet.
        gates: who may ask for what.
        proxies: those that are believed when they say whom they ask for.
        leavers: connections whose clients may be gone.
        ready: whether a worker can answer and the server is not going down.
    """

    def __init__(
        self,
        options: ServeOptions,
        view: BundleView,
        number: int,
        loop: asyncio.AbstractEventLoop,
        send: SendLines,
        export: TraceExport | None = None,
    ) -> None:
        self.options = options
        self._export = export
        self.metrics = ServerMetrics(options.metrics_namespace, view.metadata.name, view.metadata.version)
        self.gates = Gates(options)
        self.proxies = Proxies(options.trusted_proxies)
        self.draining = False
        self.arriving = Arriving()
        self.leavers = Leavers(loop)
        self._loop = loop
        self._send = send
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._default_head = b""
        self.generations: dict[int, Generation] = {}
        self.serve(self.add_generation(number, options, view))
        show_scheduling(
            self.metrics, lambda: [each.dispatcher for each in self.generations.values()], lambda: self.dispatcher
        )
        self.metrics.gauge("workers", "Workers that have loaded the bundle.", lambda: len(self.dispatcher.workers))

    def add_generation(self, number: int, options: ServeOptions, view: BundleView) -> Generation:
        """Make a place for another bundle and its workers, beside what is served."""
        traces = None
        if self._export is not None:
            from bentoml.server.tracing.front_tracing import Traces, as_tracer

            traces = Traces(as_tracer(self._export.provider), get_config().tracing.sample_rate)
        generation = Generation(
            number, options, view, self.metrics, self, self.arriving, self._loop, self._send, traces
        )
        self.generations[number] = generation
        return generation

    def serve(self, generation: Generation) -> None:
        """Let a generation take all requests from now on."""
        self.current = generation
        # Looked at on each request, so they are kept at hand.
        self.view = generation.view
        self.dispatcher = generation.dispatcher
        self.fast_routes = generation.fast_routes
        self.routes_by_path = generation.routes_by_path
        self.known_heads = generation.known_heads
        self.application = generation.application
        self.management_application = generation.management_application

    def retire(self, generation: Generation) -> None:
        """Let go of a generation that has nothing to answer any more, or has had its time."""
        generation.is_retired = True
        self.give_up_without_workers()

    @property
    def ready(self) -> bool:
        """Whether a worker can answer."""
        return bool(self.dispatcher.workers) and not self.draining

    @property
    def is_answered(self) -> bool:
        """Whether no request that was taken waits for its answer."""
        return all(generation.is_answered(()) for generation in self.generations.values())

    @property
    def reason(self) -> str:
        """Why the server is not ready; empty when it is."""
        if self.draining:
            return "The server is shutting down"
        return "" if self.dispatcher.workers else "No worker has loaded the bundle yet"

    def default_head(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Uvicorn's default headers as a block; it makes a new list when the date changes."""
        if headers is not self._default_headers:
            self._default_headers = headers
            self._default_head = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        return self._default_head

    def drain(self) -> None:
        """The server goes down: no more than what has come so far is answered."""
        self.draining = True
        self.give_up_without_workers()

    def give_up_without_workers(self) -> None:
        """Refuse what waits where no worker will come any more."""
        for generation in list(self.generations.values()):
            if (self.draining or generation.is_retired) and not generation.dispatcher.workers:
                # None is started any more, and those who wait should not do so until their time is up.
                generation.dispatcher.refuse_waiting()
                if generation.is_retired:
                    del self.generations[generation.number]


def _protocols(front: Front, options: ServeOptions) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What makes a connection to the public port, and one to the management port."""
    if options.cors is None:
        return partial(FrontProtocol, front), partial(ManagementProtocol, front)
    cors = Cors(options.cors)
    return partial(CorsProtocol, cors, front), partial(CorsManagementProtocol, cors, front)


async def _run(context: ChildContext, workers: socket.socket, listeners: list[socket.socket]) -> None:
    options = context.read_options()
    loop = asyncio.get_running_loop()
    assert context.log_pipe is not None
    view = BundleView.read(options.bundle_path)
    export = start_export(view.name, view.version, "front")
    front = Front(options, view, context.generation, loop, context.log_pipe.send, export)
    access_log = front.metrics.ledger.access_log = open_access_log(context.log_pipe, options, loop)
    dropped_lines = DroppedLines(context.log_pipe)
    front.metrics.counter("log_dropped", "Lines that did not come into a log.", dropped_lines.totals, label="logger")
    desk = WorkerDesk(front, context, loop)
    public, management = _protocols(front, options)
    config = server_config(front.application, public)
    limits = ClientLimits(options.header_timeout_s, options.body_timeout_s, options.keep_alive_s)
    server = HttpServer(config, front, options.grace_s, limits, tls_context(options), management)
    server.end_signals = (END,)
    context.end_with_parent(loop, lambda: _end_alone(context))
    handover = Handover(front, context, lambda: cast("Collection[FrontProtocol]", server.server_state.connections))

    def hear(message: dict[str, Any]) -> None:
        if message["event"] == LOG_DROPPED:
            dropped_lines.hear(message["counts"])
        desk.hear(message)
        handover.hear(message)

    context.listen(loop, hear)
    desk.heartbeat.start()
    worker_server = await loop.create_unix_server(lambda: wire.FrameProtocol(desk.on_frame, desk.on_lost), sock=workers)
    gc.collect()
    gc.freeze()
    sweeper = loop.create_task(server.sweep_connections(Trimming().look))
    try:
        await server.serve(sockets=listeners)
    finally:
        sweeper.cancel()
        worker_server.close()
        if access_log is not None:
            await _until_closed(server)
            access_log.flush()
        if export is not None:
            await export.flush()
    if server.has_cut_off:
        sys.exit(CUT_OFF_EXIT_CODE)


async def _until_closed(server: HttpServer) -> None:
    """Let connections that were cut come to their end, which enters their requests."""
    for _ in range(_LAST_TURNS):
        if not (server.server_state.connections or server.server_state.tasks):
            break
        await asyncio.sleep(0)


def _end_alone(context: ChildContext) -> None:
    """The parent is gone, and cannot tidy up any more."""
    shutil.rmtree(context.runtime_dir, ignore_errors=True)
    os._exit(1)


def main(argv: list[str]) -> None:
    """Run the front: `RUNTIME_DIR GENERATION STATUS_FD LIFELINE_FD WORKERS_FD LISTENER_FD [MANAGEMENT_FD]`."""
    context = ChildContext.from_argv(argv)
    workers, *listeners = (socket.socket(fileno=int(fd)) for fd in argv[4:])
    context.configure_logging(context.read_options())
    try:
        run_on_fast_loop(_run(context, workers, listeners))
    except BentoMLException as error:
        context.say_failed(str(error))
        sys.exit(FAILED_EXIT_CODE)


if __name__ == "__main__":
    main(sys.argv[1:])
