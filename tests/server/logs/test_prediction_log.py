"""Records of predictions: one line of JSON per request, with the right pairs and without secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bentoml
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.configuration.schema import PredictionLogging
from bentoml.server.logs.prediction_log import PredictionLog, configured_settings, record_predictions
from bentoml.server.logs.record_text import MANY_VALUES, NOT_JSON
from bentoml.server.transport.wire_request import requests_of
from bentoml.service import InferenceAPI
from bentoml.types import HTTPHeaders, HTTPRequest, InferenceError, InferenceResult, InferenceTask
from tests.adapters.open_inference.messages import binary_tensor, infer_request, json_tensor

SECRET = "hush4711"


class Watched(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(columns=["a", "pin"]), batch=True)
    def total(self, frame: Any) -> Any:
        return frame["a"].to_numpy()

    @bentoml.api(input=JsonInput(), batch=True)
    def echo(self, values: list[Any]) -> list[Any]:
        if "boom" in values:
            raise ValueError(f"no {SECRET} boom")
        return values

    @bentoml.api(input=JsonInput())
    def words(self, values: list[Any]) -> Iterator[Any]:
        yield from values

    @bentoml.api(input=JsonInput(), batch=True)
    def results(self, values: list[Any]) -> list[Any]:
        return [
            InferenceResult(data=b"\xff\x00", http_status=201, http_headers=HTTPHeaders({"X-Pin": SECRET}))
            for _ in values
        ]


class Log:
    """The records that were sent, and how."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, channel: str, lines: bytes, count: int) -> None:
        assert channel == "bentoml.prediction"
        assert lines.endswith(b"\n")
        assert lines.isascii()
        assert lines.count(b"\n") == count
        self.sent.append(lines)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.sent).splitlines()]


@pytest.fixture(scope="module")
def service() -> Watched:
    service = Watched()
    service.set_version("1.5")
    return service


def api_of(service: Watched, name: str, log: Log, **values: Any) -> InferenceAPI:
    record_predictions(service, PredictionLogging(**values), log.send)
    return service.get_inference_api(name)


def wire_requests(*bodies: str | bytes, fields: bytes = b"content-type: application/json\r\n") -> list[HTTPRequest]:
    """As a worker gets them: of one connection, with one head."""
    contents = [body.encode() if isinstance(body, str) else body for body in bodies]
    return requests_of([["POST", "/", "", fields]], [["", 0, "127.0.0.1", content] for content in contents])


def test_record_of_a_request_has_all_its_parts(service: Watched) -> None:
    log = Log()
    api = api_of(service, "total", log)
    api.respond(wire_requests("[[3, 4]]", "[[5, 6], [7, 8]]"), ["one", "two"])
    first, second = log.records
    asctime = first.pop("asctime")
    assert first == {
        "service_name": "Watched",
        "service_version": "1.5",
        "api": "total",
        "task": {
            "data": "[[3, 4]]",
            "task_id": "one",
            "http_headers": [["content-type", "application/json"]],
            "batch": 1,
        },
        "result": {
            "data": "[3]",
            "http_status": 200,
            "http_headers": [["Content-Type", "application/json"], ["Vary", "Accept"]],
        },
        "request_id": "one",
    }
    assert asctime[4] == asctime[7] == "-"
    assert (second["request_id"], second["task"]["batch"], second["result"]["data"]) == ("two", 2, "[5, 7]")
    assert len(log.sent) == 1


def test_records_of_discarded_tasks_stand_beside_their_own_errors(service: Watched) -> None:
    log = Log()
    api_of(service, "echo", log).respond(wire_requests("1", "{", '"boom"', b"\xff", "5"), list("abcde"))
    assert [(record["request_id"], record["task"].get("is_discarded", False)) for record in log.records] == [
        ("a", False),
        ("b", True),
        ("c", True),
        ("d", True),
        ("e", False),
    ]
    results = [record["result"] for record in log.records]
    assert [result["http_status"] for result in results] == [200, 400, 500, 400, 200]
    assert [result.get("data") for result in results] == ["1", None, None, None, "5"]
    assert results[1]["err_msg"] == "Not a valid JSON format"
    assert results[2]["err_msg"] == f"Exception happened in API function: no {SECRET} boom"


