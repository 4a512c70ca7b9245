"""The ledger under everything that can happen to a request: one outcome each, and the books balance at every step."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from prometheus_client.parser import text_string_to_metric_families
from uvicorn.server import ServerState

from bentoml._http.http_server import server_config
from bentoml._http.proxies import Proxies
from bentoml.server.front.dispatch import Dispatcher
from bentoml.server.front.front import Front
from bentoml.server.front.inference_app import InferenceApp
from bentoml.server.front.protocol import FrontProtocol
from bentoml.server.front.routes import Route
from bentoml.server.http.arriving import Arriving
from bentoml.server.http.heads import KnownHeads
from bentoml.server.http.leavers import Leavers
from bentoml.server.metrics.server_metrics import ServerMetrics
from bentoml.server.scheduling.ledger import EARLY_REASONS, Ledger, Outcome
from bentoml.server.scheduling.scheduler import ApiPolicy, State
from tests.server.bench import RecordingTransport, rest
from tests.server.front.test_dispatch import Bench, RecordedCall, RecordingWorker
from tests.thoroughness import examples

# What the status of an answer says about the outcome; some may stand for two.
OUTCOMES_BY_STATUS = {
    200: {Outcome.ANSWERED},
    400: {Outcome.ANSWERED},
    401: {Outcome.REFUSED},
    413: {Outcome.REFUSED},
    429: {Outcome.REFUSED},
    408: {Outcome.REFUSED, Outcome.FAILED},
    500: {Outcome.FAILED},
    503: {Outcome.REFUSED, Outcome.FAILED},
}


class PickyCall(RecordedCall):
    """Cannot write an answer whose status is none."""

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        if status > 599:
            raise ValueError(status)
        super().answer(status, head, body)


class DispatchedRequests(RuleBasedStateMachine):
    """Requests, workers, clients and the clock in any order."""

    arriving = Bundle("arriving")
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(workers=1, cap=3)
        self.bench.dispatcher.scheduler._max_waiting = 6
        self.ledger = Ledger()
        for route in self.bench.routes:
            route.counters["POST"].ledger = self.ledger
        self.calls: list[RecordedCall] = []
        self.left: set[RecordedCall] = set()

    @rule(target=arriving, api=st.integers(0, 3))
    def head_comes(self, api: int) -> RecordedCall:
        self.calls.append(PickyCall(self.bench.routes[api], f"{len(self.calls)}"))
        return self.calls[-1]

    @rule(target=sent, call=consumes(arriving))
    def body_is_complete(self, call: RecordedCall) -> RecordedCall:
        if call not in self.left:
            self.bench.dispatcher.submit(call)
        return call

    @rule(call=consumes(arriving), status=st.sampled_from(list(EARLY_REASONS)))
    def body_is_refused(self, call: RecordedCall, status: int) -> None:
        if call not in self.left:
            call.refuse(status)
            call.settle(Outcome.REFUSED, status, reason=EARLY_REASONS[status])

    @rule(call=arriving | sent)
    def client_leaves(self, call: RecordedCall) -> None:
        self.left.add(call)
        self.bench.dispatcher.cancel(call)

    @rule()
    def loop_turns(self) -> None:
        self.bench.loop.turn()

    @rule(seconds=st.sampled_from([0.001, 1.0, 2.5, 6.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.loop.advance(seconds)

    @rule(which=st.integers(0, 9), status=st.sampled_from([200, 400, 999]))
    def worker_answers(self, which: int, status: int) -> None:
        busy = [worker for worker in self.bench.workers if worker.batches]
        if busy:
            busy[which % len(busy)].finish(self.bench.dispatcher, status)

    @rule(which=st.integers(0, 9), is_suspicious=st.booleans())
    def worker_dies(self, which: int, is_suspicious: bool) -> None:
        if self.bench.workers:
            worker = self.bench.workers.pop(which % len(self.bench.workers))
            self.bench.dispatcher.remove_worker(worker.link, is_suspicious=is_suspicious)

    @rule()
    def worker_comes(self) -> None:
        if len(self.bench.workers) < 3:
            self.bench.workers.append(RecordingWorker(len(self.calls)))
            self.bench.dispatcher.add_worker(self.bench.workers[-1].link, self.bench.routes)

    @rule()
    def server_drains_without_workers(self) -> None:
        if not self.bench.workers:
            self.bench.dispatcher.refuse_waiting()

    @invariant()
    def books_balance(self) -> None:
        totals = self.ledger.totals()
        assert totals.pop("accepted") == len(self.calls)
        outcomes = [call.outcome for call in self.calls]
        assert totals == {name: outcomes.count(Outcome[name.upper()]) for name in totals}
        assert self.ledger.in_flight == outcomes.count(Outcome.OPEN)
        assert sum(self.ledger.refusals.values()) == self.ledger.outcomes[Outcome.REFUSED]
        assert sum(self.ledger.failures.values()) == self.ledger.outcomes[Outcome.FAILED]
        assert "" not in {*self.ledger.refusals, *self.ledger.failures}
        counters = [route.counters["POST"] for route in self.bench.routes]
        assert sum(sum(each.refusals.values()) for each in counters) == self.ledger.outcomes[Outcome.REFUSED]
        assert sum(sum(each.failures.values()) for each in counters) == self.ledger.outcomes[Outcome.FAILED]
        assert sum(each.in_progress for each in counters) == self.ledger.in_flight
        ended = sum(sum(durations.buckets) for each in counters for durations in each.durations.values())
        assert ended == len(self.calls) - self.ledger.in_flight

    @invariant()
    def every_outcome_fits_what_the_client_got(self) -> None:
        for call in self.calls:
            if call.answers:
                ((status, _),) = call.answers
                assert call.outcome in OUTCOMES_BY_STATUS[status]
            else:
                assert call.outcome is (Outcome.CANCELLED if call in self.left else Outcome.OPEN)
            if call.outcome:
                assert call.state in {State.NEW, State.DONE}

    def teardown(self) -> None:
        for call in self.calls:
            self.bench.dispatcher.cancel(call)
        assert self.ledger.in_flight == 0
        assert self.bench.dispatcher.scheduler.waiting == 0


TestDispatchedRequests = DispatchedRequests.TestCase
TestDispatchedRequests.settings = settings(max_examples=examples(80), stateful_step_count=40, deadline=None)


def test_first_outcome_of_a_call_stands() -> None:
    (call,) = Bench().submit("a")
    ledger = call.counters.ledger
    for outcome in (Outcome.CANCELLED, Outcome.ANSWERED, Outcome.FAILED):
        call.settle(outcome, 200)
    assert ledger.totals() == {"accepted": 1, "answered": 0, "refused": 0, "failed": 0, "cancelled": 1}


def test_reasons_tell_why_calls_were_refused() -> None:
    bench = Bench(workers=0)
    bench.submit("a")
    worker = RecordingWorker()
    bench.dispatcher.add_worker(worker.link, bench.routes)
    bench.submit("in the way", api=1)
    bench.loop.turn()
    bench.submit("late")
    bench.loop.advance(2.1)
    bench.dispatcher.scheduler._max_waiting = 1
    bench.submit("b", "c")
    bench.dispatcher.remove_worker(worker.link)
    bench.dispatcher.refuse_waiting()
    seen: dict[str, int] = {}
    for route in bench.routes:
        for reason, count in route.counters["POST"].ledger.refusals.items():
            seen[reason] = seen.get(reason, 0) + count
    assert {reason: count for reason, count in seen.items() if count} == {
        "no_worker": 3,
        "overdue": 1,
        "queue_full": 1,
    }


def test_metrics_show_the_ledger_and_every_reason() -> None:
    metrics = ServerMetrics("BENTOML", "Iris", "1.0")
    ledger = metrics.route("predict").ledger
    assert ledger is metrics.route("other", "GET").ledger is metrics.ledger
    route = Route(0, "/predict", ApiPolicy("predict", True, 9, 9.0), {"POST": metrics.route("predict")})
    calls = [RecordedCall(route, str(number)) for number in range(6)]
    calls[0].settle(Outcome.ANSWERED, 200)
    calls[1].settle(Outcome.REFUSED, 413, reason="too_large")
    calls[2].settle(Outcome.REFUSED, 429, reason="a new one")
    calls[3].settle(Outcome.FAILED, 408, reason="timeout")
    shown = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }
    outcomes = {"accepted": 6, "answered": 1, "refused": 2, "failed": 1, "cancelled": 0}
    assert {name: shown["BENTOML_Iris_ledger_total", name] for name in outcomes} == outcomes
    assert shown["BENTOML_Iris_in_flight",] == 2
    for end, reasons in (
        ("refused", {"too_large": 1, "a new one": 1, "malformed": 0}),
        ("failed", {"timeout": 1, "worker_died": 0, "error": 0}),
    ):
        assert {name: shown[f"BENTOML_Iris_{end}_total", "predict", name] for name in reasons} == reasons


# -- connections ------------------------------------------------------------------------------------------------


class Connections:
    """Connections of a front with one route, whose worker answers when the test says so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ledger = Ledger()
        metrics = ServerMetrics("", "X", "1")
        self.ledger = metrics.ledger
        policy = ApiPolicy("predict", True, 10, 1000.0)
        counters = {method: metrics.route("predict", method) for method in ("GET", "POST")}
        route = Route(0, "/predict", policy, counters, frozenset(counters))
        self.dispatcher = Dispatcher([route], loop)
        self.worker = RecordingWorker()
        self.dispatcher.add_worker(self.worker.link, [route])
        arriving = Arriving(400)
        app = InferenceApp(self.dispatcher, 1000, arriving)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/predict":
                await app(scope, receive, send)
            else:
                await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})

        self._config = server_config(application, FrontProtocol)
        self._config.load()
        self._front = SimpleNamespace(
            fast_routes={b"/predict": route},
            routes_by_path={"/predict": route},
            known_heads=KnownHeads(),
            dispatcher=self.dispatcher,
            application=application,
            options=SimpleNamespace(max_request_size_bytes=1000, open_inference_enabled=True),
            arriving=arriving,
            draining=False,
            proxies=Proxies(()),
            leavers=Leavers(asyncio.get_running_loop()),
            gates=SimpleNamespace(inference=None),
            metrics=SimpleNamespace(ledger=Ledger()),
            default_head=lambda _: b"",
        )

    def connect(self) -> tuple[FrontProtocol, RecordingTransport]:
        protocol = FrontProtocol(
            cast("Front", self._front), config=self._config, server_state=ServerState(), app_state={}
        )
        transport = RecordingTransport()
        protocol.connection_made(transport)
        return protocol, transport

    def answer_all(self) -> None:
        while self.worker.batches:
            self.worker.finish(self.dispatcher)


