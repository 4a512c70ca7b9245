"""Traces of a running server, as a collector gets them: who stands below whom, and what is traced at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bentoml.server.front.dispatch import Dispatcher
from bentoml.server.tracing.front_tracing import Traces, as_tracer
from bentoml.server.tracing.trace_export import traces_url
from tests.server.front.test_dispatch import Bench, RecordedCall
from tests.server.live import LiveServer, live_server, save_bundle
from tests.server.otlp_receiver import Receiver, is_recent, otlp_receiver, seconds_of

SOURCE = """
    import asyncio
    import time

    import bentoml
    from bentoml.adapters import JsonInput
    from opentelemetry import trace
    from opentelemetry.propagate import inject

    class Traced(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=True)
        def sent_on(self, items):
            carrier = {}
            inject(carrier)
            trace.get_current_span().set_attribute("mine", "yes")
            for item in items:
                if item == "bad":
                    raise ValueError("no such flower")
                time.sleep(item)
            return [carrier.get("traceparent", "")] * len(items)

        @bentoml.api(input=JsonInput(), batch=False)
        async def waits(self, seconds):
            await asyncio.sleep(seconds)
            carrier = {}
            inject(carrier)
            return carrier.get("traceparent", "")

        @bentoml.api(input=JsonInput(), batch=False)
        def pieces(self, count):
            for number in range(count):
                yield str(number)
