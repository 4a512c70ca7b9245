"""The logs of predictions and feedback, as a real server leaves them behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.live import LiveServer, live_server, metric, save_bundle

SERVICE = """
import asyncio
import threading

import bentoml
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.types import InferenceResult


class Logged(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(http_input_example=[[0, 0]]), batch=True)
    def total(self, df):
        return df.sum(axis=1).to_numpy()

    @bentoml.api(input=JsonInput(), batch=True)
    def picky(self, objs, tasks):
        for obj, task in zip(objs, tasks):
            if obj == "away":
                task.discard(http_status=422, err_msg="go away")
        return [obj for obj in objs if obj != "away"]

    @bentoml.api(input=JsonInput())
    async def later(self, obj):
        await asyncio.sleep(0)
        return InferenceResult(data=b"\\xff", http_status=202, http_headers={"Set-Cookie": "id=4711"})

    @bentoml.api(input=JsonInput())
    def words(self, words):
        for word in words:
            if word == "raise":
                raise ValueError("no luck")
            yield word

    @bentoml.api(input=JsonInput())
    def leave(self, obj):
        raise SystemExit(obj)
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("logged"), SERVICE, class_name="Logged")


Records = dict[str, dict[str, Any]]


def records_of(home: Path, name: str) -> list[dict[str, Any]]:
    path = home / "logs" / name
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def served(bundle: Path, home: Path, ask: Callable[[LiveServer], None], config: str = "", *arguments: str) -> str:
    """Serve the bundle as configured, ask it something, and stop it; what it has logged is complete then.

    Returns:
        What it has printed.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / "bentoml.yml").write_text(config, encoding="utf-8")
    with live_server(bundle, *arguments, home=home) as server:
        ask(server)
        assert server.stop() == 0
    return server.output()


def post(server: LiveServer, path: str, content: str | bytes, request_id: str, **headers: str) -> httpx.Response:
    return server.client.post(path, content=content, headers={"X-Request-Id": request_id, **headers})


@pytest.fixture(scope="module")
def home(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("predictions")

    def ask(server: LiveServer) -> None:
        assert post(server, "/total", "[[1, 2]]", "total", Authorization="Bearer 4711").text == "[3]"
        assert post(server, "/later", "1", "later").status_code == 202
        assert post(server, "/words", '["a", "b"]', "words").text == "ab"
        with pytest.raises(httpx.RemoteProtocolError):
            post(server, "/words", '["a", "raise"]', "broken")
        assert post(server, "/words", "{", "unread").status_code == 400
        assert post(server, "/leave", "1", "left").status_code == 500
        assert post(server, "/total", "[[1, 2]]" + " " * 20_000, "long").text == "[3]"
        bodies = [json.dumps(number if number % 3 else "away") for number in range(60)]
        with ThreadPoolExecutor(12) as threads:
            answers = list(
                threads.map(lambda pair: post(server, "/picky", pair[1], f"picky-{pair[0]}"), enumerate(bodies))
            )
        assert [answer.status_code for answer in answers] == [200 if number % 3 else 422 for number in range(60)]

    output = served(bundle, home, ask)
    (home / "output").write_text(output, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def records(home: Path) -> Records:
    records = records_of(home, "prediction.log")
    by_id = {record["request_id"]: record for record in records}
    assert len(by_id) == len(records)
    return by_id


def test_every_answer_of_a_worker_has_one_record_and_the_warm_up_none(records: Records) -> None:
    wanted = {"total", "later", "words", "broken", "unread", "left", "long"}
    assert records.keys() == wanted | {f"picky-{number}" for number in range(60)}


def test_record_of_a_batched_request_is_complete(records: Records, bundle: Path) -> None:
    record = records["total"]
    assert (record["service_name"], record["service_version"], record["api"]) == ("Logged", bundle.name, "total")
    assert (record["task"]["data"], record["task"]["task_id"], record["task"]["batch"]) == ("[[1, 2]]", "total", 1)
    assert ["authorization", "[redacted]"] in record["task"]["http_headers"]
    assert (record["result"]["data"], record["result"]["http_status"]) == ("[3]", 200)
    assert ["Content-Type", "application/json"] in record["result"]["http_headers"]
    assert len(record["asctime"]) == len("2026-03-14 15:09:26,535")


def test_record_of_a_coroutine_has_its_bytes_and_its_own_headers(records: Records) -> None:
    result = records["later"]["result"]
    assert (result["data"], result["data_encoding"], result["http_status"]) == ("/w==", "base64", 202)
    assert ["Set-Cookie", "[redacted]"] in result["http_headers"]


def test_record_of_a_stream_has_what_was_sent_and_why_it_broke(records: Records) -> None:
    assert records["words"]["result"]["data"] == "ab"
    broken = records["broken"]["result"]
    assert (broken["data"], broken["http_status"]) == ("a", 200)
    assert broken["err_msg"] == "Exception happened in API function: no luck"
    assert records["unread"]["result"]["http_status"] == 400


def test_record_of_a_call_that_left_the_interpreter_says_500(records: Records) -> None:
    assert records["left"]["result"]["http_status"] == 500


def test_record_of_a_long_body_is_cut(records: Records) -> None:
    task = records["long"]["task"]
    assert (len(task["data"]), task["data_truncated_from_bytes"]) == (16384, 20_008)


def test_records_of_a_batch_pair_each_request_with_its_own_answer(records: Records) -> None:
    for number in range(60):
        record = records[f"picky-{number}"]
        if number % 3:
            assert (record["task"]["data"], record["result"]["data"]) == (str(number), str(number))
        else:
            result = record["result"]
            assert (record["task"]["data"], result["http_status"], result["err_msg"]) == ('"away"', 422, "go away")
            assert record["task"]["is_discarded"] is True


def test_console_has_a_copy(home: Path, records: Records) -> None:
    lines = [line for line in (home / "output").read_text().splitlines() if line.startswith("{")]
    assert {json.loads(line)["request_id"] for line in lines} == set(records)


@pytest.mark.parametrize(
    "config", ["prediction: {enabled: false}", "prediction: {sample_rate: 0}"], ids=["disabled", "rate-0"]
)
def test_predictions_that_are_not_wanted_are_not_recorded(bundle: Path, tmp_path: Path, config: str) -> None:
    served(bundle, tmp_path, _ask_one, f"logging: {{{config}}}")
    assert records_of(tmp_path, "prediction.log") == []


def _ask_one(server: LiveServer) -> None:
    assert post(server, "/picky", "1", "one").text == "1"


def test_secrets_show_nowhere_when_fields_are_redacted(bundle: Path, tmp_path: Path) -> None:
    def ask(server: LiveServer) -> None:
        assert post(server, "/picky", '{"pin": "4711", "a": 1}', "json").json() == {"pin": "4711", "a": 1}
        assert post(server, "/total", '{"pin": {"0": 4711}, "a": {"0": 1}}', "columns").text == "[4712]"
        assert post(server, "/picky", "pin=4711", "text").status_code == 400

    output = served(bundle, tmp_path, ask, "logging: {prediction: {redact_fields: [PIN]}}", "--preload")
    records = {record["request_id"]: record for record in records_of(tmp_path, "prediction.log")}
    assert json.loads(records["json"]["result"]["data"]) == {"pin": "[redacted]", "a": 1}
    assert json.loads(records["columns"]["task"]["data"]) == {"pin": "[redacted]", "a": {"0": 1}}
    assert records["text"]["task"]["data"] is None
    assert not any('4711"' in line or "4711}" in line for line in output.splitlines() if line.startswith("{"))


def test_feedback_is_in_its_log_with_the_names_of_the_service(bundle: Path, tmp_path: Path) -> None:
    large = json.dumps({"request_id": "large", "notes": ["x" * 1000] * 10_000})

    def ask(server: LiveServer) -> None:
        answer = post(server, "/feedback", '{"request_id": "total", "label": "ä"}', "f")
        assert (answer.status_code, answer.text, answer.headers["x-request-id"]) == (200, "success", "f")
        assert post(server, "/feedback", large, "f").text == "success"
        assert post(server, "/feedback", "{", "f").text == "Failed parsing feedback JSON data"
        assert post(server, "/feedback", "{}", "f").text == "Missing 'request_id' in feedback JSON data"
        assert post(server, "/feedback", "x" * 11_000_001, "f").status_code == 413
        assert server.client.get("/feedback").status_code == 405
        assert "post" in server.client.get("/docs.json").json()["paths"]["/feedback"]
        for status, count in (("200", 2), ("400", 2), ("413", 1), ("405", 1)):
            name = "BENTOML_Logged_request_total"
            assert metric(server, name, endpoint="/feedback", http_response_code=status) == count

    served(bundle, tmp_path, ask, "bento_server: {max_request_size: 11000000}")
    names = {"service_name": "Logged", "service_version": bundle.name}
    assert records_of(tmp_path, "feedback.log") == [
        {"request_id": "total", "label": "ä", **names},
        {**json.loads(large), **names},
    ]
    assert records_of(tmp_path, "prediction.log") == []


def test_feedback_when_disabled_is_404(bundle: Path, tmp_path: Path) -> None:
    def ask(server: LiveServer) -> None:
        answer = post(server, "/feedback", '{"request_id": 1}', "f")
        assert (answer.status_code, answer.text) == (404, "Feedback is disabled")
        assert "/feedback" not in server.client.get("/docs.json").json()["paths"]

    served(bundle, tmp_path, ask, "bento_server: {feedback: {enabled: false}}")
    assert records_of(tmp_path, "feedback.log") == []