def test_record_of_an_own_result_has_its_status_its_headers_and_its_bytes(service: Watched) -> None:
    log = Log()
    api = api_of(service, "results", log, redact_headers=["x-pin", "Authorization"])
    api.respond(wire_requests("1", fields=b"authorization: Bearer hush4711\r\n"), ["a"])
    (record,) = log.records
    assert record["task"]["http_headers"] == [["authorization", "[redacted]"]]
    assert record["result"] == {
        "data": "/wA=",
        "data_encoding": "base64",
        "http_status": 201,
        "http_headers": [["X-Pin", "[redacted]"]],
    }


def test_record_of_a_stream_is_written_at_its_end_and_cut(service: Watched) -> None:
    log = Log()
    api = api_of(service, "words", log, max_field_bytes=9)
    api.respond(wire_requests('["ab", "c"]', '["abcdef", "ghijkl"]'), ["a", "b"])
    first, second = log.records
    assert first["task"]["data_truncated_from_bytes"] == 11
    assert (first["result"]["data"], first["result"]["http_status"]) == ("abc", 200)
    assert "data_truncated_from_bytes" not in first["result"]
    assert (second["result"]["data"], second["result"]["data_truncated_from_bytes"]) == ("abcdefghi", 12)


def test_redacted_fields_show_neither_in_data_nor_in_answers_nor_in_errors(service: Watched) -> None:
    log = Log()
    bodies = ('{"PIN": "hush4711"}', '[{"a": [{"pin": {"x": "hush4711"}}]}]', '{"pin": "hush4711"', '"boom"')
    api_of(service, "echo", log, redact_fields=["pin"]).respond(wire_requests(*bodies), list("abcd"))
    assert SECRET.encode() not in b"".join(log.sent)
    tasks, results = ([record[part] for record in log.records] for part in ("task", "result"))
    assert (tasks[0]["data"], results[0]["data"]) == ('{"PIN": "[redacted]"}', '{"PIN": "[redacted]"}')
    assert (tasks[2]["data"], tasks[2]["data_omitted"]) == (None, NOT_JSON)
    assert (results[3]["err_msg"], results[3]["err_msg_omitted"]) == (None, NOT_JSON)


def test_redacted_column_of_bare_rows_is_known_from_the_adapter(service: Watched) -> None:
    log = Log()
    api_of(service, "total", log, redact_fields=["pin"]).respond(wire_requests("[[1, 4711]]"), ["a"])
    assert log.records[0]["task"]["data"] == '[[1, "[redacted]"]]'


def model_request(document: Any, tail: bytes | None = None) -> HTTPRequest:
    return infer_request(document, tail, "/v2/models/Watched.total/infer")


def test_record_of_tensors_is_what_json_would_have_said(service: Watched) -> None:
    log = Log()
    api = api_of(service, "total", log)
    described, content = binary_tensor("x", "FP32", [[3, 4], [5, 6]])
    document = {"inputs": [described], "parameters": {"binary_data_output": True}}
    api.respond([model_request(document, content), *wire_requests("[[7, 8]]")], ["one", "two"])
    first, second = log.records
    assert json.loads(first["task"]["data"]) == {"columns": ["a", "pin"], "data": [[3.0, 4.0], [5.0, 6.0]]}
    assert (first["task"]["batch"], first["result"]["data"], first["result"]["http_status"]) == (2, "[3.0, 5.0]", 200)
    assert second["task"]["data"] == "[[7, 8]]"


def test_record_of_many_tensor_values_says_so(service: Watched) -> None:
    log = Log()
    described, content = binary_tensor("x", "FP32", [[3, 4]] * 100)
    api = api_of(service, "total", log, max_field_bytes=64)
    api.respond([model_request({"inputs": [described]}, content)], ["one"])
    (record,) = log.records
    assert (record["task"]["data"], record["task"]["data_omitted"]) == (None, MANY_VALUES)
    assert (record["result"]["data"], record["result"]["data_omitted"]) == (None, MANY_VALUES)


