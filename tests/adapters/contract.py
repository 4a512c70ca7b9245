"""The contract of adapters as test classes; each adapter subclasses one and names its samples."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import yaml

from bentoml.adapters.errors import ReturnLengthError
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPHeaders, HTTPRequest, InferenceResult, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bentoml.adapters import BaseInputAdapter, BaseOutputAdapter
    from bentoml.types import HTTPResponse

IDS = [f"request-{i}" for i in range(100)]


def api_of(adapter: BaseInputAdapter, function: Callable[..., Any], **settings: Any) -> InferenceAPI:
    """An API without a service."""
    return InferenceAPI(None, "predict", "", adapter, function, **settings)


def answers(responses: Sequence[HTTPResponse]) -> list[tuple[int, bytes, str]]:
    """Status, body and content type of each response."""
    return [(response.status, response.body, response.headers["content-type"]) for response in responses]


class InputAdapterContract:
    """Holds for every input adapter that takes `batch=True`.

    The members of `GOOD` and `MALFORMED` are texts. Where requests are something else, `content`, `value_words` and
    `file_words` say how a text becomes one.
    """

    CONTENT_TYPE: ClassVar[str] = "application/json"
    # Whether bodies are text, which the charset of the request says how to decode.
    IS_TEXT: ClassVar[bool] = True
    # Bodies that are answered differently from each other, and bodies that are refused with 400.
    GOOD: ClassVar[Sequence[str]]
    MALFORMED: ClassVar[Sequence[str]]
    # The beginning of the answer to a malformed body.
    REFUSAL: ClassVar[str]
    # One of GOOD and a text in its argument alone, for a function that raises when it sees it.
    GUILTY: ClassVar[tuple[str, str]]

    def adapter(self) -> BaseInputAdapter:
        """A new adapter."""
        raise NotImplementedError

    def answer(self, *arguments: Any, **_: Any) -> Any:
        """The user function: one value per element or row, which tells its input apart from others."""
        raise NotImplementedError

    def answer_one(self, *arguments: Any) -> Any:
        """The user function of an API with `batch=False`."""
        if self.adapter().JOINS_REQUESTS:
            return self.answer(*arguments)
        return self.answer(*([argument] for argument in arguments))[0]

    def content(self, body: str) -> bytes:
        """The body of the request that stands for a text."""
        return body.encode()

    def shown(self, arguments: Sequence[Any]) -> str:
        """The arguments of the function as text, in which the mark of the guilty one is looked for."""
        return str(arguments)

    def api(self) -> InferenceAPI:
        """An API over the adapter and `answer`."""
        return api_of(self.adapter(), self.answer, batch=True)

    def request(self, body: str | bytes, **headers: str) -> HTTPRequest:
        """A request with the content type of this suite."""
        content = self.content(body) if isinstance(body, str) else body
        return HTTPRequest({"Content-Type": self.CONTENT_TYPE, **headers}, content)

    def alone(self, body: str) -> tuple[int, bytes, str]:
        """The answer to a request that shares its batch with nobody."""
        return answers([self.api().handle_request(self.request(body))])[0]

    def test_batch_of_good_requests_answers_each_as_alone(self) -> None:
        responses = self.api().handle_batch_request([self.request(body) for body in self.GOOD])
        assert answers(responses) == [self.alone(body) for body in self.GOOD]
        assert {response.status for response in responses} == {200}
        assert len({response.body for response in responses}) == len(self.GOOD)

    def test_malformed_request_alone_is_refused(self) -> None:
        for body in self.MALFORMED:
            status, text, content_type = self.alone(body)
            assert (status, content_type) == (400, "text/plain; charset=utf-8"), body
            assert text.decode().startswith(self.REFUSAL), body

    def test_malformed_requests_among_good_ones_disturb_nobody(self) -> None:
        bodies = [body for pair in zip(self.MALFORMED, self.GOOD, strict=False) for body in pair]
        responses = self.api().handle_batch_request([self.request(body) for body in bodies])
        assert answers(responses) == [self.alone(body) for body in bodies]

    def test_bad_gzip_among_good_requests_disturbs_nobody(self) -> None:
        good = self.request(self.GOOD[0])
        bad = self.request(self.GOOD[1], **{"Content-Encoding": "gzip"})
        responses = self.api().handle_batch_request([good, bad, good])
        refusal = (400, b"Gzip decompression error", "text/plain; charset=utf-8")
        assert answers(responses) == [self.alone(self.GOOD[0]), refusal, self.alone(self.GOOD[0])]

    @pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
    def test_gzip_request_is_answered_as_plain(self, encoding: str) -> None:
        request = self.request(gzip.compress(self.content(self.GOOD[0])), **{"content-encoding": encoding})
        assert answers([self.api().handle_request(request)]) == [self.alone(self.GOOD[0])]

    def test_body_in_another_charset_is_answered_as_utf8(self) -> None:
        content = self.GOOD[0].encode("utf-16") if self.IS_TEXT else self.content(self.GOOD[0])
        request = HTTPRequest({"Content-Type": f"{self.CONTENT_TYPE}; charset=utf-16"}, content)
        assert answers([self.api().handle_request(request)]) == [self.alone(self.GOOD[0])]

    @pytest.mark.parametrize("charset", ["nonsense", "rot13", "ascii"])
    def test_body_that_is_no_text_in_its_charset_is_refused(self, charset: str) -> None:
        request = HTTPRequest({"Content-Type": f"{self.CONTENT_TYPE}; charset={charset}"}, b"\xff\xfe")
        without = self.api().handle_request(self.request(b"\xff\xfe")).status
        assert self.api().handle_request(request).status == (400 if self.IS_TEXT else without)

    def test_each_response_carries_its_own_request_id(self) -> None:
        bodies = [*self.GOOD, *self.MALFORMED]
        responses = self.api().handle_batch_request([self.request(body) for body in bodies], IDS[: len(bodies)])
        assert [response.headers.getlist("x-request-id") for response in responses] == [
            [one] for one in IDS[: len(bodies)]
        ]

    def test_guilty_request_alone_gets_the_error_of_the_function(self) -> None:
        body, mark = self.GUILTY

        def function(*arguments: Any) -> Any:
            is_guilty = mark in self.shown(arguments)
            value = self.answer(*arguments)  # which may use its arguments up
            if is_guilty:
                raise ValueError("no luck")
            return value

        api = api_of(self.adapter(), function, batch=True)
        responses = api.handle_batch_request([self.request(one) for one in self.GOOD])
        error = (500, b"Exception happened in API function: no luck", "text/plain; charset=utf-8")
        assert answers(responses) == [error if one == body else self.alone(one) for one in self.GOOD]

    def test_function_that_takes_tasks_gets_those_that_are_not_refused(self) -> None:
        seen: list[str] = []

        def function(*arguments: Any, tasks: list[InferenceTask[Any]]) -> Any:
            seen.extend(task.task_id for task in tasks)
            return self.answer(*arguments)

        bodies = [self.GOOD[0], self.MALFORMED[0], self.GOOD[1]]
        api_of(self.adapter(), function, batch=True).handle_batch_request(
            [self.request(one) for one in bodies], IDS[:3]
        )
        assert sorted(seen) == [IDS[0], IDS[2]]

    def test_async_function_gives_the_same_answers(self) -> None:
        async def function(*arguments: Any) -> Any:
            await asyncio.sleep(0)
            return self.answer(*arguments)

        api = api_of(self.adapter(), function, batch=True)
        bodies = [*self.GOOD, *self.MALFORMED]
        assert api.is_async
        responses = api.handle_batch_request([self.request(body) for body in bodies])
        assert answers(responses) == [self.alone(body) for body in bodies]

    def test_function_of_single_requests_gives_the_answers_of_a_batch(self) -> None:
        bodies = [*self.GOOD, *self.MALFORMED]
        single = api_of(self.adapter(), self.answer_one, batch=False)
        responses = single.handle_batch_request([self.request(body) for body in bodies])
        assert answers(responses) == [self.alone(body) for body in bodies]

    def events(self, body: str) -> list[dict[str, Any]]:
        """Lambda events that stand for the request."""
        headers = {"Content-Type": self.CONTENT_TYPE}
        content = self.content(body)
        events: list[dict[str, Any]] = [
            {"headers": headers, "body": content},
            {"headers": headers, "body": base64.b64encode(content).decode(), "isBase64Encoded": True},
        ]
        return [*events, {"headers": headers, "body": content.decode()}] if self.IS_TEXT else events

    def test_lambda_events_get_the_answers_of_http(self) -> None:
        for body in [*self.GOOD, *self.MALFORMED]:
            response = self.api().handle_request(self.request(body))
            headers = {name: value for name, value in response.headers.items() if name != "X-Request-Id"}
            for event in self.events(body):
                assert self.api().handle_aws_lambda_event(event) == {
                    "statusCode": response.status,
                    "body": response.body.decode(),
                    "headers": {**headers, "Access-Control-Allow-Origin": "*"},
                }

    def cli_format(self) -> list[str]:
        """Words that say what the input is, where it is not the default."""
        return []

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        """Words of the command line that give requests as values."""
        return ["--input", *bodies, *self.cli_format()]

    def file_content(self, body: str) -> bytes:
        """The file of the command line that stands for a text."""
        return self.content(body)

    def file_words(self, bodies: Sequence[str], directory: Path) -> list[str]:
        """Words of the command line that give requests as files."""
        names = []
        for i, body in enumerate(bodies):
            path = directory / f"{i}.txt"
            path.write_bytes(self.file_content(body))
            names.append(str(path))
        return ["--input-file", *names, *self.cli_format()]

    def test_command_line_values_print_the_answers_of_http(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.api().handle_cli(self.value_words(self.GOOD)) == 0
        printed = capsys.readouterr()
        assert printed.out.splitlines() == [self.alone(body)[1].decode() for body in self.GOOD]
        assert printed.err == ""

    def test_command_line_files_print_the_answers_of_http(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [*self.file_words(self.GOOD, tmp_path), "--max-batch-size", "2", "--unknown", "flag"]
        assert self.api().handle_cli(words) == 0
        assert capsys.readouterr().out.splitlines() == [self.alone(body)[1].decode() for body in self.GOOD]

    def test_command_line_with_a_malformed_value_prints_its_error_and_exits_with_1(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = self.value_words([self.GOOD[0], self.MALFORMED[0], self.GOOD[1]])
        assert self.api().handle_cli(words) == 1
        printed = capsys.readouterr()
        assert printed.out.splitlines() == [self.alone(body)[1].decode() for body in self.GOOD[:2]]
        assert printed.err == self.alone(self.MALFORMED[0])[1].decode() + "\n"

    def test_examples_of_the_schema_are_accepted(self) -> None:
        for content_type, media in self.adapter().request_schema.items():
            if "example" in media:
                example = media["example"]
                body = json.dumps(example) if content_type.endswith("/json") else str(example)
                request = HTTPRequest({"Content-Type": content_type.replace("*/*", "text/plain")}, body.encode())
                assert api_of(self.adapter(), self.answer, batch=True).handle_request(request).status == 200, example

    def test_description_is_plain_data(self) -> None:
        adapter = self.adapter()
        assert yaml.safe_load(yaml.safe_dump(adapter.config)) == adapter.config
        assert json.loads(json.dumps(adapter.request_schema)) == adapter.request_schema
        assert all(isinstance(one, str) for one in adapter.pip_dependencies)
        assert set(adapter.HTTP_METHODS) <= {"GET", "POST"}


class OutputAdapterContract:
    """Holds for every output adapter."""

    CONTENT_TYPE: ClassVar[str] = "application/json"

    def adapter(self) -> BaseOutputAdapter:
        """A new adapter."""
        raise NotImplementedError

    def values(self, count: int) -> Any:
        """What a user function returns for `count` rows."""
        raise NotImplementedError

    def bodies(self, rows_of_tasks: Sequence[int | None]) -> list[str]:
        """The bodies for tasks with so many rows each, None standing for one element."""
        tasks = [InferenceTask[Any](batch=rows) for rows in rows_of_tasks]
        results = self.adapter().pack_user_func_return_value(
            self.values(sum(1 if rows is None else rows for rows in rows_of_tasks)), tasks
        )
        assert len(results) == len(tasks)
        return [result.data.decode() if isinstance(result.data, bytes) else str(result.data) for result in results]

    def test_rows_are_cut_by_task(self) -> None:
        together = [json.loads(body) for body in self.bodies([2, 1, 3])]
        whole = json.loads(self.bodies([6])[0])
        assert [len(piece) for piece in together] == [2, 1, 3]
        assert [row for piece in together for row in piece] == whole

    @pytest.mark.parametrize("count", [0, 2, 4], ids=["none", "too few", "too many"])
    def test_value_of_another_length_is_an_error(self, count: int) -> None:
        tasks = [InferenceTask[Any](batch=1) for _ in range(3)]
        with pytest.raises(ReturnLengthError):
            self.adapter().pack_user_func_return_value(self.values(count), tasks)

    @pytest.mark.parametrize("value", [None, 3, "abc", {"a": 1}, b"abc"], ids=lambda value: type(value).__name__)
    def test_value_that_is_no_sequence_is_an_error(self, value: Any) -> None:
        tasks = [InferenceTask[Any]() for _ in range(3)]
        with pytest.raises(ReturnLengthError):
            self.adapter().pack_user_func_return_value(value, tasks)

    def test_results_share_no_headers(self) -> None:
        tasks = [InferenceTask[Any](batch=1) for _ in range(2)]
        first, second = self.adapter().pack_user_func_return_value(self.values(2), tasks)
        first.http_headers.add("X-One", "1")
        assert "x-one" not in second.http_headers
        assert "x-one" not in self.adapter().pack_user_func_return_value(self.values(2), tasks)[0].http_headers

    def test_content_type_of_data_is_that_of_the_adapter(self) -> None:
        (result,) = self.adapter().pack_user_func_return_value(self.values(1), [InferenceTask[Any](batch=1)])
        assert self.adapter().to_http_response(result).headers.content_type == self.CONTENT_TYPE

    @pytest.mark.parametrize(
        ("data", "content_type"),
        [("text", "text/plain; charset=utf-8"), (b"\xff", "application/octet-stream")],
        ids=["text", "bytes"],
    )
    def test_result_without_content_type_is_sent_as_what_it_is(self, data: Any, content_type: str) -> None:
        result = InferenceResult[Any](data=data, http_headers=HTTPHeaders({"X-Mine": "1"}))
        response = self.adapter().to_http_response(result)
        assert response.headers.to_json() == (("X-Mine", "1"), ("Content-Type", content_type))
        assert "content-type" not in result.http_headers

    def test_content_type_of_data_is_in_the_schema(self) -> None:
        (result,) = self.adapter().pack_user_func_return_value(self.values(1), [InferenceTask[Any](batch=1)])
        assert self.adapter().to_http_response(result).headers.content_type in self.adapter().response_schema

    def test_description_is_plain_data(self) -> None:
        adapter = self.adapter()
        assert yaml.safe_load(yaml.safe_dump(adapter.config)) == adapter.config
        assert json.loads(json.dumps(adapter.response_schema)) == adapter.response_schema
        assert all(isinstance(one, str) for one in adapter.pip_dependencies)
