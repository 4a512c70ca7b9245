"""The one loop that acts: it moves calls from the scheduler to workers, and answers back to their callers."""

from __future__ import annotations

import logging
from math import ceil
from typing import TYPE_CHECKING, Any

from bentoml.server.scheduling.alarm import NEVER_S, Alarm
from bentoml.server.scheduling.gathering import Gathering
from bentoml.server.scheduling.jobs import Reason
from bentoml.server.scheduling.ledger import STREAM_FAILURES, Outcome
from bentoml.server.scheduling.scheduler import Scheduler, State
from bentoml.server.scheduling.trials import Trials
from bentoml.server.streams.stream_inlet import Inlets
from bentoml.server.transport import wire
from bentoml.server.transport.body_pool import MIN_BODY_BYTES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterator, Sequence

    from bentoml.server.front.routes import Route
    from bentoml.server.http.call import Call
    from bentoml.server.http.heads import RequestHead
    from bentoml.server.tracing.front_tracing import Traces
    from bentoml.server.transport.worker_link import WorkerLink

logger = logging.getLogger(__name__)

# A call whose worker was stopped is handed to a worker this often in all.
MAX_ATTEMPTS = 2

# Counted as the status of a call whose client left before its answer.
CLIENT_LEFT = 499

# Writing an answer, and its way to the client, may take this share of the budget.
ANSWER_WAY_SHARE = 0.005

# The longest time that a refused client is asked to stay away.
MAX_RETRY_AFTER_S = 3600

# Why a call that was admitted gets no answer all the same; for any other reason it counts as refused.
_FAILURES = frozenset({None, Reason.TIMEOUT, Reason.WORKER_DIED})