SECRET_TENSORS: dict[str, Any] = {
    "columns": [json_tensor("a", "INT64", [1]), json_tensor("pin", "BYTES", [SECRET])],
    "rows": [json_tensor("x", "BYTES", [["1", SECRET]])],
    "refused columns": [json_tensor("a", "INT64", [1, 2]), json_tensor("pin", "BYTES", [SECRET])],
    "refused rows": [{**json_tensor("x", "BYTES", [["1", SECRET]]), "shape": [9]}],
}


@pytest.mark.parametrize("tensors", SECRET_TENSORS.values(), ids=SECRET_TENSORS)
def test_redacted_column_shows_in_no_tensor(service: Watched, tensors: Any) -> None:
    log = Log()
    api = api_of(service, "total", log, redact_fields=["PIN"])
    api.respond([model_request({"inputs": tensors})], ["one"])
    assert SECRET.encode() not in b"".join(log.sent)
    assert len(log.records) == 1


def test_sampling_asks_for_each_request_and_0_records_nothing(service: Watched) -> None:
    log = Log()
    chances = iter([0.1, 0.5, 0.3, 0.49])
    api = service.get_inference_api("echo")
    api.observe(PredictionLog(service, api, PredictionLogging(sample_rate=0.5), log.send, chances.__next__))
    api.respond(wire_requests("1", "2", "3", "4"), list("abcd"))
    assert [record["request_id"] for record in log.records] == ["a", "c", "d"]
    fresh = Watched()
    record_predictions(fresh, PredictionLogging(sample_rate=0), log.send)
    fresh.get_inference_api("echo").respond(wire_requests("1"), ["z"])
    assert len(log.records) == 3


def test_sampling_of_the_same_id_again_and_again_follows_the_rate(service: Watched) -> None:
    log = Log()
    api = api_of(service, "echo", log, sample_rate=0.5)
    api.respond(wire_requests(*["1"] * 400), ["same"] * 400)
    # 12 standard deviations of 10 around the mean of 200.
    assert 80 < len(log.records) < 320


def test_large_batch_is_sent_in_parts_of_whole_lines(service: Watched) -> None:
    log = Log()
    api = api_of(service, "echo", log)
    api.respond(wire_requests(*[json.dumps("x" * 9000)] * 64), [str(number) for number in range(64)])
    assert [record["request_id"] for record in log.records] == [str(number) for number in range(64)]
    assert len(log.sent) > 1
    assert max(map(len, log.sent)) < 300_000


def test_record_that_cannot_be_made_costs_none_of_its_batch(service: Watched) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    log = Log()
    api = service.get_inference_api("echo")
    observer = PredictionLog(service, api, PredictionLogging(), log.send)
    tasks: list[InferenceTask[Any]] = [InferenceTask(data="1", task_id=str(number)) for number in range(3)]
    results: list[InferenceResult[Any]] = [InferenceResult(data="2") for _ in tasks]
    results[1].http_status = Odd()  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="no text"):
        observer.answered(tasks, results)
    assert [record["request_id"] for record in log.records] == ["0", "2"]


@pytest.mark.parametrize(
    ("status", "written"), [(204, 204), ("201", 201), (None, "None"), (True, 1), ("odd", "odd")], ids=str
)
def test_status_that_is_no_number_stays_in_the_record(service: Watched, status: Any, written: Any) -> None:
    log = Log()
    observer = PredictionLog(service, service.get_inference_api("echo"), PredictionLogging(), log.send)
    observer.answered([InferenceTask(data="1", task_id="a")], [InferenceResult(data="2", http_status=status)])
    assert log.records[0]["result"]["http_status"] == written


