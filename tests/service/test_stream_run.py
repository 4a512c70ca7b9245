"""Generator functions in one process: what is streamed, what is a whole answer, and what is an error."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from bentoml.adapters import JsonInput
from bentoml.exceptions import InvalidArgument
from bentoml.service.inference_api import InferenceAPI
from bentoml.service.stream_run import OpenStream, StreamBrokenError
from bentoml.service.user_function import FunctionKind, kind_of
from bentoml.types import HTTPHeaders, HTTPRequest, HTTPResponse, InferenceError, InferenceResult, InferenceTask

FAILURE = "Exception happened in API function: no luck"


def values(steps: list[Any]) -> Iterator[Any]:
    for step in steps:
        if step == "raise":
            raise ValueError("no luck")
        if step == "circle":
            circle: list[Any] = []
            circle.append(circle)
            yield circle
        elif isinstance(step, dict) and "status" in step:
            yield InferenceResult(
                data=step.get("data"), http_status=step["status"], http_headers=HTTPHeaders(step.get("headers"))
            )
        elif step == "refusal":
            yield InferenceError(http_status=422, err_msg="not this one")
        else:
            yield step


async def values_async(steps: list[Any]) -> AsyncIterator[Any]:
    for value in values(steps):
        await asyncio.sleep(0)
        yield value


def api_of(function: Callable[..., Any]) -> InferenceAPI:
    return InferenceAPI(None, "words", "", JsonInput(), function)


def request_of(value: Any, accept: str = "") -> HTTPRequest:
    return HTTPRequest([("Accept", accept)] if accept else None, json.dumps(value).encode())


BOTH = pytest.mark.parametrize("function", [values, values_async], ids=["plain", "async"])


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (len, FunctionKind.PLAIN),
        (asyncio.sleep, FunctionKind.COROUTINE),
        (values, FunctionKind.GENERATOR),
        (values_async, FunctionKind.ASYNC_GENERATOR),
        (functools.wraps(values)(lambda _: values([])), FunctionKind.GENERATOR),
        (functools.wraps(values_async)(lambda _: values_async([])), FunctionKind.ASYNC_GENERATOR),
        (functools.partial(values, []), FunctionKind.GENERATOR),
    ],
    ids=["plain", "coroutine", "generator", "async", "decorated", "decorated-async", "partial"],
)
def test_kind_of_function(function: Callable[..., Any], kind: FunctionKind) -> None:
    assert kind_of(function) is kind


@BOTH
def test_generator_with_batch_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(InvalidArgument, match=r"API 'words' is a generator function.*batch=False"):
        InferenceAPI(None, "words", "", JsonInput(), function, batch=True)


@BOTH
class TestWholeBody:
    """`handle_request` answers with the joined chunks."""

    @pytest.mark.parametrize(
        ("steps", "status", "body", "content_type"),
        [
            (["a", "", "b"], 200, b"ab", "text/plain; charset=utf-8"),
            ([{"a": 1}, 2], 200, b'{"a": 1}\n2\n', "application/x-ndjson"),
            ([], 200, b"", "text/plain; charset=utf-8"),
            ([{"status": 202, "headers": {"Content-Type": "text/csv"}}, "a,b"], 202, b"a,b", "text/csv"),
            ([{"status": 202, "data": "first "}, "second"], 202, b"first second", "text/plain; charset=utf-8"),
            ([{"status": 204}, "never"], 204, b"", "application/octet-stream"),
            (["refusal", "never"], 422, b"not this one", "text/plain; charset=utf-8"),
            (["raise"], 500, FAILURE.encode(), "text/plain; charset=utf-8"),
            (["a", "raise"], 500, FAILURE.encode(), "text/plain; charset=utf-8"),
        ],
        ids=["text", "json", "nothing", "headers", "result-with-data", "no-content", "refusal", "raise", "raise-later"],
    )
    def test_answer(
        self, function: Callable[..., Any], steps: list[Any], status: int, body: bytes, content_type: str
    ) -> None:
        response = api_of(function).handle_request(request_of(steps))
        if status != 204:
            assert response.headers["content-type"] == content_type
        assert (response.status, response.body) == (status, body)
        assert len(response.headers["x-request-id"]) == 36

    def test_events_when_they_are_accepted(self, function: Callable[..., Any]) -> None:
        response = api_of(function).handle_request(request_of(["a", 1], "text/event-stream"))
        assert response.body == b"data: a\n\ndata: 1\n\n"
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"

    def test_content_type_of_the_function_wins_over_events(self, function: Callable[..., Any]) -> None:
        steps = [{"status": 200, "headers": {"Content-Type": "text/csv"}}, "a"]
        response = api_of(function).handle_request(request_of(steps, "text/event-stream"))
        assert (response.body, response.headers["content-type"]) == (b"a", "text/csv")

    def test_tasks_are_answered_in_order(self, function: Callable[..., Any]) -> None:
        results = api_of(function).infer([InferenceTask(data=json.dumps([text])) for text in ("a", "raise", "b")])
        assert [(result.http_status, result.data) for result in results] == [(200, b"a"), (500, None), (200, b"b")]

    def test_aws_lambda_event_is_answered_with_one_body(self, function: Callable[..., Any]) -> None:
        answer = api_of(function).handle_aws_lambda_event({"body": '["a", {"b": 1}]'})
        assert (answer["statusCode"], answer["body"]) == (200, 'a{"b": 1}\n')

    def test_request_that_cannot_be_read_is_refused(self, function: Callable[..., Any]) -> None:
        assert api_of(function).handle_request(HTTPRequest(body=b"{")).status == 400

    def test_value_that_is_no_json_is_an_error(self, function: Callable[..., Any]) -> None:
        response = api_of(function).handle_request(request_of(["circle"]))
        assert response.status == 500
        assert response.body.startswith(b"Exception happened in API function: ")


@BOTH
class TestCommandLine:
    @pytest.mark.parametrize(
        ("steps", "code", "out", "err"),
        [
            (["a", "b\n"], 0, "ab\n", ""),
            (["a", "b"], 0, "ab\n", ""),
            ([{"x": 1}, 2], 0, '{"x": 1}\n2\n', ""),
            (["a", "raise"], 1, "a\n", f"{FAILURE}\n"),
            (["raise"], 1, "", f"{FAILURE}\n"),
            ([], 0, "\n", ""),
        ],
        ids=["lines", "unended-line", "json", "raise-later", "raise", "nothing"],
    )
    def test_chunks_are_printed(
        self,
        function: Callable[..., Any],
        steps: list[Any],
        code: int,
        out: str,
        err: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert api_of(function).handle_cli(["--input", json.dumps(steps)]) == code
        assert capsys.readouterr() == (out, err)


def test_chunk_is_printed_before_the_next_one_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def function(_: Any) -> Iterator[Any]:
        yield "one\n"
        seen.append(capsys.readouterr().out)
        yield "two\n"

    assert api_of(function).handle_cli(["--input", "1"]) == 0
    assert (seen, capsys.readouterr().out) == (["one\n"], "two\n")


def test_bytes_cut_inside_of_a_letter_are_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    def function(_: Any) -> Iterator[bytes]:
        yield "ü".encode()[:1]
        yield "ü".encode()[1:]

    assert api_of(function).handle_cli(["--input", "1"]) == 0
    assert capsys.readouterr().out == "ü\n"


class TestOpenStream:
    def open(self, function: Callable[..., Any], steps: Any = ()) -> OpenStream | HTTPResponse:
        async def run() -> OpenStream | HTTPResponse:
            return await api_of(function).open_stream_async(request_of(steps), "id")

        return asyncio.run(run())

    def test_generator_is_asked_for_one_value_at_a_time(self) -> None:
        asked: list[int] = []

        def function(_: Any) -> Iterator[str]:
            for number in range(3):
                asked.append(number)
                yield str(number)

        stream = self.open(function)
        assert isinstance(stream, OpenStream)
        assert asked == [0]
        assert asyncio.run(stream.read()) == b"0"
        assert asked == [0]
        assert asyncio.run(stream.read()) == b"1"
        assert asked == [0, 1]

    def test_closing_runs_what_the_generator_has_to_do_in_the_end(self, caplog: pytest.LogCaptureFixture) -> None:
        ended: list[str] = []

        def function(_: Any) -> Iterator[str]:
            try:
                yield "a"
            finally:
                ended.append("finally")
                raise RuntimeError("at the end")

        stream = self.open(function)
        assert isinstance(stream, OpenStream)
        asyncio.run(stream.close())
        assert ended == ["finally"]
        assert "at the end" in caplog.text

    @pytest.mark.parametrize("first", [InferenceResult(http_status=204), InferenceError("no")], ids=["empty", "error"])
    def test_generator_whose_answer_is_whole_is_closed(self, first: InferenceResult[Any]) -> None:
        ended: list[str] = []

        def function(_: Any) -> Iterator[Any]:
            try:
                yield first
                ended.append("asked for more")
            finally:
                ended.append("finally")

        assert isinstance(self.open(function), HTTPResponse)
        assert ended == ["finally"]

    def test_discarded_task_is_answered_with_its_error(self) -> None:
        def function(_: Any, task: InferenceTask[Any]) -> Iterator[str]:
            task.discard(http_status=409, err_msg="not now")
            yield "never"

        response = self.open(function)
        assert isinstance(response, HTTPResponse)
        assert (response.status, response.body) == (409, b"not now")

    @BOTH
    def test_probe_asks_for_the_first_value_only(self, function: Callable[..., Any]) -> None:
        # The second value would be an error.
        assert api_of(function).probe(request_of(["a", "raise"]), "id").status == 200
        assert api_of(function).probe(request_of(["raise"]), "id").status == 500

    def test_cancelled_reader_closes_the_generator(self) -> None:
        ended: list[str] = []

        async def function(_: Any) -> AsyncIterator[str]:
            try:
                yield "a"
                await asyncio.Event().wait()
            finally:
                ended.append("finally")

        async def run() -> None:
            reading = asyncio.create_task(api_of(function).handle_batch_request_async([request_of(1)]))
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert ended == ["finally"]

        asyncio.run(run())

    def test_result_in_mid_stream_is_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        stream = self.open(values, ["a", {"status": 200, "data": "b"}])
        assert isinstance(stream, OpenStream)
        with pytest.raises(StreamBrokenError, match="only the first value"):
            asyncio.run(stream.read_all())
        assert [record.levelno for record in caplog.records] == [logging.ERROR]

    def test_function_that_only_looks_like_a_generator_is_an_error(self) -> None:
        response = self.open(functools.wraps(values)(lambda _: ["a"]))
        assert isinstance(response, HTTPResponse)
        assert (response.status, response.body.decode()) == (
            500,
            "Exception happened in API function: a generator function must return a generator, not list",
        )