class Dispatcher:
    """Feeds all workers from one queue.

    Args:
        routes: in order of index.
        loop: event loop of the front.
        clock: gives the time that decides; the loop's own when left out. It must count like the loop's clock, and may
            be finer: that of uvloop stands still between two turns, and shows whole milliseconds.
        traces: follows the requests that are traced.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.routes = list(routes)
        self._traces = traces
        self._clock = clock or loop.time
        self.scheduler: Scheduler[Call] = Scheduler([route.policy for route in routes], way_share=ANSWER_WAY_SHARE)
        self.workers: list[WorkerLink] = []
        self.inlets = Inlets(self)
        self._trials = Trials()
        self._gathering = Gathering()
        self._gathering_alarm = Alarm(loop, self._end_gathering)
        self._loop = loop
        self._next_batch_id = 0
        self._pump_is_due = False
        self._alarm = Alarm(loop, self._on_deadline)

    @property
    def is_answered(self) -> bool:
        """Whether no caller waits for an answer."""
        return not self.scheduler.waiting and next(self._running(), None) is None

    # -- callers ------------------------------------------------------------------------------------------------

    def submit(self, call: Call) -> None:
        """Take a call whose body is complete. It will be answered exactly once, or cancelled."""
        call.arrived_s = now_s = self._clock()
        call.deadline_s = now_s + call.head.budget_s
        call.size_bytes = len(call.body)
        if self._traces is not None:
            self._traces.arrived(call)
        if not self.workers:
            self._settle(call, 503, Reason.NO_WORKER)
            return
        refusal = self.scheduler.admit(call, now_s)
        if refusal is not None:
            self._settle(call, 429, refusal.reason, refusal.drain_s)
            return
        if self._gathering.is_on:
            if self._gathering.arrived():
                self._end_gathering()
        elif not self._pump_is_due:
            # At the end of this turn of the loop: what other connections have sent joins the same batch.
            self._pump_is_due = True
            self._loop.call_soon(self._pump_at_end_of_turn)
        if call.deadline_s < self._alarm.when_s:
            self._alarm.set(call.deadline_s)

    def cancel(self, call: Call) -> None:
        """The caller has left; nothing happens when its call has ended."""
        if call.state is State.WAITING or call.state is State.RUNNING:
            was_running = call.state is State.RUNNING
            self.scheduler.cancel(call)
            call.body = b""
            if was_running:
                self._cancel_unwanted([call.api])
        if not call.outcome:
            call.settle(Outcome.CANCELLED, CLIENT_LEFT, self._clock() - call.arrived_s if call.arrived_s else 0.0)

    def finish_stream(self, call: Call, outcome: Outcome, status: int) -> None:
        """A stream has reached its client, or never will; `status` is what its request counts as."""
        if call.state is State.RUNNING:
            call.state = State.DONE
            reason = STREAM_FAILURES[status] if outcome is Outcome.FAILED else ""
            call.settle(outcome, status, self._clock() - call.arrived_s, reason)
            self._cancel_unwanted([call.api])

    def refuse_waiting(self) -> None:
        """No worker will come any more: answer every call that waits for one."""
        for call in [*self.scheduler.take_all(), *self._trials.suspects.take_all()]:
            self._settle(call, 503, Reason.NO_WORKER)

    # -- workers ------------------------------------------------------------------------------------------------

    def add_worker(self, link: WorkerLink, routes: Sequence[Route]) -> None:
        """A worker has loaded the bundle; `routes` carries what it said about the APIs."""
        self.routes = list(routes)
        self.scheduler.set_policies([route.policy for route in routes])
        self.workers.append(link)
        self.scheduler.set_workers(len(self.workers))
        self._pump()

    def remove_worker(self, link: WorkerLink, *, is_suspicious: bool = True) -> None:
        """A worker is gone, or given up. What it was running is tried again elsewhere, else answered 503.

        Args:
            link: the worker.
            is_suspicious: whether its calls may have been the cause; they are then tried apart from all others.
        """
        self.workers.remove(link)
        self.scheduler.set_workers(len(self.workers))
        for batch_id, batch in link.batches.items():
            self.scheduler.abandoned(batch_id)
            if self._traces is not None:
                self._traces.batch_lost(batch_id, batch)
        self.inlets.lose(link)
        link.bodies.close()
        live = [call for batch in link.batches.values() for call in batch if call.state is State.RUNNING]
        link.batches.clear()
        for call in live:
            call.counters.failed("WorkerDied")
            if not self.routes[call.api].is_idempotent or (not is_suspicious and call.attempts >= MAX_ATTEMPTS):
                logger.error("Request %s was lost with worker %d; it is answered 503", call.request_id, link.pid)
                self._settle(call, 503, Reason.WORKER_DIED)
        again = [call for call in live if call.state is State.RUNNING]
        guilty = self._trials.judge(link, again, is_suspicious=is_suspicious)
        if guilty is not None:
            logger.error("Request %s has ended its worker twice; it is answered 503", guilty.request_id)
            self._settle(guilty, 503, Reason.WORKER_DIED)
        if link.trial is None and not is_suspicious:
            self.scheduler.put_back(again)
        self._pump()

    def on_answers(
        self, link: WorkerLink, batch_id: int, answers: list[list[Any]], compute_s: float | None = None
    ) -> None:
        """A worker has finished a batch.

        Args:
            link: the worker.
            batch_id: of the batch.
            answers: one `[status, head, body]` per call.
            compute_s: what the worker itself took for it.

        Raises:
            ValueError: it was never given that batch, or has not answered each call of it.
        """
        if len(answers) != len(link.batches.get(batch_id, ())):
            raise ValueError(f"worker {link.pid} answered batch {batch_id} with {len(answers)} answers")
        if batch_id in self.inlets:
            raise ValueError(f"worker {link.pid} has begun to answer batch {batch_id} in pieces")
        route = self.routes[link.batches[batch_id][0].api]
        now_s = self._clock()
        if link.trial is not None or batch_id in link.cancelled or route.is_stream:
            self.scheduler.abandoned(batch_id)
        else:
            # Timed here and not by the worker: how long its place was taken is what the others wait for.
            self.scheduler.finished(batch_id, now_s)
        batch = self._take_back(link, batch_id, route)
        if compute_s is not None:
            batch[0].counters.batch_ended(compute_s)
        wait_s = self._gathering.begin(self.scheduler.level_s(route.index), len(batch), self.scheduler.waiting)
        if not wait_s:
            # The worker's next batch goes out before these answers are written: it works while we write.
            self._pump()
        self._answer(batch, answers, now_s)
        if wait_s:
            self._gathering_alarm.set(self._loop.time() + wait_s)

    def _answer(self, batch: Sequence[Call], answers: Sequence[list[Any]], now_s: float) -> None:
        """Give each caller of a batch that still waits its own answer."""
        for call, answer in zip(batch, answers, strict=True):
            if call.state is State.RUNNING:
                try:
                    status, head, body = answer
                    call.answer(status, head, body)
                except Exception:
                    # Whatever it is, the others of the batch get their answers.
                    logger.exception("The answer to request %s cannot be sent", call.request_id)
                    self._settle(call, 500)
                else:
                    call.state = State.DONE
                    call.body = b""
                    call.settle(Outcome.ANSWERED, status, now_s - call.arrived_s)

    def on_stream_begin(self, link: WorkerLink, batch_id: int) -> None:
        """A worker has begun to answer in pieces."""
        link.begin(batch_id)
        self._pump()

    def on_stream_end(self, link: WorkerLink, batch_id: int) -> None:
        """A worker has finished a stream; its caller may still be reading."""
        self._take_back(link, batch_id, self.routes[link.batches[batch_id][0].api])
        # How long a stream takes is up to its client; nothing is to be learned from it.
        self.scheduler.abandoned(batch_id)
        self._pump()

    # -- inside -------------------------------------------------------------------------------------------------

    def _end_gathering(self, _due_s: float = NEVER_S) -> None:
        """All clients are back, or were given time enough."""
        self._gathering.end()
        self._gathering_alarm.set(NEVER_S)
        self._loop.call_soon(self._pump)

    def _pump_at_end_of_turn(self) -> None:
        self._pump_is_due = False
        if not self._gathering.is_on:
            self._pump()

    def _pump(self) -> None:
        now_s = self._clock()
        if self._trials:
            self._start_trials(now_s, leave_turns=True)
        while self.scheduler.waiting and self.workers:
            batch = self.scheduler.next_batch(self._can_take, now_s)
            if not batch:
                break
            self._send(self._free_worker(batch[0].api), batch, now_s)
        if self._trials:
            self._start_trials(now_s, leave_turns=False)
            if self._trials.reserve(self.workers):
                self._pump()

    def _start_trials(self, now_s: float, *, leave_turns: bool) -> None:
        for link, group in self._trials.start(self.workers, leave_turns=leave_turns):
            cap = self.routes[group[0].api].policy.batch_cap
            for start in range(0, len(group), cap):
                self._send(link, group[start : start + cap], now_s)

    def _can_take(self, api: int) -> bool:
        route = self.routes[api]
        return any(link.can_take(route) for link in self.workers)

    def _free_worker(self, api: int) -> WorkerLink:
        route = self.routes[api]
        return min((link for link in self.workers if link.can_take(route)), key=lambda link: len(link.batches))

    def _send(self, link: WorkerLink, batch: list[Call], now_s: float) -> None:
        route = self.routes[batch[0].api]
        self._next_batch_id += 1
        batch_id = self._next_batch_id
        link.give(batch_id, batch, route)
        batch[0].counters.batch_formed(len(batch))
        batch[0].counters.batch_waited(now_s - batch[0].arrived_s)
        self.scheduler.started(batch_id, batch, now_s)
        connection = link.protocol if route.policy.is_concurrent else link.lane
        frame = _call_frame(link, batch_id, route.policy.name, batch)
        if self._traces is not None:
            carrier = self._traces.dispatched(batch_id, route.policy.name, batch)
            if carrier is not None:
                frame.append(carrier)
        connection.send_message(frame)

    def _take_back(self, link: WorkerLink, batch_id: int, route: Route) -> list[Call]:
        if self._traces is not None:
            self._traces.batch_ended(batch_id)
        return link.take_back(batch_id, route)

    def _settle(self, call: Call, status: int, reason: Reason | None = None, drain_s: float = 0.0) -> None:
        """Answer a call that no worker will answer any more."""
        call.state = State.DONE
        # The batch of a call that is late still holds it; its body is not needed any more.
        call.body = b""
        retry_after_s = None
        if status == 429:
            retry_after_s = min(max(ceil(drain_s), 1), MAX_RETRY_AFTER_S)
        elif status == 503:
            retry_after_s = 1
        call.refuse(status, retry_after_s)
        outcome = Outcome.FAILED if reason in _FAILURES else Outcome.REFUSED
        call.settle(outcome, status, self._clock() - call.arrived_s, reason.value if reason else "error")

    def _on_deadline(self, due_s: float) -> None:
        # By a finer clock the alarm may come a moment early; the time it was set to has come.
        now_s = max(self._clock(), due_s)
        for call in self.scheduler.take_overdue(now_s):
            # It never ran: a batched request lost its place to load, any other just ran out of time.
            if call.head.route.policy.is_batch:
                self._settle(call, 429, Reason.OVERDUE, self.scheduler.drain_s(call.api, now_s))
            else:
                self._settle(call, 408, Reason.TIMEOUT)
        soonest_s = self.scheduler.next_deadline_s()
        if soonest_s is None:
            soonest_s = NEVER_S
        late: set[int] = set()
        for call in self._running():
            if call.deadline_s <= now_s:
                self._settle(call, 408, Reason.TIMEOUT)
                late.add(call.api)
            else:
                soonest_s = min(soonest_s, call.deadline_s)
        self._cancel_unwanted(late)
        self._alarm.set(soonest_s)

    def _cancel_unwanted(self, apis: Collection[int]) -> None:
        """Have calls of these APIs ended that nobody waits for any more, where a worker can do that."""
        concurrent = {api for api in apis if self.routes[api].policy.is_concurrent}
        if not concurrent:
            return
        for link in self.workers:
            for batch_id, batch in link.batches.items():
                if batch[0].api not in concurrent or batch_id in link.cancelled:
                    continue
                if all(call.state is State.DONE for call in batch):
                    link.cancelled[batch_id] = 0.0
                    link.protocol.send(wire.pack([wire.CANCEL, batch_id]))

    def _running(self) -> Iterator[Call]:
        """The calls that a worker is running, or will try again, and whose caller still waits."""
        for link in self.workers:
            for batch in link.batches.values():
                for call in batch:
                    if call.state is State.RUNNING:
                        yield call
        yield from self._trials.suspects


def _call_frame(link: WorkerLink, batch_id: int, api_name: str, batch: Sequence[Call]) -> list[Any]:
    """The `CALL` frame of a batch; heads that requests share stand in it once."""
    numbers: dict[RequestHead, int] = {}
    items = [
        [
            call.request_id,
            numbers.setdefault(call.head, len(numbers)),
            call.client,
            call.body if len(call.body) < MIN_BODY_BYTES else link.bodies.send_form(batch_id, call.body),
        ]
        for call in batch
    ]
    return [wire.CALL, batch_id, api_name, [head.wire for head in numbers], items]
