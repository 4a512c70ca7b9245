"""Where the workers of the front come in: who is connected, what they say, and what becomes of those that go."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from bentoml.server.metrics.user_metrics import UserMetrics
from bentoml.server.processes.child import (
    CRASHED,
    READY,
    WORKER_LOST,
    WORKER_REPLACED,
    WORKER_RETIRE,
    WORKER_STUCK,
    WORKER_WORN,
)
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import WorkerLink
from bentoml.server.workers.heartbeat import MEANINGS, STOPPED, Heartbeat
from bentoml.server.workers.wear import MEANINGS as WORN_MEANINGS
from bentoml.server.workers.wear import Wear

if TYPE_CHECKING:
    import asyncio

    from bentoml.server.front.front import Front
    from bentoml.server.front.generation import Generation
    from bentoml.server.processes.child import ChildContext

logger = logging.getLogger(__name__)

# Why a worker is followed by another one.
REPLACEMENTS = (CRASHED, *MEANINGS, *WORN_MEANINGS)


class WorkerDesk:
    """All worker connections of a front.

    Args:
        front: its generations are what workers work for.
        context: how to speak to the parent.
        loop: the running event loop.

    Attributes:
        heartbeat: looks after the workers once it is started.
        user_metrics: what workers say about the metrics of the service's own code.
    """

    def __init__(self, front: Front, context: ChildContext, loop: asyncio.AbstractEventLoop) -> None:
        self._front = front
        self._context = context
        self._links: dict[wire.FrameProtocol, WorkerLink] = {}
        self._homes: dict[WorkerLink, Generation] = {}
        # Of workers that have not said `HELLO` yet, by process id.
        self._lanes: dict[int, wire.FrameProtocol] = {}
        self.heartbeat = Heartbeat(self._connected, front.options.worker_timeout_s, loop, self._give_up)
        self.user_metrics = UserMetrics(self._connected, loop, self._cut_off)
        front.metrics.scrapes.users = self.user_metrics
        self._replaced: Counter[str] = Counter(dict.fromkeys(REPLACEMENTS, 0))
        self._wear = Wear(front.options)
        self._welcomed = 0
        # By process id of the successor, when that has not come yet.
        self._to_retire: dict[int, int] = {}
        front.metrics.counter(
            "worker_restarts", "Workers that were followed by another one.", lambda: self._replaced, label="reason"
        )
        front.metrics.gauge(
            "worker_resident_bytes", "Resident memory of each worker.", self._resident_bytes, label="pid"
        )

    def _connected(self) -> dict[WorkerLink, None]:
        """The workers, each once."""
        return dict.fromkeys(self._links.values())

    def _resident_bytes(self) -> dict[str, float]:
        return {str(link.pid): link.rss_bytes for link in self._connected() if link.rss_bytes is not None}

    def on_frame(self, protocol: wire.FrameProtocol, payload: memoryview) -> None:
        """A worker has sent something; one that sends nonsense is cut off, and its parent replaces it."""
        try:
            self._take_frame(protocol, wire.unpack(payload))
        except (ValueError, KeyError, TypeError):
            logger.exception("A worker sent a frame that makes no sense; its connection is closed")
            _abort(protocol)

    def _cut_off(self, link: WorkerLink) -> None:
        _abort(link.protocol)

    def _take_frame(self, protocol: wire.FrameProtocol, message: list[Any]) -> None:
        if message[0] == wire.ANSWER:
            _, batch_id, compute_s, answers = message
            link = self._links[protocol]
            self._homes[link].dispatcher.on_answers(link, batch_id, answers, compute_s)
        elif message[0] in wire.STREAM_KINDS:
            link = self._links[protocol]
            self._homes[link].dispatcher.inlets.on_frame(link, message)
        elif message[0] == wire.PONG:
            self._take_pong(self._links[protocol], message)
        elif message[0] in {wire.METRICS, wire.INHERITED}:
            self.user_metrics.on_frame(self._links[protocol], message)
        elif message[0] == wire.SLOTS:
            self._links[protocol].bodies.confirm(is_readable=bool(message[1]))
        elif message[0] == wire.HELLO:
            self._welcome(protocol, message)
        elif message[0] == wire.LANE:
            self._lanes[message[1]] = protocol
            protocol.send(wire.pack([wire.LANE]))
        else:
            raise ValueError(f"unknown frame kind {message[0]!r}")

    def _take_pong(self, link: WorkerLink, message: list[Any]) -> None:
        _, rss_bytes, has_metrics = message
        link.has_metrics = bool(has_metrics)
        self.heartbeat.on_pong(link, rss_bytes)
        reason = None if link.is_retiring else self._wear.reason_to_replace(link)
        if reason is not None and not self._front.draining:
            self._context.say(WORKER_WORN, pid=link.pid, reason=reason, has_worked=link.requests > 0)

    def _welcome(self, protocol: wire.FrameProtocol, message: list[Any]) -> None:
        _, pid, facts, number, has_metrics = message
        generation = self._front.generations.get(number)
        if generation is None or generation.is_retired:
            logger.info("Worker %d of generation %d comes too late; its connection is closed", pid, number)
            if protocol.transport is not None:
                protocol.transport.abort()
            return
        link = WorkerLink(pid, protocol, self._welcomed, self._lanes.pop(pid))
        link.has_metrics = bool(has_metrics)
        link.see_off = self.user_metrics.see_off
        self._welcomed += 1
        self._links.update({protocol: link, link.lane: link})
        self._homes[link] = generation
        probe = link.bodies.probe()
        if probe is not None:
            protocol.send(wire.pack([wire.SLOTS, probe]))
        generation.welcome(link, facts)
        self._retire_worker(self._to_retire.pop(pid, 0))
        if generation is self._front.current and len(generation.dispatcher.workers) == 1:
            self._context.say(READY)

    def on_lost(self, protocol: wire.FrameProtocol) -> None:
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
        if not (self._front.draining or link.is_retiring or self._homes[link].is_retired):
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
        self.user_metrics.depart(link)
        self._homes.pop(link).dispatcher.remove_worker(link, is_suspicious=is_suspicious)
        self._front.give_up_without_workers()

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


def _abort(protocol: wire.FrameProtocol) -> None:
    if protocol.transport is not None:
        protocol.transport.abort()
