"""The front process: it receives every request, feeds the workers, and never looks into a payload."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import socket
import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from bentoml.exceptions import BentoMLException
from bentoml.server import wire
from bentoml.server.arriving import Arriving
from bentoml.server.bundle_view import BundleView
from bentoml.server.child import (
    CUT_OFF_EXIT_CODE,
    FAILED_EXIT_CODE,
    READY,
    WORKER_LOST,
    WORKER_REPLACED,
    WORKER_RETIRE,
    WORKER_STUCK,
    WORKER_WORN,
    ChildContext,
    run_on_fast_loop,
)
from bentoml.server.client_limits import ClientLimits
from bentoml.server.generation import Generation
from bentoml.server.handover import Handover
from bentoml.server.heartbeat import MEANINGS, STOPPED, Heartbeat
from bentoml.server.http_server import HttpServer, front_config
from bentoml.server.leavers import Leavers
from bentoml.server.metrics import ServerMetrics
from bentoml.server.protocol import FrontProtocol
from bentoml.server.scheduler_metrics import show_scheduling
from bentoml.server.tls import tls_context
from bentoml.server.wear import Wear
from bentoml.server.worker_link import WorkerLink

if TYPE_CHECKING:
    from collections.abc import Collection

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
        view, dispatcher, fast_routes, routes_by_path, known_heads, application: those of the generation that takes new
            requests.
        arriving: the bodies that are not complete yet.
        leavers: connections whose clients may be gone.
        ready: whether a worker can answer and the server is not going down.
    """

    def __init__(
        self, options: ServeOptions, view: BundleView, context: ChildContext, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.options = options
        self.metrics = ServerMetrics(options.metrics_namespace, view.metadata.name, view.metadata.version)
        self.draining = False
        self.arriving = Arriving()
        self.leavers = Leavers(loop)
        self._context = context
        self._loop = loop
        self._links: dict[wire.FrameProtocol, WorkerLink] = {}
        self._homes: dict[WorkerLink, Generation] = {}
        # Of workers that have not said `HELLO` yet, by process id.
        self._lanes: dict[int, wire.FrameProtocol] = {}
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._default_head = b""
        self.generations: dict[int, Generation] = {}
        self.serve(self.add_generation(context.generation, options, view))
        show_scheduling(
            self.metrics, lambda: [each.dispatcher for each in self.generations.values()], lambda: self.dispatcher
        )
        self.heartbeat = Heartbeat(
            lambda: dict.fromkeys(self._links.values()), options.worker_timeout_s, loop, self._give_up
        )
        self._replaced: Counter[str] = Counter()
        self._wear = Wear(options)
        self._welcomed = 0
        # By process id of the successor, when that has not come yet.
        self._to_retire: dict[int, int] = {}
        self.metrics.gauge("workers", "Workers that have loaded the bundle.", lambda: len(self.dispatcher.workers))
        self.metrics.counter(
            "worker_restarts", "Workers that were followed by another one.", lambda: self._replaced, label="reason"
        )

    def add_generation(self, number: int, options: ServeOptions, view: BundleView) -> Generation:
        """Make a place for another bundle and its workers, beside what is served."""
        generation = Generation(number, options, view, self.metrics, self, self.arriving, self._loop)
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

    def retire(self, generation: Generation) -> None:
        """Let go of a generation that has nothing to answer any more, or has had its time."""
        generation.is_retired = True
        self._give_up_without_workers()

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

    # -- workers ------------------------------------------------------------------------------------------------

    def on_frame(self, protocol: wire.FrameProtocol, payload: memoryview) -> None:
        """A worker has sent something; one that sends nonsense is cut off, and its parent replaces it."""
        try:
            self._take_frame(protocol, wire.unpack(payload))
        except (ValueError, KeyError, TypeError):
            logger.exception("A worker sent a frame that makes no sense; its connection is closed")
            if protocol.transport is not None:
                protocol.transport.abort()

    def _take_frame(self, protocol: wire.FrameProtocol, message: list[Any]) -> None:
        if message[0] == wire.ANSWER:
            _, batch_id, compute_s, answers = message
            link = self._links[protocol]
            self._homes[link].dispatcher.on_answers(link, batch_id, answers, compute_s)
        elif message[0] in wire.STREAM_KINDS:
            link = self._links[protocol]
            self._homes[link].dispatcher.inlets.on_frame(link, message)
        elif message[0] == wire.PONG:
            self._take_pong(self._links[protocol], message[1])
        elif message[0] == wire.SLOTS:
            self._links[protocol].bodies.confirm(is_readable=bool(message[1]))
        elif message[0] == wire.HELLO:
            self._welcome(protocol, message)
        elif message[0] == wire.LANE:
            self._lanes[message[1]] = protocol
            protocol.send(wire.pack([wire.LANE]))
        else:
            raise ValueError(f"unknown frame kind {message[0]!r}")

    def _take_pong(self, link: WorkerLink, rss_bytes: int | None) -> None:
        self.heartbeat.on_pong(link, rss_bytes)
        reason = None if link.is_retiring else self._wear.reason_to_replace(link)
        if reason is not None and not self.draining:
            self._context.say(WORKER_WORN, pid=link.pid, reason=reason, has_worked=link.requests > 0)

    def _welcome(self, protocol: wire.FrameProtocol, message: list[Any]) -> None:
        _, pid, facts, number = message
        generation = self.generations.get(number)
        if generation is None or generation.is_retired:
            logger.info("Worker %d of generation %d comes too late; its connection is closed", pid, number)
            if protocol.transport is not None:
                protocol.transport.abort()
            return
        link = WorkerLink(pid, protocol, self._welcomed, self._lanes.pop(pid))
        self._welcomed += 1
        self._links.update({protocol: link, link.lane: link})
        self._homes[link] = generation
        probe = link.bodies.probe()
        if probe is not None:
            protocol.send(wire.pack([wire.SLOTS, probe]))
        generation.welcome(link, facts)
        self._retire_worker(self._to_retire.pop(pid, 0))
        if generation is self.current and len(generation.dispatcher.workers) == 1:
            self._context.say(READY)

    def on_worker_lost(self, protocol: wire.FrameProtocol) -> None:
        """A connection of a worker is closed.

        Answers may still be on their way on the other one, so the worker is parted from when that is closed as well.
        """
        link = self._links.pop(protocol, None)
        if link is None:
            self._lanes = {pid: lane for pid, lane in self._lanes.items() if lane is not protocol}
            return
        other = link.lane if protocol is link.protocol else link.protocol
        if other in self._links and other.transport is not None:
            link.is_leaving = True
            other.transport.write_eof()
            return
        if not (self.draining or link.is_retiring or self._homes[link].is_retired):
            logger.warning("Worker %d is gone with %d batches in hand", link.pid, len(link.batches))
        self._context.say(WORKER_LOST, pid=link.pid, had_work=bool(link.batches))
        self._part_from(link)

    def _give_up(self, link: WorkerLink, reason: str) -> None:
        """A worker is stuck: go on without it at once; the parent kills and replaces it."""
        logger.error("Worker %d %s; it is replaced", link.pid, MEANINGS[reason])
        self._context.say(WORKER_STUCK, pid=link.pid, reason=reason)
        self._part_from(link, is_suspicious=reason != STOPPED)

    def _part_from(self, link: WorkerLink, *, is_suspicious: bool = True) -> None:
        """Close both connections of a worker, and go on without it."""
        for connection in (link.protocol, link.lane):
            self._links.pop(connection, None)
            if connection.transport is not None:
                connection.transport.abort()
        self._homes.pop(link).dispatcher.remove_worker(link, is_suspicious=is_suspicious)
        self._give_up_without_workers()

    def hear(self, message: dict[str, Any]) -> None:
        """The parent has said something about a worker; what it says about generations is heard by the `Handover`."""
        if message["event"] == WORKER_REPLACED:
            self._replaced[message["reason"]] += 1
        elif message["event"] == WORKER_RETIRE:
            if any(link.pid == message["successor"] for link in self._links.values()):
                self._retire_worker(message["pid"])
            else:
                self._to_retire[message["successor"]] = message["pid"]

    def _retire_worker(self, pid: int) -> None:
        for link in self._links.values():
            if link.pid == pid:
                link.retire()

    def drain(self) -> None:
        """The server goes down: no more than what has come so far is answered."""
        self.draining = True
        self._give_up_without_workers()

    def _give_up_without_workers(self) -> None:
        for generation in list(self.generations.values()):
            if (self.draining or generation.is_retired) and not generation.dispatcher.workers:
                # None is started any more, and those who wait should not do so until their time is up.
                generation.dispatcher.refuse_waiting()
                if generation.is_retired:
                    del self.generations[generation.number]


async def _run(context: ChildContext, listener: socket.socket, workers: socket.socket) -> None:
    options = context.read_options()
    loop = asyncio.get_running_loop()
    front = Front(options, BundleView.read(options.bundle_path), context, loop)
    config = front_config(front.application, partial(FrontProtocol, front))
    limits = ClientLimits(options.header_timeout_s, options.body_timeout_s)
    server = HttpServer(config, front, options.grace_s, limits, tls_context(options))
    context.end_with_parent(loop, lambda: _end_alone(context))
    handover = Handover(front, context, lambda: cast("Collection[FrontProtocol]", server.server_state.connections))

    def hear(message: dict[str, Any]) -> None:
        front.hear(message)
        handover.hear(message)

    context.listen(loop, hear)
    front.heartbeat.start()
    worker_server = await loop.create_unix_server(
        lambda: wire.FrameProtocol(front.on_frame, front.on_worker_lost), sock=workers
    )
    gc.collect()
    gc.freeze()
    sweeper = loop.create_task(server.sweep_connections())
    try:
        await server.serve(sockets=[listener])
    finally:
        sweeper.cancel()
        worker_server.close()
    if server.has_cut_off:
        sys.exit(CUT_OFF_EXIT_CODE)


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