SLOW = b"Expect: 100-continue\r\n"
WHOLE = {
    "fast": b"POST /predict HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
    "fast-get": b"GET /predict HTTP/1.1\r\n\r\n",
    "chunked": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
    "slow": b"POST /predict HTTP/1.1\r\n" + SLOW + b"Content-Length: 2\r\n\r\nhi",
    "head": b"HEAD /predict HTTP/1.1\r\n\r\n",
    "options": b"OPTIONS /predict HTTP/1.1\r\n\r\n",
    "put": b"PUT /predict HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
    "too-large": b"POST /predict HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
    "too-large-slow": b"POST /%70redict HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
}
ELSEWHERE = b"GET /elsewhere HTTP/1.1\r\n\r\n"
# What ends a connection: the rest is not read, or never comes.
BROKEN = {
    "no-request": (0, b"\x00\x01 nonsense\r\n\r\n"),
    "bad-chunk": (1, b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\nxx\r\n"),
    "bad-chunk-slow": (1, b"POST /predict HTTP/1.1\r\n" + SLOW + b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\nxx\r\n"),
    "half-body": (1, b"POST /predict HTTP/1.1\r\nContent-Length: 9\r\n\r\nhi"),
    "half-body-slow": (1, b"POST /predict HTTP/1.1\r\n" + SLOW + b"Content-Length: 9\r\n\r\nhi"),
    "half-head": (0, b"POST /predict HTTP/1.1\r\nContent-Le"),
    "nothing": (0, b""),
}


@settings(max_examples=examples(150), deadline=None)
@given(
    names=st.lists(st.sampled_from([*WHOLE, "elsewhere"]), max_size=6),
    broken=st.sampled_from(list(BROKEN)),
    data=st.data(),
)
def test_requests_of_a_connection_cut_anywhere_are_entered_once(
    names: list[str], broken: str, data: st.DataObject
) -> None:
    heads, tail = BROKEN[broken]
    stream = b"".join(WHOLE.get(name, ELSEWHERE) for name in names) + tail
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    steps = data.draw(st.lists(st.sampled_from(["rest", "answer"]), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
    leaves_early = data.draw(st.booleans())

    async def scenario() -> None:
        connections = Connections(asyncio.get_running_loop())
        ledger = connections.ledger
        protocol, transport = connections.connect()
        for start, end, step in zip([0, *cuts], [*cuts, len(stream)], steps, strict=True):
            if not transport.closed:
                protocol.data_received(stream[start:end])
            await rest()
            if step == "answer":
                connections.answer_all()
            assert 0 <= ledger.in_flight <= ledger.accepted
        if not leaves_early:
            for _ in range(2 * len(names) + 2):
                connections.answer_all()
                await rest()
        protocol.connection_lost(None)
        await rest()
        connections.answer_all()
        await rest()
        assert ledger.in_flight == 0
        assert connections.dispatcher.scheduler.waiting == 0
        assert sum(ledger.refusals.values()) == ledger.outcomes[Outcome.REFUSED]
        assert sum(ledger.failures.values()) == ledger.outcomes[Outcome.FAILED]
        written = re.findall(rb"HTTP/1.1 (?!100|404)(\d\d\d) ", transport.written)
        ended = ledger.accepted - ledger.outcomes[Outcome.CANCELLED]
        if broken == "no-request":
            # The answer to bytes that are no request stands in no book.
            assert len(written) in {ended, ended + 1}
        elif not leaves_early:
            assert len(written) == ended
        if not leaves_early:
            assert ledger.accepted == heads + len([name for name in names if name != "elsewhere"])
            assert ledger.outcomes[Outcome.ANSWERED] == written.count(b"200")

    asyncio.run(scenario())


@pytest.mark.parametrize("extra", [b"", SLOW], ids=["fast", "slow"])
def test_answer_that_finds_no_client_is_entered_as_cancelled(extra: bytes) -> None:
    async def scenario() -> None:
        connections = Connections(asyncio.get_running_loop())
        protocol, transport = connections.connect()
        protocol.data_received(b"POST /predict HTTP/1.1\r\n" + extra + b"Content-Length: 2\r\n\r\nhi")
        await rest()
        assert connections.ledger.in_flight == 1
        transport.close()
        if extra:
            # The task that would write has not run yet.
            connections.answer_all()
            protocol.connection_lost(None)
            await rest()
        else:
            connections.answer_all()
        assert connections.ledger.totals() == {
            "accepted": 1,
            "answered": 0,
            "refused": 0,
            "failed": 0,
            "cancelled": 1,
        }
        protocol.connection_lost(None)
        assert connections.ledger.in_flight == 0

    asyncio.run(scenario())


def test_request_whose_body_ends_just_as_its_turn_comes_runs_once() -> None:
    async def scenario() -> None:
        connections = Connections(asyncio.get_running_loop())
        protocol, transport = connections.connect()
        whole = WHOLE["chunked"]
        protocol.data_received(WHOLE["fast"] + whole[:60])
        await rest()
        connections.answer_all()
        protocol.data_received(whole[60:])
        await rest()
        assert [len(batch) for batch in connections.worker.texts] == [1]
        assert connections.dispatcher.scheduler.waiting == 0
        connections.answer_all()
        await rest()
        assert connections.worker.texts == []
        assert transport.written.count(b"HTTP/1.1 200") == 2
        protocol.connection_lost(None)

    asyncio.run(scenario())


def test_request_refused_by_its_head_is_answered_once_when_its_body_ends_just_as_its_turn_comes() -> None:
    async def scenario() -> None:
        connections = Connections(asyncio.get_running_loop())
        protocol, transport = connections.connect()
        head, body = WHOLE["too-large"].split(b"\r\n\r\n")
        protocol.data_received(WHOLE["fast"] + head + b"\r\n\r\n")
        await rest()
        connections.answer_all()
        protocol.data_received(body)
        await rest()
        connections.answer_all()
        await rest()
        assert re.findall(rb"HTTP/1.1 (\d+)", transport.written) == [b"200", b"413"]
        protocol.connection_lost(None)

    asyncio.run(scenario())
