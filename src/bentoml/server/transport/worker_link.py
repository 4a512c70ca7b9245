"""A connected worker as the front sees it: what it is running, and how it last sounded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bentoml.server.transport.body_pool import BodyPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.server.front.routes import Route
    from bentoml.server.http.call import Call
    from bentoml.server.transport import wire


class Pulse:
    """What the heartbeat knows about one worker; times count only while the front itself was not held up.

    Attributes:
        is_awaited: whether a ping has gone out that is not answered.
        silent_s: for how long.
        plain_batch_id: the batch that its thread was running at the last look, or None.
        plain_batch_s: for how long it has been seen.
    """

    __slots__ = ("is_awaited", "plain_batch_id", "plain_batch_s", "silent_s")

    def __init__(self) -> None:
        self.is_awaited = False
        self.silent_s = 0.0
        self.plain_batch_id: int | None = None
        self.plain_batch_s = 0.0


def close(link: WorkerLink) -> None:
    """Close the connection of a worker, which ends it."""
    if link.protocol.transport is not None:
        link.protocol.transport.close()


class WorkerLink:
    """A connected worker and the batches it is running.

    Attributes:
        pid: process id.
        protocol: its connection for everything but plain functions.
        number: how many workers have connected before it.
        lane: its connection for plain functions; by default the same.
        requests: that it was handed so far.
        is_leaving: one of its connections is closed; the other brings what it still had to say.
        is_retiring: it gets nothing more, and its connection is closed once it has finished what it has.
        batches: calls by batch id.
        begun: ids of those that are streams which have begun.
        running: number of batches by API index.
        plain_batch_id: the batch that its one thread for plain functions is running, or None.
        bodies: the slots in which it gets large bodies.
        trial: the suspects that it runs alone, or None.
        is_reserved: it gets no new batches, so that it comes free for a trial.
        owes_turn: its last work was a trial, so what waits in the ordinary queue is first.
        cancelled: seconds since it was told to cancel a batch that it has not given back, by batch id.
        pulse: see `Pulse`.
        see_off: called with it when it is to retire and runs nothing; closes its connection.
        has_metrics: it uses the library for metrics, so it can be asked for them.
        rss_bytes: its resident memory at its last answer to a ping; None where the system does not tell.
    """

    def __init__(
        self, pid: int, protocol: wire.FrameProtocol, number: int = 0, lane: wire.FrameProtocol | None = None
    ) -> None:
        self.pid = pid
        self.protocol = protocol
        self.number = number
        self.lane = protocol if lane is None else lane
        self.requests = 0
        self.is_retiring = False
        self.is_leaving = False
        self.batches: dict[int, list[Call]] = {}
        self.begun: set[int] = set()
        self.running: Counter[int] = Counter()
        self.plain_batch_id: int | None = None
        self.bodies = BodyPool()
        self.trial: list[Call] | None = None
        self.is_reserved = False
        self.owes_turn = False
        self.cancelled: dict[int, float] = {}
        self.pulse = Pulse()
        self.see_off: Callable[[WorkerLink], None] = close
        self.has_metrics = False
        self.rss_bytes: int | None = None

    @property
    def stays(self) -> bool:
        """Whether it will be there for more work."""
        return not (self.is_retiring or self.is_leaving)

    def can_take(self, route: Route) -> bool:
        """Whether it may have a batch for `route`, which would start at once."""
        if not self.stays or self.is_reserved or self.trial is not None:
            return False
        if not route.policy.is_concurrent:
            return self.plain_batch_id is None
        return self.running[route.index] < route.policy.places

    def retire(self) -> None:
        """Give it nothing more; close its connection when it has finished what it has."""
        self.is_retiring = True
        self.close_if_done()

    def close_if_done(self) -> None:
        """See off one that is to retire and runs nothing."""
        if self.is_retiring and not self.batches:
            self.see_off(self)

    def give(self, batch_id: int, batch: list[Call], route: Route) -> None:
        """Note that it was handed a batch."""
        self.batches[batch_id] = batch
        self.requests += len(batch)
        self.owes_turn = self.trial is not None
        self.running[route.index] += 1
        if not route.policy.is_concurrent:
            self.plain_batch_id = batch_id

    def begin(self, batch_id: int) -> None:
        """Note that a stream has begun. It is no suspect any more: it may go on for long, and is never tried again."""
        self.begun.add(batch_id)
        self._end_trial()

    def take_back(self, batch_id: int, route: Route) -> list[Call]:
        """Note that it is done with a batch; returns its calls."""
        self.running[route.index] -= 1
        if not route.policy.is_concurrent:
            self.plain_batch_id = None
        self.cancelled.pop(batch_id, None)
        self.begun.discard(batch_id)
        self.bodies.release(batch_id)
        batch = self.batches.pop(batch_id)
        self._end_trial()
        if not self.batches:
            self.close_if_done()
        return batch

    def _end_trial(self) -> None:
        if len(self.begun) == len(self.batches):
            self.trial = None