texts = st.text() | st.text(st.characters(codec="ascii")) | st.just("\ud800") | st.just('{"pin": "hush4711"}')
bodies = st.none() | texts | st.binary() | st.lists(texts, max_size=3) | st.dictionaries(texts, texts, max_size=3)
headers = st.lists(st.tuples(texts, texts), max_size=3).map(HTTPHeaders)
tasks_strategy = st.builds(
    InferenceTask,
    data=bodies,
    task_id=texts,
    http_headers=headers,
    batch=st.none() | st.integers(0, 9),
    is_discarded=st.booleans(),
)
results_strategy: st.SearchStrategy[InferenceResult[Any]] = st.builds(
    InferenceResult, data=bodies, err_msg=texts, http_headers=headers, http_status=st.integers()
) | st.builds(InferenceError, err_msg=texts)


@settings(deadline=None)
@given(st.lists(st.tuples(tasks_strategy, results_strategy), max_size=4), st.integers(0, 50), st.booleans())
def test_records_of_whatever_data_are_one_line_of_json_each(
    pairs: list[tuple[InferenceTask[Any], InferenceResult[Any]]], max_bytes: int, redacts: bool
) -> None:
    log, service = Log(), Watched()
    fields = ["pin"] if redacts else []
    watched = PredictionLogging(max_field_bytes=max_bytes, redact_fields=fields)
    observer = PredictionLog(service, service.get_inference_api("echo"), watched, log.send)
    observer.answered([task for task, _ in pairs], [result for _, result in pairs])
    assert len(log.records) == len(pairs)
    for record, (task, result) in zip(log.records, pairs, strict=True):
        assert record["request_id"] == record["task"]["task_id"] == task.task_id
        assert record["result"]["http_status"] == result.http_status


secrets = st.recursive(
    st.just({"pin": SECRET}),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(), inner, min_size=1, max_size=3),
    max_leaves=5,
).map(json.dumps)


@settings(deadline=None)
@given(
    st.lists(secrets | st.builds("{}{}".format, secrets, st.text(max_size=3)), min_size=1, max_size=4),
    st.integers(0, 200),
)
def test_redacted_value_never_shows_also_in_text_that_is_no_json(given_bodies: list[str], max_bytes: int) -> None:
    log, service = Log(), Watched()
    values = PredictionLogging(max_field_bytes=max_bytes, redact_fields=["pin"])
    record_predictions(service, values, log.send)
    for name in ("echo", "words"):
        ids = [str(number) for number in range(len(given_bodies))]
        service.get_inference_api(name).respond(wire_requests(*given_bodies), ids)
    assert len(log.records) == 2 * len(given_bodies)
    assert SECRET.encode() not in b"".join(log.sent)


def test_observer_works_from_coroutines_as_well() -> None:
    async def function(value: Any) -> Any:
        await asyncio.sleep(0)
        return value

    service, log = Watched(), Log()
    api = InferenceAPI(service, "later", "", JsonInput(), function)
    api.observe(PredictionLog(service, api, PredictionLogging(), log.send))
    asyncio.run(api.respond_async(wire_requests("1", "2"), ["a", "b"]))
    assert [record["result"]["data"] for record in log.records] == ["1", "2"]


@pytest.mark.parametrize(
    ("config", "is_written"),
    [
        ("", True),
        ("prediction: {enabled: false}", False),
        ("console: {enabled: false}", True),
        ("file: {enabled: false}", True),
        ("{file: {enabled: false}, console: {enabled: false}}", False),
        ("{file: {enabled: false}, prediction: {console: false}}", False),
        ("{file: {enabled: false}, console: {enabled: false}, advanced: {enabled: true}}", True),
    ],
)
def test_settings_are_those_of_the_configuration_unless_nothing_would_be_written(
    bentoml_home: Path, config: str, is_written: bool
) -> None:
    if config:
        config = config if config.startswith("{") else f"{{{config}}}"
        (bentoml_home / "bentoml.yml").write_text(f"logging: {config}\n", encoding="utf-8")
    assert (configured_settings() is not None) is is_written


def test_settings_of_a_quiet_server_need_a_file(bentoml_home: Path) -> None:
    assert configured_settings(quiet=True) == PredictionLogging()
    (bentoml_home / "bentoml.yml").write_text("logging: {file: {enabled: false}}\n", encoding="utf-8")
    assert configured_settings(quiet=True) is None
