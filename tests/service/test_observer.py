"""What an observer of an API is told, and that it costs no answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from bentoml.adapters import JsonInput
from bentoml.service.batch_run import UNEXPECTED_ERROR
from bentoml.service.inference_api import InferenceAPI
from bentoml.service.stream_run import OpenStream, StreamBrokenError
from bentoml.service.stream_tap import STOPPED
from bentoml.types import HTTPRequest, InferenceResult, InferenceTask


class Recording:
    """Keeps what it is told: (id, data, status, body or error) of each task, one list per batch."""

    def __init__(self, kept_stream_bytes: int = 6) -> None:
        self.kept_stream_bytes = kept_stream_bytes
        self.batches: list[list[tuple[Any, ...]]] = []
        self.streams: list[tuple[Any, ...]] = []

    def answered(self, tasks: Sequence[InferenceTask[Any]], results: Sequence[InferenceResult[Any]]) -> None:
        self.batches.append(
            [
                (task.task_id, task.data, result.http_status, result.err_msg or result.data)
                for task, result in zip(tasks, results, strict=True)
            ]
        )

    def streamed(self, task: InferenceTask[Any], result: InferenceResult[Any], size_bytes: int) -> None:
        self.streams.append((task.task_id, task.data, result.http_status, result.data, result.err_msg, size_bytes))


def observed(function: Callable[..., Any], batch: bool = False) -> tuple[InferenceAPI, Recording]:
    api, recording = InferenceAPI(None, "predict", "", JsonInput(), function, batch=batch), Recording()
    api.observe(recording)
    return api, recording


def request_of(body: bytes | str) -> HTTPRequest:
    return HTTPRequest(body=body.encode() if isinstance(body, str) else body)


def test_batch_is_told_once_with_each_task_beside_its_own_result() -> None:
    def function(values: list[Any], tasks: list[InferenceTask[Any]]) -> list[Any]:
        for task, value in zip(tasks, values, strict=True):
            if value == "away":
                task.discard("not this one", http_status=422)
        return [value for value in values if value != "away"]

    api, recording = observed(function, batch=True)
    bodies: list[str | bytes] = ['"a"', "{", '"away"', '"b"', b"\xff"]
    responses = api.respond([request_of(body) for body in bodies], list("12345"))
    assert [response.status for response in responses] == [200, 400, 422, 200, 400]
    assert recording.batches == [
        [
            ("1", '"a"', 200, '"a"'),
            ("2", "{", 400, "Not a valid JSON format"),
            ("3", '"away"', 422, "not this one"),
            ("4", '"b"', 200, '"b"'),
            ("5", b"\xff", 400, "the body is not utf-8 text"),
        ]
    ]


def test_single_and_coroutine_functions_are_told_like_batches() -> None:
    async def function(value: Any) -> Any:
        await asyncio.sleep(0)
        if value == 0:
            raise ValueError("no zero")
        return value

    api, recording = observed(function)
    api.respond([request_of("1"), request_of("0")], ["a", "b"])
    assert recording.batches == [[("a", "1", 200, "1"), ("b", "0", 500, "Exception happened in API function: no zero")]]


def test_request_that_a_server_does_not_take_part_in_is_not_told() -> None:
    api, recording = observed(lambda value: value)
    assert api.probe(request_of("1"), "warm").body == b"1"
    assert api.infer([InferenceTask(data="1")])[0].data == "1"
    assert recording.batches == []


def test_function_that_leaves_is_told_as_an_unexpected_error() -> None:
    def function(value: Any) -> Any:
        raise SystemExit(value)

    api, recording = observed(function)
    with pytest.raises(SystemExit):
        api.respond([request_of("1")], ["a"])
    assert recording.batches == [[("a", "1", 500, UNEXPECTED_ERROR)]]


def test_call_that_is_cancelled_is_not_told() -> None:
    async def run() -> None:
        begun = asyncio.Event()

        async def function(value: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

        api, recording = observed(function)
        calling = asyncio.ensure_future(api.respond_async([request_of("1")], ["a"]))
        await begun.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert recording.batches == []

    asyncio.run(run())


def test_observer_that_raises_costs_no_answer_and_is_logged_once_then_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Recording):
        def answered(self, tasks: Sequence[InferenceTask[Any]], results: Sequence[InferenceResult[Any]]) -> None:
            raise RuntimeError("no room")

    api = InferenceAPI(None, "predict", "", JsonInput(), lambda value: value)
    api.observe(Broken())
    for number in range(10):
        (response,) = api.respond([request_of(str(number))], ["id"])
        assert (response.status, response.body) == (200, str(number).encode())
    said = [record for record in caplog.records if record.name == "bentoml.service.observer"]
    assert [record.getMessage() for record in said] == [
        "API 'predict': an answer could not be recorded; further failures are counted",
        "API 'predict': answers could not be recorded 10 times",
    ]
    assert "no room" in caplog.text
    assert [bool(record.exc_info) for record in said] == [True, False]


def plain(pieces: list[Any]) -> Iterator[Any]:
    for piece in pieces:
        if piece == "raise":
            raise ValueError("no luck")
        if piece == "exit":
            raise SystemExit
        yield piece


async def concurrent(pieces: list[Any]) -> AsyncIterator[Any]:
    for piece in plain(pieces):
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("function", [plain, concurrent], ids=["plain", "async"])
class TestStreams:
    def follow(
        self, function: Callable[..., Any], read: Callable[[OpenStream], Awaitable[Any]], *pieces: Any
    ) -> list[tuple[Any, ...]]:
        """What is told about a stream that is read as a test wants."""
        api, recording = observed(function)

        async def run() -> None:
            opened = await api.open_stream_async(request_of(json.dumps(pieces)), "id")
            assert isinstance(opened, OpenStream)
            assert recording.streams == []
            await read(opened)

        asyncio.run(run())
        assert recording.batches == []
        return recording.streams

    def test_stream_is_told_when_it_has_ended_with_its_beginning_and_its_size(
        self, function: Callable[..., Any]
    ) -> None:
        async def read(opened: OpenStream) -> None:
            assert await opened.read_all() == b"fourfour" + b"x" * 100

        told = self.follow(function, read, "four", "four", "x" * 100)
        assert told == [("id", json.dumps(["four", "four", "x" * 100]), 200, b"fourfo", "", 108)]

    def test_stream_that_is_closed_early_is_told_with_what_was_sent(self, function: Callable[..., Any]) -> None:
        async def read(opened: OpenStream) -> None:
            assert await opened.read() == b"a"
            assert await opened.read() == b"b"
            await opened.close()  # without asking for more: nobody knows that the second piece was sent
            await opened.close()

        assert self.follow(function, read, "a", "b", "c") == [("id", '["a", "b", "c"]', 200, b"a", STOPPED, 1)]

    def test_stream_that_breaks_off_is_told_with_the_reason(self, function: Callable[..., Any]) -> None:
        async def read(opened: OpenStream) -> None:
            with pytest.raises(StreamBrokenError, match="no luck"):
                await opened.read_all()

        error = "Exception happened in API function: no luck"
        assert self.follow(function, read, "a", "raise") == [("id", '["a", "raise"]', 200, b"a", error, 1)]

    def test_event_that_says_why_a_stream_breaks_off_counts_as_sent(self, function: Callable[..., Any]) -> None:
        api, recording = observed(function)

        async def run() -> int:
            request = HTTPRequest({"accept": "text/event-stream"}, b'["a", "raise"]')
            opened = await api.open_stream_async(request, "id")
            assert isinstance(opened, OpenStream)
            with pytest.raises(StreamBrokenError) as caught:
                await opened.read_all()
            return len(b"data: a\n\n" + caught.value.last_piece)

        size_bytes = asyncio.run(run())
        assert recording.streams[0][-1] == size_bytes

    def test_stream_that_never_begins_is_told_as_a_whole_answer(self, function: Callable[..., Any]) -> None:
        api, recording = observed(function)
        for body in ('["raise"]', "[]", "{", b"\xff"):
            asyncio.run(api.open_stream_async(request_of(body), "id"))
        assert [batch[0][2:] for batch in recording.batches] == [
            (500, "Exception happened in API function: no luck"),
            (200, ""),
            (400, "Not a valid JSON format"),
            (400, "the body is not utf-8 text"),
        ]
        assert recording.batches[-1][0][1] == b"\xff"
        assert recording.streams == []

    def test_function_that_leaves_before_the_first_value_is_told(self, function: Callable[..., Any]) -> None:
        api, recording = observed(function)
        with pytest.raises(SystemExit):
            asyncio.run(api.open_stream_async(request_of('["exit"]'), "id"))
        assert recording.batches == [[("id", '["exit"]', 500, UNEXPECTED_ERROR)]]

    def test_collected_stream_is_told_once(self, function: Callable[..., Any]) -> None:
        api, recording = observed(function)
        (response,) = asyncio.run(api.respond_async([request_of('["a", "b"]')], ["id"]))
        assert response.body == b"ab"
        assert recording.streams == [("id", '["a", "b"]', 200, b"ab", "", 2)]
        assert recording.batches == []

    def test_probe_of_a_stream_is_not_told(self, function: Callable[..., Any]) -> None:
        api, recording = observed(function)
        asyncio.run(api.probe_async(request_of('["a", "b"]'), "warm"))
        assert recording.streams == []
        assert recording.batches == []
