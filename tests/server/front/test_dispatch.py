"""The dispatcher with a clock of the test and workers that record frames: every call gets one answer, its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from bentoml.server.front.dispatch import Dispatcher
from bentoml.server.front.routes import Route
from bentoml.server.http.call import REFUSALS, Call
from bentoml.server.http.heads import RequestHead
from bentoml.server.metrics.counters import RouteCounters
from bentoml.server.scheduling.jobs import CONCURRENT_BATCH_CALLS, CONCURRENT_SINGLE_CALLS
from bentoml.server.scheduling.scheduler import ApiPolicy
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import WorkerLink
from tests.server.clock_loop import ClockLoop


class RecordedCall(Call):
    """A call that keeps what its client would get."""

    def __init__(self, route: Route, text: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        super().__init__(RequestHead(route, "POST", "", headers or [], 0), text, "")
        self.body = text.encode()
        self.answers: list[tuple[int, bytes]] = []
        self.answer_head = b""

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        self.answers.append((status, body))
        self.answer_head = head


class RecordingWorker(wire.FrameProtocol):
    """A worker that keeps its batches until the test lets it answer."""

    def __init__(self, pid: int = 1) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.batches: dict[int, list[str]] = {}
        self.cancelled: list[int] = []
        self.link = WorkerLink(pid, self)

    def send(self, frame: bytes) -> None:
        kind, batch_id, *rest = wire.unpack(frame[4:])
        if kind == wire.CANCEL:
            self.cancelled.append(batch_id)
            return
        assert kind == wire.CALL
        self.batches[batch_id] = [item[0] for item in rest[2]]

    @property
    def texts(self) -> list[list[str]]:
        return list(self.batches.values())

    def finish(self, dispatcher: Dispatcher, status: int = 200) -> None:
        """Answer the oldest batch, each call with its own text."""
        batch_id = next(iter(self.batches))
        answers = [[status, b"", f"answer to {text}".encode()] for text in self.batches.pop(batch_id)]
        dispatcher.on_answers(self.link, batch_id, answers)


class Bench:
    """A dispatcher over one batched, one single and one coroutine API."""

    def __init__(self, workers: int = 1, *, cap: int = 100) -> None:
        self.loop = ClockLoop()
        policies = [
            ApiPolicy("batched", True, cap, 2.0),
            ApiPolicy("single", False, 100, 5.0),
            ApiPolicy("coroutine", False, 100, 5.0, is_concurrent=True),
            ApiPolicy("batched_coroutine", True, 100, 5.0, is_concurrent=True),
        ]
        self.routes = [
            Route(index, f"/{each.name}", each, {"POST": RouteCounters()}, frozenset({"POST"}))
            for index, each in enumerate(policies)
        ]
        self.dispatcher = Dispatcher(self.routes, cast("asyncio.AbstractEventLoop", self.loop))
        self.workers = [RecordingWorker(pid) for pid in range(workers)]
        for worker in self.workers:
            self.dispatcher.add_worker(worker.link, self.routes)

    def submit(self, *texts: str, api: int = 0, timeout_ms: int | None = None) -> list[RecordedCall]:
        headers = [] if timeout_ms is None else [(b"x-request-timeout-ms", b"%d" % timeout_ms)]
        calls = [RecordedCall(self.routes[api], text, headers) for text in texts]
        for call in calls:
            self.dispatcher.submit(call)
        return calls

    def learn(self, seconds: float, *, api: int = 0, batches: int = 5) -> None:
        """Let a worker run batches of one that take so long."""
        for _ in range(batches):
            (call,) = self.submit("learn", api=api)
            self.loop.turn()
            self.loop.advance(seconds)
            self.workers[0].finish(self.dispatcher)
            assert call.answers[0][0] == 200


def test_calls_of_one_turn_of_the_loop_share_a_batch() -> None:
    bench = Bench()
    bench.submit("a", "b", "c")
    assert bench.workers[0].texts == []
    bench.loop.turn()
    assert bench.workers[0].texts == [["a", "b", "c"]]


def test_calls_that_come_while_the_worker_is_busy_form_the_next_batch() -> None:
    bench = Bench()
    first = bench.submit("a")
    bench.loop.turn()
    later = bench.submit("b") + bench.submit("c")
    bench.loop.turn()
    assert bench.workers[0].texts == [["a"]]
    bench.workers[0].finish(bench.dispatcher)
    assert bench.workers[0].texts == [["b", "c"]]
    bench.workers[0].finish(bench.dispatcher)
    for call in first + later:
        assert call.answers == [(200, b"answer to " + call.request_id.encode())]


def test_two_workers_share_one_queue() -> None:
    bench = Bench(workers=2, cap=2)
    bench.submit("a", "b", "c", "d", "e")
    bench.loop.turn()
    assert sorted(bench.workers[0].texts + bench.workers[1].texts) == [["a", "b"], ["c", "d"]]
    bench.workers[1].finish(bench.dispatcher)
    assert bench.workers[1].texts == [["e"]]


def test_plain_functions_share_the_one_thread_of_a_worker() -> None:
    bench = Bench()
    bench.submit("a")
    bench.submit("b", api=1)
    bench.loop.turn()
    assert bench.workers[0].texts == [["a"]]
    bench.workers[0].finish(bench.dispatcher)
    assert bench.workers[0].texts == [["b"]]


def test_coroutines_run_side_by_side_up_to_a_bound() -> None:
    bench = Bench()
    bench.submit("plain")
    bench.submit(*(f"{number}" for number in range(CONCURRENT_SINGLE_CALLS + 5)), api=2)
    bench.loop.turn()
    assert len(bench.workers[0].batches) == 1 + CONCURRENT_SINGLE_CALLS
    for number in range(CONCURRENT_BATCH_CALLS + 2):
        bench.submit(f"b{number}", api=3)
        bench.loop.turn()
    assert len(bench.workers[0].batches) == 1 + CONCURRENT_SINGLE_CALLS + CONCURRENT_BATCH_CALLS


def test_call_without_any_worker_is_answered_503_at_once() -> None:
    (call,) = Bench(workers=0).submit("a")
    assert call.answers == [(503, b"Service Unavailable")]


def test_call_over_the_bound_is_answered_429_and_the_others_are_served() -> None:
    bench = Bench()
    bench.dispatcher.scheduler._max_waiting = 2
    calls = bench.submit("a", "b", "c")
    assert [call.answers for call in calls] == [[], [], [(429, b"429: Too Many Requests")]]
    bench.loop.turn()
    bench.workers[0].finish(bench.dispatcher)
    assert [len(call.answers) for call in calls] == [1, 1, 1]


@pytest.mark.parametrize(
    ("api", "status"), [(0, 429), (1, 408)], ids=["batched-lost-its-place", "single-ran-out-of-time"]
)
def test_call_that_never_ran_is_answered_at_its_deadline(api: int, status: int) -> None:
    bench = Bench()
    bench.submit("in the way", api=1)
    bench.loop.turn()
    (call,) = bench.submit("late", api=api)
    bench.loop.turn()
    latency_s = bench.routes[api].policy.max_latency_s
    bench.loop.advance(latency_s - 0.01)
    assert call.answers == []
    bench.loop.advance(0.02)
    assert [answer[0] for answer in call.answers] == [status]
    bench.workers[0].finish(bench.dispatcher)
    assert len(call.answers) == 1
    assert bench.workers[0].texts == []


def test_call_that_runs_too_long_is_answered_408_and_the_worker_stays_taken() -> None:
    bench = Bench()
    (slow,) = bench.submit("slow")
    bench.loop.turn()
    bench.loop.advance(2.1)
    assert slow.answers == [(408, b"Request timeout")]
    (later,) = bench.submit("later")
    bench.loop.turn()
    assert bench.workers[0].texts == [["slow"]]
    bench.workers[0].finish(bench.dispatcher)
    bench.workers[0].finish(bench.dispatcher)
    assert slow.answers == [(408, b"Request timeout")]
    assert later.answers == [(200, b"answer to later")]


def test_one_timer_serves_all_calls() -> None:
    bench = Bench()
    for number in range(50):
        bench.submit(f"{number}", api=number % 2)
        bench.loop.advance(0.001)
    assert len(bench.loop.timers) == 1


def test_cancel_of_a_waiting_call_leaves_its_mates() -> None:
    bench = Bench()
    calls = bench.submit("a", "b", "c")
    bench.dispatcher.cancel(calls[1])
    bench.loop.turn()
    assert bench.workers[0].texts == [["a", "c"]]
    bench.workers[0].finish(bench.dispatcher)
    assert [call.answers for call in calls] == [[(200, b"answer to a")], [], [(200, b"answer to c")]]


def test_cancel_of_a_running_call_drops_its_answer_only() -> None:
    bench = Bench()
    calls = bench.submit("a", "b")
    bench.loop.turn()
    bench.dispatcher.cancel(calls[0])
    bench.dispatcher.cancel(calls[0])
    bench.workers[0].finish(bench.dispatcher)
    assert [call.answers for call in calls] == [[], [(200, b"answer to b")]]
    assert bench.routes[0].counters["POST"].in_progress == 0


def test_worker_that_dies_has_its_calls_tried_once_more() -> None:
    bench = Bench(workers=2, cap=1)
    calls = bench.submit("a", "b", "c")
    bench.loop.turn()
    first, second = bench.workers
    bench.dispatcher.remove_worker(first.link)
    second.finish(bench.dispatcher)
    second.finish(bench.dispatcher)
    second.finish(bench.dispatcher)
    assert [call.answers for call in calls] == [[(200, b"answer to " + call.request_id.encode())] for call in calls]


def test_call_that_kills_two_workers_is_answered_503() -> None:
    bench = Bench(workers=2)
    (poison,) = bench.submit("poison")
    bench.loop.turn()
    for worker in sorted(bench.workers, key=lambda each: not each.batches):
        bench.dispatcher.remove_worker(worker.link)
    assert poison.answers == [(503, b"Service Unavailable")]


def test_calls_of_a_dead_worker_wait_for_the_next_one() -> None:
    bench = Bench()
    (call,) = bench.submit("a")
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link)
    replacement = RecordingWorker(99)
    bench.dispatcher.add_worker(replacement.link, bench.routes)
    replacement.finish(bench.dispatcher)
    assert call.answers == [(200, b"answer to a")]


@pytest.mark.parametrize("answers", [[], [[200, b"", b""]] * 3], ids=["too-few", "too-many"])
def test_answers_of_the_wrong_number_are_refused_whole(answers: list[Any]) -> None:
    bench = Bench()
    calls = bench.submit("a", "b")
    bench.loop.turn()
    (batch_id,) = bench.workers[0].batches
    with pytest.raises(ValueError, match="answered batch"):
        bench.dispatcher.on_answers(bench.workers[0].link, batch_id, answers)
    assert [call.answers for call in calls] == [[], []]


def test_counters_add_up() -> None:
    bench = Bench(cap=3)
    calls = bench.submit("a", "b", "c", "d")
    bench.dispatcher.cancel(calls[3])
    bench.loop.turn()
    bench.workers[0].finish(bench.dispatcher, status=400)
    counters = bench.routes[0].counters["POST"]
    assert counters.in_progress == 0
    assert {status: sum(histogram.buckets) for status, histogram in counters.durations.items()} == {400: 3, 499: 1}
    assert counters.batch_sizes.total == 3


@pytest.mark.parametrize(
    "spoilt", [[200, b""], ["200", b"", b"x"], [1000, b"", b"x"], None], ids=["short", "text", "odd-status", "none"]
)
def test_answer_that_cannot_be_sent_costs_its_mates_nothing(spoilt: Any) -> None:
    class Strict(RecordedCall):
        def answer(self, status: int, head: bytes, body: bytes) -> None:
            if not isinstance(status, int) or status > 599:
                raise ValueError(status)
            super().answer(status, head, body)

    bench = Bench()
    calls = [Strict(bench.routes[0], text) for text in "abc"]
    for call in calls:
        bench.dispatcher.submit(call)
    bench.loop.turn()
    (batch_id,) = bench.workers[0].batches
    good = [200, b"", b"good"]
    bench.dispatcher.on_answers(bench.workers[0].link, batch_id, [good, spoilt, good])
    assert [call.answers for call in calls] == [[(200, b"good")], [(500, REFUSALS[500])], [(200, b"good")]]
    counters = bench.routes[0].counters["POST"]
    assert counters.in_progress == 0
    assert sum(sum(each.buckets) for each in counters.durations.values()) == 3


def test_waiting_calls_are_refused_when_no_worker_will_come() -> None:
    bench = Bench()
    running, waiting = bench.submit("one", "two", api=1)
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link)
    assert (running.answers, waiting.answers) == ([], [])
    bench.dispatcher.refuse_waiting()
    assert running.answers == waiting.answers == [(503, REFUSALS[503])]
    assert bench.dispatcher.scheduler.waiting == 0


def test_body_is_let_go_with_the_answer() -> None:
    bench = Bench()
    answered, cancelled, late = bench.submit("one"), bench.submit("two", api=1), bench.submit("three")
    bench.loop.turn()
    bench.workers[0].finish(bench.dispatcher)
    bench.dispatcher.cancel(cancelled[0])
    bench.loop.advance(60)
    assert [call.body for call in (*answered, *cancelled, *late)] == [b"", b"", b""]


def test_coroutine_call_past_its_deadline_is_cancelled_in_its_worker_once() -> None:
    bench = Bench()
    late, other = bench.submit("late", api=2), bench.submit("other", api=2)
    bench.loop.turn()
    bench.dispatcher.cancel(other[0])
    assert bench.workers[0].cancelled == [2]
    bench.loop.advance(5.1)
    assert [answer[0] for answer in late[0].answers] == [408]
    bench.loop.advance(5.1)
    assert sorted(bench.workers[0].cancelled) == [1, 2]


def test_batch_of_coroutines_is_cancelled_when_its_last_caller_has_left() -> None:
    bench = Bench()
    calls = bench.submit("a", "b", api=3)
    bench.loop.turn()
    bench.dispatcher.cancel(calls[0])
    assert bench.workers[0].cancelled == []
    bench.dispatcher.cancel(calls[1])
    assert bench.workers[0].cancelled == [1]


def test_plain_call_is_never_cancelled_in_its_worker() -> None:
    bench = Bench()
    (call,) = bench.submit("a")
    bench.loop.turn()
    bench.dispatcher.cancel(call)
    bench.loop.advance(60)
    assert bench.workers[0].cancelled == []


def work_out(bench: Bench, poison: set[str]) -> int:
    """Let workers answer, and die over poison and be followed by others, until nothing is left; counts the deaths."""
    deaths = 0
    while busy := [worker for worker in bench.workers if worker.batches]:
        worker = busy[0]
        if poison & {text for batch in worker.texts for text in batch}:
            deaths += 1
            bench.workers.remove(worker)
            bench.dispatcher.remove_worker(worker.link)
            bench.workers.append(RecordingWorker(100 + deaths))
            bench.dispatcher.add_worker(bench.workers[-1].link, bench.routes)
        else:
            worker.finish(bench.dispatcher)
    return deaths


@pytest.mark.parametrize("api", [0, 2, 3], ids=["batch", "coroutines", "batched-coroutines"])
@pytest.mark.parametrize("workers", [1, 3])
def test_poison_is_isolated_and_everybody_else_answered(api: int, workers: int) -> None:
    bench = Bench(workers)
    calls = bench.submit(*(f"{number}" for number in range(60)), api=api)
    bench.loop.turn()
    deaths = work_out(bench, {"7", "33"})
    for call in calls:
        expected = (
            (503, REFUSALS[503]) if call.request_id in {"7", "33"} else (200, f"answer to {call.request_id}".encode())
        )
        assert call.answers == [expected]
    assert deaths <= 14
    assert bench.routes[api].counters["POST"].in_progress == 0


def test_suspects_run_alone_and_leave_every_other_turn_to_others() -> None:
    bench = Bench(cap=4)
    bench.submit("a", "b", "c", "d")
    bench.loop.turn()
    bench.submit("x", "y", "z", "w", "v")
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link)
    worker = RecordingWorker(2)
    bench.dispatcher.add_worker(worker.link, bench.routes)
    bench.submit("coroutine", api=2)
    bench.loop.turn()
    assert worker.texts == [["a", "b"]]
    worker.finish(bench.dispatcher)
    assert sorted(worker.texts) == [["coroutine"], ["x", "y", "z", "w"]]
    worker.finish(bench.dispatcher)
    worker.finish(bench.dispatcher)
    assert worker.texts == [["c", "d"]]
    worker.finish(bench.dispatcher)
    assert worker.texts == [["v"]]


def test_worker_is_kept_free_for_a_trial_where_coroutines_come_and_go() -> None:
    bench = Bench(workers=2)
    first, second = bench.workers
    bench.submit("a", "b", api=2)
    bench.loop.turn()
    assert first.texts == [["a"]]
    bench.dispatcher.remove_worker(first.link)
    bench.submit("c", api=2)
    bench.loop.turn()
    assert second.texts == [["b"]]
    second.finish(bench.dispatcher)
    assert second.texts == [["a"]]
    second.finish(bench.dispatcher)
    assert second.texts == [["c"]]
    bench.submit("d", api=2)
    bench.loop.turn()
    assert second.texts == [["c"], ["d"]]


def test_calls_of_a_stopped_worker_are_no_suspects() -> None:
    bench = Bench()
    bench.submit("a", "b")
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link, is_suspicious=False)
    worker = RecordingWorker(2)
    bench.dispatcher.add_worker(worker.link, bench.routes)
    assert worker.texts == [["a", "b"]]


@pytest.mark.parametrize("is_suspicious", [True, False])
def test_call_that_must_not_run_twice_is_answered_503_at_once(is_suspicious: bool) -> None:
    bench = Bench(workers=2)
    bench.dispatcher.routes[1] = replace(bench.routes[1], is_idempotent=False)
    (call,) = bench.submit("once", api=1)
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link, is_suspicious=is_suspicious)
    assert call.answers == [(503, REFUSALS[503])]
    assert bench.workers[1].texts == []


def test_suspects_keep_their_deadline_and_may_leave() -> None:
    bench = Bench()
    late, gone = bench.submit("late", "gone")
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link)
    bench.dispatcher.cancel(gone)
    seen = [bench.dispatcher.is_answered]
    bench.loop.advance(2.1)
    assert (late.answers, gone.answers) == ([(408, REFUSALS[408])], [])
    assert [*seen, bench.dispatcher.is_answered] == [False, True]
    worker = RecordingWorker(2)
    bench.dispatcher.add_worker(worker.link, bench.routes)
    assert worker.texts == []
    assert bench.routes[0].counters["POST"].in_progress == 0


def test_suspects_are_refused_when_no_worker_will_come() -> None:
    bench = Bench()
    calls = bench.submit("a", "b")
    bench.loop.turn()
    bench.dispatcher.remove_worker(bench.workers[0].link)
    bench.dispatcher.refuse_waiting()
    assert [call.answers for call in calls] == [[(503, REFUSALS[503])]] * 2


@pytest.mark.parametrize(("timeout_ms", "wait_s"), [(300, 0.3), (60_000, 2.0)], ids=["shorter", "never-longer"])
def test_client_may_ask_for_a_shorter_deadline(timeout_ms: int, wait_s: float) -> None:
    bench = Bench()
    (call,) = bench.submit("a", timeout_ms=timeout_ms)
    bench.loop.turn()
    bench.loop.advance(wait_s - 0.01)
    assert call.answers == []
    bench.loop.advance(0.02)
    assert call.answers == [(408, REFUSALS[408])]


def test_call_that_cannot_be_answered_in_time_is_refused_at_once_with_the_time_to_wait() -> None:
    bench = Bench(cap=1)
    bench.learn(0.9)
    calls = bench.submit("runs")
    bench.loop.turn()
    calls += bench.submit("fits", "too many")
    assert [call.answers for call in calls] == [[], [], [(429, REFUSALS[429])]]
    assert b"retry-after: 2\r\n" in calls[2].answer_head
    assert bench.routes[0].counters["POST"].refusals == {"too_late": 1}
    for _ in range(2):
        bench.loop.advance(0.9)
        bench.workers[0].finish(bench.dispatcher)
    assert [call.answers[0][0] for call in calls] == [200, 200, 429]


def test_cold_server_refuses_nothing() -> None:
    bench = Bench()
    calls = bench.submit(*map(str, range(1000)))
    assert not any(call.answers for call in calls)


def test_single_call_runs_whenever_a_worker_is_free_and_gets_408() -> None:
    bench = Bench()
    bench.learn(1.9)
    (call,) = bench.submit("hopeless", timeout_ms=100)
    bench.loop.turn()
    assert bench.workers[0].texts == [["hopeless"]]
    bench.loop.advance(0.2)
    assert call.answers == [(408, REFUSALS[408])]


def test_refusals_are_counted_by_reason() -> None:
    bench = Bench()
    bench.dispatcher.scheduler._max_waiting = 2
    bench.submit("runs", api=1)
    bench.loop.turn()
    bench.submit("overdue", timeout_ms=100)
    bench.submit("timed out while it waited", api=1, timeout_ms=100)
    bench.submit("one too many")
    bench.loop.advance(6)
    bench.dispatcher.remove_worker(bench.workers[0].link)
    bench.submit("nobody there")
    assert bench.routes[0].counters["POST"].refusals == {"queue_full": 1, "overdue": 1, "no_worker": 1}
    assert bench.routes[1].counters["POST"].failures == {"timeout": 2}