"""
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
LAYERS = ["queue", "batch {}", "handle {}", "function {}"]


@contextmanager
def traced_server(directory: Path, *arguments: str, **tracing: Any) -> Iterator[LiveServer]:
    bundle = save_bundle(directory, SOURCE, class_name="Traced")
    config = {"tracing": {"type": "otlp", **tracing}}
    (directory / "home" / "bentoml.yml").write_text(json.dumps(config), encoding="utf-8")
    with live_server(bundle, *arguments, home=directory / "home") as server:
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def traced(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with traced_server(tmp_path_factory.mktemp("traced"), otlp={"endpoint": receiver.url}) as server:
            yield server


def names_of(api: str) -> list[str]:
    return [name.format(api) for name in LAYERS]


def post(server: LiveServer, path: str, value: Any, request_id: str, **headers: str) -> str:
    return server.client.post(path, json=value, headers={"X-Request-Id": request_id, **headers}).text


@pytest.mark.parametrize(("api", "value"), [("sent_on", 0), ("waits", 0)], ids=["plain", "coroutine"])
def test_trace_of_a_client_goes_on_through_front_worker_and_function(
    traced: LiveServer, receiver: Receiver, api: str, value: Any
) -> None:
    sent_on = post(traced, f"/{api}", value, f"through-{api}", traceparent=f"00-{TRACE}-{SPAN}-01").strip('"[]')
    spans = receiver.trace_of(f"through-{api}", f"POST /{api}", *names_of(api))
    request, queue, batch, handle, function = (spans[name] for name in (f"POST /{api}", *names_of(api)))
    assert {span.trace_id for span in spans.values()} == {TRACE}
    assert request.parent_id == SPAN
    assert (queue.parent_id, batch.parent_id) == (request.span_id, request.span_id)
    assert batch.links == [request.span_id]
    assert (handle.parent_id, function.parent_id) == (batch.span_id, handle.span_id)
    assert sent_on == f"00-{TRACE}-{function.span_id}-01"
    assert [span.role for span in (request, queue, batch, handle, function)] == ["front"] * 3 + ["worker"] * 2
    assert request.start_ns <= batch.start_ns <= handle.start_ns <= function.start_ns
    assert function.end_ns <= handle.end_ns <= batch.end_ns <= request.end_ns
    assert all(map(is_recent, spans.values()))
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == f"/{api}"
    assert request.service == "Traced"
    assert receiver.paths == {"/v1/traces"}


def test_request_without_a_context_begins_a_trace_of_its_own(traced: LiveServer, receiver: Receiver) -> None:
    post(traced, "/sent_on", 0, "own")
    request = receiver.trace_of("own", "POST /sent_on")["POST /sent_on"]
    assert request.parent_id == ""
    assert request.trace_id != TRACE


@pytest.mark.parametrize(
    "broken",
    [
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_context_that_cannot_be_read_is_none(traced: LiveServer, receiver: Receiver, broken: str) -> None:
    request_id = f"broken-{abs(hash(broken))}"
    assert post(traced, "/sent_on", 0, request_id, traceparent=broken) != '""'
    assert receiver.trace_of(request_id, "POST /sent_on")["POST /sent_on"].parent_id == ""


def test_request_that_its_client_does_not_trace_is_not_traced(traced: LiveServer, receiver: Receiver) -> None:
    assert post(traced, "/sent_on", 0, "unsampled", traceparent=f"00-{TRACE}-{SPAN}-00") == '""'
    post(traced, "/sent_on", 0, "after-unsampled")
    receiver.trace_of("after-unsampled", "POST /sent_on", *names_of("sent_on"))
    assert not [span for span in receiver.spans if span.attributes.get("bentoml.request_id") == "unsampled"]


def test_requests_of_one_batch_are_linked_to_it(traced: LiveServer, receiver: Receiver) -> None:
    blocker = threading.Thread(target=post, args=(traced, "/sent_on", 0.5, "blocker"))
    blocker.start()
    mates = [threading.Thread(target=post, args=(traced, "/sent_on", 0.01, f"mate-{number}")) for number in range(4)]
    for thread in mates:
        thread.start()
    for thread in (blocker, *mates):
        thread.join()

    def requests_of(spans: list[Any]) -> dict[str, Any]:
        return {
            span.span_id: span
            for span in spans
            if str(span.attributes.get("bentoml.request_id", "")).startswith("mate-")
        }

    def batches_of(spans: list[Any]) -> list[Any]:
        requests = requests_of(spans)
        return [span for span in spans if span.name == "batch sent_on" and set(span.links) & requests.keys()]

    spans = receiver.wait_for(
        lambda spans: len(requests_of(spans)) == 4 and sum(len(batch.links) for batch in batches_of(spans)) >= 4
    )
    requests = requests_of(spans)
    largest = max(batches_of(spans), key=lambda batch: len(batch.links))
    assert len(largest.links) > 1
    assert largest.attributes["bentoml.batch.size"] == len(largest.links)
    assert largest.parent_id == largest.links[0]
    for span_id in largest.links[1:]:
        if span_id in requests:
            assert requests[span_id].links == [largest.span_id]


def test_error_of_the_function_stands_in_its_span_and_in_that_of_the_request(
    traced: LiveServer, receiver: Receiver
) -> None:
    post(traced, "/sent_on", "bad", "error")
    spans = receiver.trace_of("error", "POST /sent_on", *names_of("sent_on"))
    assert spans["function sent_on"].has_error
    assert spans["function sent_on"].events == ["exception"]
    assert spans["function sent_on"].attributes["mine"] == "yes"
    assert spans["POST /sent_on"].has_error
    assert spans["POST /sent_on"].attributes["http.response.status_code"] == 500


def test_stream_is_traced_to_its_end(traced: LiveServer, receiver: Receiver) -> None:
    assert post(traced, "/pieces", 3, "stream") == "012"
    spans = receiver.trace_of("stream", "POST /pieces", "queue", "batch pieces", "handle pieces")
    assert spans["POST /pieces"].attributes["bentoml.outcome"] == "answered"
    assert spans["handle pieces"].parent_id == spans["batch pieces"].span_id


def test_time_in_the_queue_has_a_span(traced: LiveServer, receiver: Receiver) -> None:
    blocker = threading.Thread(target=post, args=(traced, "/sent_on", 0.4, "first"))
    blocker.start()
    receiver.wait_for(lambda _: traced.client.get("/metrics").text.count("in_flight 1") > 0)
    post(traced, "/sent_on", 0, "second")
    blocker.join()
    queue = receiver.trace_of("second", "POST /sent_on", *names_of("sent_on"))["queue"]
    assert 0.0 < seconds_of(queue) < 10.0


def test_spans_of_the_end_are_sent_before_the_server_goes(receiver: Receiver, tmp_path: Path) -> None:
    with traced_server(tmp_path, "--preload", otlp={"endpoint": f"{receiver.url}/v1/traces"}) as server:
        # The schedule of the exporter, seconds, is not waited for.
        post(server, "/sent_on", 0, "last")
        assert server.stop() == 0
    receiver.trace_of("last", "POST /sent_on", *names_of("sent_on"))


def test_collector_that_is_not_there_costs_no_answer_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with traced_server(tmp_path, otlp={"endpoint": "http://127.0.0.1:9"}) as server:
        for number in range(20):
            assert server.client.post("/sent_on", json=0).status_code == 200, number
        assert server.stop() == 0


def test_sample_rate_of_zero_traces_only_what_clients_trace(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with traced_server(tmp_path, sample_rate=0, otlp={"endpoint": receiver.url}) as server:
        for number in range(20):
            post(server, "/sent_on", 0, f"unseen-{number}")
        post(server, "/sent_on", 0, "seen", traceparent=f"00-{TRACE}-{SPAN}-01")
        receiver.trace_of("seen", "POST /sent_on")
    seen = {str(span.attributes.get("bentoml.request_id", "")) for span in receiver.spans}
    assert not [request_id for request_id in seen if request_id.startswith("unseen")]


def test_nothing_of_it_is_imported_when_it_is_off(tmp_path: Path) -> None:
    code = (
        "import sys, bentoml.server.front.front, bentoml.server.workers.worker, bentoml.server.supervision.supervisor\n"
        "from bentoml.server.tracing.trace_export import check_tracing, start_export\n"
        "check_tracing()\nassert start_export('a', '1', 'front') is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BENTOML_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (None, None),
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://otlp.example/custom", "https://otlp.example/custom"),
    ],
)
def test_endpoint_is_a_base_or_the_whole_address(endpoint: str | None, url: str | None) -> None:
    assert traces_url(endpoint) == url


# -- the dispatcher, with spans kept in memory ----------------------------------------------------------------------


class TracedBench(Bench):
    def __init__(self, *, sample_rate: float = 1.0, draw: float = 0.5, workers: int = 1) -> None:
        super().__init__(workers=0)
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        traces = Traces(as_tracer(provider), sample_rate, lambda: draw)
        self.dispatcher = Dispatcher(self.routes, cast("Any", self.loop), None, traces)
        self.workers = Bench(workers=workers).workers
        for worker in self.workers:
            self.dispatcher.add_worker(worker.link, self.routes)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def ended(self) -> list[str]:
        return [span.name for span in self.spans]


def lose(bench: TracedBench, worker: int) -> None:
    bench.dispatcher.remove_worker(bench.workers[worker].link, is_suspicious=False)


def test_lost_worker_ends_its_batch_with_an_error_and_the_request_waits_anew() -> None:
    bench = TracedBench(workers=2)
    (call,) = bench.submit("a")
    bench.loop.turn()
    (worker,) = [number for number in (0, 1) if bench.workers[number].batches]
    lose(bench, worker)
    bench.loop.turn()
    bench.workers[1 - worker].finish(bench.dispatcher)
    assert call.answers == [(200, b"answer to a")]
    assert bench.ended() == ["queue", "batch batched", "queue", "batch batched", "POST /batched"]
    first, second = (span for span in bench.spans if span.name == "batch batched")
    assert (first.status.is_ok, second.status.is_ok) == (False, True)
    assert first.end_time is not None
    assert [span.start_time for span in bench.spans if span.name == "queue"][1] == first.end_time


def test_request_that_is_refused_has_the_reason_in_its_span() -> None:
    bench = TracedBench(workers=0)
    (call,) = bench.submit("a")
    assert call.answers[0][0] == 503
    assert bench.ended() == ["POST /batched"]
    attributes = bench.spans[0].attributes or {}
    assert (attributes["bentoml.reason"], attributes["http.response.status_code"]) == ("no_worker", 503)


def test_request_whose_time_is_up_ends_its_span_at_once_and_its_batch_later() -> None:
    bench = TracedBench()
    (call,) = bench.submit("slow", timeout_ms=10)
    bench.loop.turn()
    bench.loop.advance(1.0)
    assert call.answers == [(408, b"Request timeout")]
    assert bench.ended() == ["queue", "POST /batched"]
    attributes = bench.spans[-1].attributes or {}
    assert (attributes["bentoml.reason"], attributes["bentoml.outcome"]) == ("timeout", "failed")
    bench.workers[0].finish(bench.dispatcher)
    assert bench.ended() == ["queue", "POST /batched", "batch batched"]


@pytest.mark.parametrize(("sample_rate", "draw", "is_traced"), [(0.5, 0.4, True), (0.5, 0.5, False), (1.0, 0.99, True)])
def test_share_of_the_requests_is_traced(sample_rate: float, draw: float, *, is_traced: bool) -> None:
    bench = TracedBench(sample_rate=sample_rate, draw=draw)
    (call,) = bench.submit("a")
    bench.loop.turn()
    bench.workers[0].finish(bench.dispatcher)
    assert (call.trace is not None) is is_traced
    assert bool(bench.spans) is is_traced


def test_cancelled_request_ends_its_span() -> None:
    bench = TracedBench()
    (call,) = bench.submit("a")
    bench.dispatcher.cancel(call)
    assert isinstance(call, RecordedCall)
    assert bench.ended() == ["POST /batched"]
    assert (bench.spans[0].attributes or {})["bentoml.outcome"] == "cancelled"
