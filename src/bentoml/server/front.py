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
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bentoml.exceptions import BentoMLException
from bentoml.server import wire
from bentoml.server.app import create_app
from bentoml.server.arriving import Arriving
from bentoml.server.bundle_view import BundleView
from bentoml.server.child import FAILED_EXIT_CODE, READY, WORKER_LOST, ChildContext, run_on_fast_loop
from bentoml.server.dispatch import Dispatcher, WorkerLink
from bentoml.server.http_server import HttpServer, front_config
from bentoml.server.inference_app import InferenceApp
from bentoml.server.metrics import ServerMetrics
from bentoml.server.protocol import FrontProtocol
from bentoml.server.routes import Route, routes_of, with_worker_facts

if TYPE_CHECKING:
    from bentoml.server.options import ServeOptions

# Run as a script this module's own name would be `__main__`, whose records no handler of ours takes.
logger = logging.getLogger("bentoml.server.front")


class Front:
    """What all connections of the front share.

    Args:
        options: the server's settings.
        view: the bundle, without its code.
        context: how to speak to the parent.
        loop: the running event loop.

    Attributes:
        fast_routes: routes by the exact bytes of the path, once a worker has said which methods they take.
        arriving: the bodies that are not complete yet.
        ready: whether a worker can answer and the server is not going down.
    """

    def __init__(
        self, options: ServeOptions, view: BundleView, context: ChildContext, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.options = options
        self.view = view
        self.metrics = ServerMetrics(options.metrics_namespace, view.metadata.name, view.metadata.version)
        routes = routes_of(view.metadata.apis, options, self.metrics)
        self.dispatcher = Dispatcher(routes, loop)
        self.routes_by_path = {route.path: route for route in routes}
        self.fast_routes: dict[bytes, Route] = {}
        self.draining = False
        self.arriving = Arriving()
        self._context = context
        self._links: dict[wire.FrameProtocol, WorkerLink] = {}
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._default_head = b""
        self.metrics.gauge("queue_depth", "Requests that wait for a worker.", lambda: self.dispatcher.scheduler.waiting)
        self.metrics.gauge("workers", "Workers that have loaded the bundle.", lambda: len(self.dispatcher.workers))

    @property
    def ready(self) -> bool:
        """Whether a worker can answer."""
        return bool(self.dispatcher.workers) and not self.draining

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

    # -- workers ------------------------------------------------------------------------------------------------

    def on_frame(self, protocol: wire.FrameProtocol, payload: bytes) -> None:
        """A worker has sent something; one that sends nonsense is cut off, and its parent replaces it."""
        try:
            self._take_frame(protocol, wire.unpack(payload))
        except (ValueError, KeyError, TypeError):
            logger.exception("A worker sent a frame that makes no sense; its connection is closed")
            if protocol.transport is not None:
                protocol.transport.abort()

    def _take_frame(self, protocol: wire.FrameProtocol, message: list[Any]) -> None:
        if message[0] == wire.ANSWER:
            _, batch_id, _, answers = message
            self.dispatcher.on_answers(self._links[protocol], batch_id, answers)
        elif message[0] == wire.HELLO:
            self._welcome(protocol, message)
        else:
            raise ValueError(f"unknown frame kind {message[0]!r}")

    def _welcome(self, protocol: wire.FrameProtocol, message: list[Any]) -> None:
        _, pid, facts = message
        by_name = {fact[0]: fact for fact in facts}
        routes = [
            with_worker_facts(route, by_name[route.policy.name], self.metrics) for route in self.dispatcher.routes
        ]
        self.routes_by_path.update({route.path: route for route in routes})
        self.fast_routes = {_raw_path(route.path): route for route in routes}
        link = WorkerLink(pid, protocol)
        self._links[protocol] = link
        self.dispatcher.add_worker(link, routes)
        if len(self.dispatcher.workers) == 1:
            self._context.say(READY)

    def on_worker_lost(self, protocol: wire.FrameProtocol) -> None:
        """A worker's socket is closed."""
        link = self._links.pop(protocol, None)
        if link is not None:
            if not self.draining:
                logger.warning("Worker %d is gone with %d batches in hand", link.pid, len(link.batches))
            self._context.say(WORKER_LOST, pid=link.pid, had_work=bool(link.batches))
            self.dispatcher.remove_worker(link)
            self._give_up_without_workers()

    def drain(self) -> None:
        """The server goes down: no more than what has come so far is answered."""
        self.draining = True
        self._give_up_without_workers()

    def _give_up_without_workers(self) -> None:
        if self.draining and not self.dispatcher.workers:
            # None is started any more, and those who wait should not do so until their time is up.
            self.dispatcher.refuse_waiting()


def _raw_path(path: str) -> bytes:
    """The bytes clients send for a path, as browsers and curl write it."""
    return quote(path, safe="/!$&'()*+,;=:@~-._|[]^\\").encode("ascii")


async def _run(context: ChildContext, listener: socket.socket, workers: socket.socket) -> None:
    options = context.read_options()
    loop = asyncio.get_running_loop()
    front = Front(options, BundleView.read(options.bundle_path), context, loop)
    inference = InferenceApp(front.routes_by_path, front.dispatcher, options.max_request_size_bytes, front.arriving)
    application = create_app(front.view, options, front, front.metrics, inference, front.routes_by_path)
    server = HttpServer(front_config(application, partial(FrontProtocol, front), options.grace_s), front)
    context.end_with_parent(loop, lambda: _end_alone(context))
    worker_server = await loop.create_unix_server(
        lambda: wire.FrameProtocol(front.on_frame, front.on_worker_lost), sock=workers
    )
    gc.collect()
    gc.freeze()
    sweeper = loop.create_task(server.close_idle_connections())
    try:
        await server.serve(sockets=[listener])
    finally:
        sweeper.cancel()
        worker_server.close()


def _end_alone(context: ChildContext) -> None:
    """The parent is gone, and cannot tidy up any more."""
    shutil.rmtree(context.runtime_dir, ignore_errors=True)
    os._exit(1)


def main(argv: list[str]) -> None:
    """Run the front: `RUNTIME_DIR GENERATION STATUS_FD LIFELINE_FD LISTENER_FD WORKERS_FD`."""
    context = ChildContext.from_argv(argv)
    listener, workers = socket.socket(fileno=int(argv[4])), socket.socket(fileno=int(argv[5]))
    context.configure_logging(context.read_options())
    try:
        run_on_fast_loop(_run(context, listener, workers))
    except BentoMLException as error:
        context.say_failed(str(error))
        sys.exit(FAILED_EXIT_CODE)


if __name__ == "__main__":
    main(sys.argv[1:])
