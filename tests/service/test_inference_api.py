"""The pipeline: who is answered what, whatever happens on the way."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import math
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.adapters import BaseInputAdapter, BaseOutputAdapter, DataframeInput, DefaultOutput, JsonInput, JsonOutput
from bentoml.exceptions import BentoMLConfigException, InvalidArgument, NotFound, Unauthenticated
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPHeaders, HTTPRequest, HTTPResponse, InferenceResult, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MISMATCH = "The return values of Api Function doesn't match tasks"
UNEXPECTED = (
    "An error has occurred in BentoML user code when handling this request, find the error details in server logs"
)


def api_of(
    function: Callable[..., Any],
    batch: bool = True,
    source: BaseInputAdapter | None = None,
    target: BaseOutputAdapter | None = None,
) -> InferenceAPI:
    return InferenceAPI(None, "predict", "", source or JsonInput(), function, target, batch=batch)


def requests_of(*values: Any) -> list[HTTPRequest]:
    return [HTTPRequest(body=json.dumps(value).encode()) for value in values]


def answers(responses: Sequence[HTTPResponse]) -> list[tuple[int, str]]:
    return [(response.status, response.body.decode()) for response in responses]


class TestAttributes:
    def test_api_keeps_what_it_was_made_of(self) -> None:
        source, target, service = JsonInput(), JsonOutput(), object()
        api = InferenceAPI(service, "p", "text", source, len, target, 100, 7, True, "a/b")
        assert (api.service, api.name, api.doc, api.route) == (service, "p", "text", "a/b")
        assert (api.mb_max_latency, api.mb_max_batch_size, api.batch) == (100, 7, True)
        assert (api.input_adapter, api.output_adapter, api.user_func) == (source, target, len)
        assert list(api.methods) == ["POST", "GET"]

    def test_api_without_route_and_output_has_defaults(self) -> None:
        api = InferenceAPI(None, "p", "", JsonInput(), len)
        assert (api.route, type(api.output_adapter), api.batch, api.is_async) == ("p", DefaultOutput, False, False)


class TestErrors:
    def test_error_of_the_function_is_named_without_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        def function(values: list[Any]) -> Any:
            raise ValueError("no luck")

        (response,) = api_of(function).handle_batch_request(requests_of(1))
        assert answers([response]) == [(500, "Exception happened in API function: no luck")]
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert "Traceback" in caplog.text

    @pytest.mark.parametrize(
        ("error", "status"),
        [(InvalidArgument("bad"), 400), (NotFound("bad"), 404), (BentoMLConfigException("bad"), 500)],
        ids=lambda value: type(value).__name__,
    )
    @pytest.mark.parametrize("batch", [True, False])
    def test_our_error_in_the_function_has_its_status_when_the_client_is_to_blame(
        self, error: Exception, status: int, batch: bool
    ) -> None:
        def function(value: Any) -> Any:
            raise error

        responses = api_of(function, batch).handle_batch_request(requests_of(1))
        assert answers(responses) == [(status, "Exception happened in API function: bad")]

    def test_every_request_gets_the_error_when_the_function_always_fails(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        sizes: list[int] = []

        def function(values: list[Any]) -> Any:
            sizes.append(len(values))
            raise ValueError("no luck")

        responses = api_of(function).handle_batch_request(requests_of(*range(5)))
        assert {response.status for response in responses} == {500}
        assert sizes == [5, 2, 1, 1, 3, 1, 2, 1, 1]
        assert caplog.text.count("Traceback") == 1
        assert caplog.text.count("failed on request") == 5

    def test_guilty_requests_alone_get_the_error(self) -> None:
        def function(values: list[int]) -> list[float]:
            return [1 / value for value in values]

        responses = api_of(function).handle_batch_request(requests_of(1, 0, 2, 4, 0))
        error = (500, "Exception happened in API function: division by zero")
        assert answers(responses) == [(200, "1.0"), error, (200, "0.5"), (200, "0.25"), error]

    @pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
    def test_what_ends_the_process_is_not_swallowed(self, end: type[BaseException]) -> None:
        def function(values: list[Any]) -> Any:
            raise end

        with pytest.raises(end):
            api_of(function).handle_batch_request(requests_of(1, 2))

    def test_stop_iteration_in_the_function_is_an_error_like_any_other(self) -> None:
        (response,) = api_of(lambda values: next(iter([]))).handle_batch_request(requests_of(1))
        assert response.status == 500

    def test_data_that_cannot_be_sent_fails_alone(self) -> None:
        def function(values: list[Any]) -> Any:
            return [InferenceResult(data=value) for value in values]

        responses = api_of(function).handle_batch_request(requests_of("a", {"b": 1}))
        assert answers(responses) == [(200, "a"), (500, UNEXPECTED)]
        assert responses[1].headers["content-type"] == "text/plain; charset=utf-8"


class TestLength:
    @pytest.mark.parametrize(
        "value",
        [[1], [1, 2, 3], [], None, 5, "ab", {"a": 1, "b": 2}, (one for one in [1, 2])],
        ids=["few", "many", "none", "None", "number", "text", "dict", "generator"],
    )
    def test_value_of_another_length_fails_all(self, value: Any) -> None:
        responses = api_of(lambda values: value).handle_batch_request(requests_of(1, 2))
        assert answers(responses) == [(500, MISMATCH)] * 2

    @pytest.mark.parametrize("count", [2, 4])
    def test_rows_of_another_number_fail_all(self, count: int) -> None:
        api = api_of(lambda frame: [0] * count, source=DataframeInput())
        responses = api.handle_batch_request(requests_of([[1]], [[2], [3]]))
        assert answers(responses) == [(500, MISMATCH)] * 2

    def test_results_of_another_length_fail_all(self) -> None:
        responses = api_of(lambda values: [InferenceResult(data="x")]).handle_batch_request(requests_of(1, 2))
        assert answers(responses) == [(500, MISMATCH)] * 2


class TestDiscard:
    def test_discarded_request_is_answered_with_its_error_and_left_out(self) -> None:
        def function(values: list[int], tasks: list[InferenceTask[Any]]) -> list[int]:
            for value, task in zip(values, tasks, strict=True):
                if value < 0:
                    task.discard(http_status=400, err_msg=f"{value} is negative", http_headers={"X-Why": "sign"})
            return [value for value in values if value >= 0]

        responses = api_of(function).handle_batch_request(requests_of(1, -2, 3, -4))
        assert answers(responses) == [(200, "1"), (400, "-2 is negative"), (200, "3"), (400, "-4 is negative")]
        assert responses[1].headers["x-why"] == "sign"
        assert responses[1].headers["content-type"] == "text/plain; charset=utf-8"

    def test_returning_discarded_items_as_well_is_a_mismatch(self) -> None:
        def function(values: list[int], tasks: list[InferenceTask[Any]]) -> list[int]:
            tasks[0].discard(http_status=400, err_msg="no")
            return values

        assert answers(api_of(function).handle_batch_request(requests_of(1, 2))) == [(400, "no"), (500, MISMATCH)]

    def test_value_of_a_discarded_single_call_is_ignored(self) -> None:
        def function(value: int, task: InferenceTask[Any]) -> int:
            if value < 0:
                task.discard("no", http_status=418)
            return value

        assert answers(api_of(function, False).handle_batch_request(requests_of(-1, 1))) == [(418, "no"), (200, "1")]

    def test_function_is_not_called_when_nothing_is_left(self) -> None:
        def function(values: list[Any]) -> Any:
            pytest.fail("called")

        (response,) = api_of(function).handle_batch_request([HTTPRequest(body=b"{bad")])
        assert response.status == 400


class TestResults:
    def test_results_of_the_function_are_the_answers(self) -> None:
        def function(values: list[Any]) -> list[InferenceResult[Any]]:
            shared = HTTPHeaders({"Content-Type": "application/x-mine", "X-Request-Id": "not mine to set"})
            return [InferenceResult(http_status=201, data=json.dumps(value), http_headers=shared) for value in values]

        responses = api_of(function).handle_batch_request(requests_of({"a": 1}, 2), ["one", "two"])
        assert answers(responses) == [(201, '{"a": 1}'), (201, "2")]
        assert [response.headers.getlist("x-request-id") for response in responses] == [["one"], ["two"]]
        assert {response.headers["content-type"] for response in responses} == {"application/x-mine"}

    def test_result_without_status_is_200_and_plain_text(self) -> None:
        (response,) = api_of(lambda values: [InferenceResult(data="x")]).handle_batch_request(requests_of(1))
        assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")

    def test_results_among_values_answer_their_own_request(self) -> None:
        def function(values: list[Any]) -> list[Any]:
            return [InferenceResult(data="mine") if value else value for value in values]

        responses = api_of(function).handle_batch_request(requests_of(0, 1, 0))
        assert answers(responses) == [(200, "0"), (200, "mine"), (200, "0")]

    def test_results_among_rows_answer_their_own_request(self) -> None:
        api = api_of(lambda frame: [InferenceResult(data="mine"), 7], source=DataframeInput())
        assert answers(api.handle_batch_request(requests_of([[1]], [[2]]))) == [(200, "mine"), (200, "[7]")]
        responses = api.handle_batch_request(requests_of([[1]], [[2], [3]]))
        assert answers(responses) == [(200, "mine"), (500, MISMATCH)]

    def test_one_result_for_several_tasks_is_answered_to_each_under_its_own_id(self) -> None:
        result = InferenceResult[Any](data="same")
        results = api_of(lambda values: [result] * len(values)).infer(
            [InferenceTask(data="1", task_id="one"), InferenceTask(data="2", task_id="two")]
        )
        assert [(one.task_id, one.data) for one in results] == [("one", "same"), ("two", "same")]

    def test_single_function_may_return_a_result(self) -> None:
        responses = api_of(lambda value: InferenceResult(data="x", http_status=202), False).handle_batch_request(
            requests_of(1)
        )
        assert answers(responses) == [(202, "x")]


class TestTasksParameter:
    def test_batch_function_gets_the_tasks_it_is_asked_about(self) -> None:
        def function(values: list[Any], *, tasks: list[InferenceTask[Any]]) -> list[Any]:
            return [[task.task_id, task.http_method, task.http_headers["x-mine"]] for task in tasks]

        requests = [HTTPRequest({"X-Mine": str(i)}, b"1", method="GET") for i in range(2)]
        responses = api_of(function).handle_batch_request(requests, ["one", "two"])
        assert [json.loads(one.body) for one in responses] == [["one", "GET", "0"], ["two", "GET", "1"]]

    def test_single_function_gets_its_task(self) -> None:
        responses = api_of(lambda value, task: task.task_id, False).handle_batch_request(requests_of(1, 2), ["a", "b"])
        assert answers(responses) == [(200, '"a"'), (200, '"b"')]

    def test_parameter_of_that_name_that_takes_the_values_is_left_alone(self) -> None:
        assert answers(api_of(lambda tasks: tasks).handle_batch_request(requests_of(1))) == [(200, "1")]
        assert answers(api_of(lambda task: task, False).handle_batch_request(requests_of(1))) == [(200, "1")]

    def test_keyword_catch_all_is_no_request_for_tasks(self) -> None:
        def function(values: list[Any], **others: Any) -> list[Any]:
            return [sorted(others) for _ in values]

        assert answers(api_of(function).handle_batch_request(requests_of(1))) == [(200, "[]")]

    def test_function_without_signature_is_called_with_the_values(self) -> None:
        assert answers(api_of(functools.partial(map, str), False).handle_batch_request(requests_of([1])))[0][0] == 200


class TestAsync:
    def test_single_calls_run_concurrently(self) -> None:
        running = 0
        most = 0
        all_in = asyncio.Event()

        async def function(value: int) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == 3:
                all_in.set()
            await all_in.wait()
            running -= 1
            return value

        assert answers(api_of(function, False).handle_batch_request(requests_of(1, 2, 3))) == [
            (200, "1"),
            (200, "2"),
            (200, "3"),
        ]
        assert most == 3

    def test_guilty_single_calls_alone_get_the_error(self) -> None:
        async def function(value: int) -> float:
            await asyncio.sleep(0)
            return 1 / value

        responses = api_of(function, False).handle_batch_request(requests_of(1, 0, 2))
        assert [response.status for response in responses] == [200, 500, 200]

    def test_pipeline_inside_a_running_loop_answers(self) -> None:
        async def function(values: list[int]) -> list[int]:
            await asyncio.sleep(0)
            return values

        api = api_of(function)
        assert api.is_async
        responses = asyncio.run(api.handle_batch_request_async(requests_of(1, 2), ["a", "b"]))
        assert answers(responses) == [(200, "1"), (200, "2")]

    def test_plain_function_in_the_async_pipeline_answers(self) -> None:
        responses = asyncio.run(api_of(lambda values: values).handle_batch_request_async(requests_of(1)))
        assert answers(responses) == [(200, "1")]

    def test_cancelled_pipeline_is_cancelled(self) -> None:
        async def function(values: list[int]) -> list[int]:
            await asyncio.Event().wait()
            return values

        async def cancel() -> None:
            task = asyncio.create_task(api_of(function).handle_batch_request_async(requests_of(1, 2)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancel())

    def test_call_that_cancels_itself_costs_its_mates_nothing(self) -> None:
        async def function(values: list[int]) -> list[int]:
            if 1 in values:
                raise asyncio.CancelledError
            return values

        if sys.version_info < (3, 11):
            # Tasks cannot tell yet who has cancelled them.
            with pytest.raises(asyncio.CancelledError):
                api_of(function).handle_batch_request(requests_of(0, 1, 2))
            return
        responses = api_of(function).handle_batch_request(requests_of(0, 1, 2))
        text = "Exception happened in API function: the call was cancelled by code of its own"
        assert answers(responses) == [(200, "0"), (500, text), (200, "2")]

    def test_coroutine_function_behind_a_decorator_is_async(self) -> None:
        async def function(values: list[int]) -> list[int]:
            return values

        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        assert api_of(wrapper).is_async
        assert answers(api_of(wrapper).handle_batch_request(requests_of(1))) == [(200, "1")]

    def test_plain_function_that_returns_something_to_wait_for_is_explained(self) -> None:
        async def later(values: list[int]) -> list[int]:
            await asyncio.sleep(0)
            return values

        def function(values: list[int]) -> Any:
            return later(values)

        with pytest.raises(RuntimeError, match="async def"):
            api_of(function).handle_batch_request(requests_of(1))

    def test_command_line_runs_on_one_loop(self, capsys: pytest.CaptureFixture[str]) -> None:
        loops = set()

        async def function(value: Any) -> Any:
            loops.add(asyncio.get_running_loop())
            return value

        assert api_of(function, False).handle_cli(["--input", "1", "2", "3", "--max-batch-size", "1"]) == 0
        assert (capsys.readouterr().out, len(loops)) == ("1\n2\n3\n", 1)


class TestRequestId:
    def test_ids_when_not_given_are_made(self) -> None:
        responses = api_of(lambda values: values).handle_batch_request(requests_of(1, 2))
        ids = [response.headers["x-request-id"] for response in responses]
        assert len(set(ids)) == 2
        assert all(len(one) == 36 for one in ids)

    def test_tasks_without_id_are_given_one(self) -> None:
        results = api_of(lambda values: values).infer([InferenceTask(data="1", task_id="")])
        assert len(results[0].task_id) == 36


class Positive(JsonInput):
    """An adapter of a user, with faults that the value asks for."""

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[str]:
        errors = {
            b"1001": InvalidArgument("odd"),
            b"1002": Unauthenticated("who?"),
            b"1003": BentoMLConfigException("x"),
        }
        if req.body in errors:
            raise errors[req.body]
        if req.body == b"1004":
            raise OSError("disk")
        return super().from_http_request(req)

    def validate_task(self, task: InferenceTask[Any]) -> None:
        if str(task.data).startswith("-"):  # pytest would add to the text of an assert statement
            raise AssertionError("only positive numbers")
        if task.data == "1005":
            raise OSError("disk")

    def group_tasks(self, tasks: Sequence[InferenceTask[Any]]) -> list[list[InferenceTask[Any]]]:
        if any(task.data == "1006" for task in tasks):
            raise OSError("disk")
        return super().group_tasks(tasks)

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any]]:
        if any(task.data == "1007" for task in tasks):
            raise OSError("disk")
        return super().extract_user_func_args(tasks)


class Fragile(JsonOutput):
    """An output adapter of a user, with faults that the value asks for."""

    _shared = HTTPHeaders({"Content-Type": "text/x-mine"})

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        if 1008 in return_result:
            raise OSError("disk")
        return super().pack_user_func_return_value(return_result, tasks)

    def to_http_response(self, result: InferenceResult[Any]) -> HTTPResponse:
        return HTTPResponse(result.http_status, self._shared, result.err_msg or result.data or "")


class TestAdaptersOfUsers:
    @pytest.mark.parametrize(
        ("value", "answer"),
        [
            (-1, (400, "only positive numbers")),
            (1001, (400, '{"message": "BentoService error handling API request: odd"}')),
            (1002, (401, '{"message": "BentoService error handling API request: who?"}')),
            (1003, (500, "")),
            (1004, (500, UNEXPECTED)),
            (1005, (500, UNEXPECTED)),
            (1006, (500, UNEXPECTED)),
            (1007, (500, UNEXPECTED)),
            (1008, (500, UNEXPECTED)),
        ],
    )
    def test_fault_of_an_adapter_is_answered_to_the_request_that_met_it(
        self, value: int, answer: tuple[int, str]
    ) -> None:
        api = api_of(lambda values: values, source=Positive(), target=Fragile())
        assert answers(api.handle_batch_request(requests_of(1, value, 2))) == [(200, "1"), answer, (200, "2")]

    def test_message_of_our_errors_is_json(self) -> None:
        (response,) = api_of(lambda values: values, source=Positive()).handle_batch_request(requests_of(1001))
        assert response.headers["content-type"] == "application/json"

    def test_headers_that_an_adapter_shares_do_not_mix_request_ids(self) -> None:
        responses = api_of(lambda values: values, target=Fragile()).handle_batch_request(requests_of(1, 2), ["a", "b"])
        assert [response.headers.getlist("x-request-id") for response in responses] == [["a"], ["b"]]

    def test_results_fewer_than_tasks_fail_all(self) -> None:
        class Short(JsonOutput):
            def pack_user_func_return_value(self, return_result: Any, tasks: Any) -> list[InferenceResult[Any]]:
                return super().pack_user_func_return_value(return_result, tasks)[:1]

        responses = api_of(lambda values: values, target=Short()).handle_batch_request(requests_of(1, 2))
        assert answers(responses) == [(500, MISMATCH)] * 2

    def test_adapters_with_constructors_of_their_own_need_not_call_the_base(self) -> None:
        class OwnInput(Positive):
            def __init__(self) -> None: ...

            @property
            def request_schema(self) -> dict[str, Any]:
                return {"application/json": {"schema": {}}}

        class OwnOutput(BaseOutputAdapter):
            def __init__(self) -> None: ...

        api = api_of(lambda values: [InferenceResult(data="x")] * len(values), source=OwnInput(), target=OwnOutput())
        assert answers(api.handle_batch_request(requests_of(1))) == [(200, "x")]
        assert api.request_schema == {"application/json": {"schema": {}}}
        assert (api.input_adapter.config, api.output_adapter.config) == ({}, {})

    def test_fault_while_reading_a_lambda_event_is_answered(self) -> None:
        api = api_of(lambda values: values, source=Positive())
        assert api.handle_aws_lambda_event({"body": "1001"})["statusCode"] == 400
        assert api.handle_aws_lambda_event({"body": "%%", "isBase64Encoded": True})["statusCode"] == 400
        assert api.handle_aws_lambda_event({"body": 7})["statusCode"] == 400


class TestCommandLine:
    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["--input"],
            ["--input", "1", "--input-file", "a"],
            ["--input", "1", "--max-batch-size", "x"],
            ["--input", "1", "--max-batch-size", "0"],
            ["--input", "1", "-o", "xml"],
        ],
        ids=" ".join,
    )
    def test_misuse_exits_with_2(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert api_of(lambda values: values).handle_cli(words) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("Error: ")

    def test_max_batch_size_splits_the_job(self, capsys: pytest.CaptureFixture[str]) -> None:
        sizes: list[int] = []

        def function(values: list[Any]) -> list[Any]:
            sizes.append(len(values))
            return values

        assert api_of(function).handle_cli(["--max-batch-size", "2", "--input", "1", "-2", "3"]) == 0
        assert (sizes, capsys.readouterr().out) == ([2, 1], "1\n-2\n3\n")

    def test_file_that_cannot_be_read_fails_alone(self, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "a.json").write_text("7")
        assert (
            api_of(lambda values: values).handle_cli(
                ["--input-file", str(tmp_path / "none.json"), str(tmp_path / "a.json")]
            )
            == 1
        )
        printed = capsys.readouterr()
        assert printed.out == "7\n"
        assert "none.json cannot be read" in printed.err

    def test_output_format_str_prints_the_object(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert api_of(lambda values: values).handle_cli(["--input", '"a"', "null", "-o", "str"]) == 0
        assert capsys.readouterr().out == "a\nNone\n"


class TestSize:
    def test_gzip_that_grows_beyond_the_limit_is_413(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        import gzip

        config = tmp_path / "config.yml"
        config.write_text("bento_server:\n  max_request_size: 1000\n")
        monkeypatch.setenv("BENTOML_CONFIG", str(config))
        api = api_of(lambda values: [len(value) for value in values])
        for size, status in [(998, 200), (999, 413), (10_000_000, 413)]:
            body = gzip.compress(json.dumps("a" * size).encode())
            (response,) = api.handle_batch_request([HTTPRequest({"Content-Encoding": "gzip"}, body)])
            assert response.status == status

    def test_large_table_is_answered(self) -> None:
        rows = [[float(i), i] for i in range(20_000)]
        api = api_of(lambda frame: frame.sum(axis=1), source=DataframeInput())
        (response,) = api.handle_batch_request(requests_of(rows))
        assert math.isclose(json.loads(response.body)[-1]["0"], 2 * 19_999)


class TestHalfSurrogates:
    """JSON can write them, UTF-8 cannot."""

    def test_value_with_one_is_answered_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        api = api_of(lambda values: values)
        body = b'"\\ud800"'
        assert [one.body for one in api.handle_batch_request([HTTPRequest(body=body)])] == [body]
        assert api.handle_cli(["--input", body.decode()]) == 0
        assert capsys.readouterr().out == body.decode() + "\n"

    def test_error_with_one_keeps_its_status(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL, "bentoml")  # workers of pytest cannot pass on a log that holds one

        def function(values: list[str]) -> Any:
            raise InvalidArgument(values[0])

        (response,) = api_of(function).handle_batch_request([HTTPRequest(body=b'"\\ud800"')])
        assert answers([response]) == [(400, "Exception happened in API function: \\ud800")]

    def test_table_with_one_disturbs_nobody(self) -> None:
        bodies = [b'[{"a": "x"}]', b'[{"a": "\\ud800"}]', b'[{"\\ud800": 1}]', b'[{"a": "y"}]']
        api = api_of(lambda frame: frame.iloc[:, 0].tolist(), source=DataframeInput())
        responses = api.handle_batch_request([HTTPRequest(body=body) for body in bodies])
        # A text type backed by Arrow cannot hold it.
        assert [response.status for response in responses] in ([200] * 4, [200, 400, 400, 200])


@pytest.fixture(autouse=True)
def _log_is_captured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bentoml")
