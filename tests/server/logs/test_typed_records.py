"""Records of what functions with type hints are asked: as text, and without secrets in any of its forms."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

import bentoml
from bentoml.configuration.schema import PredictionLogging
from bentoml.server.logs.prediction_log import record_predictions
from bentoml.server.logs.record_text import MANY_VALUES, UNREADABLE
from bentoml.types import HTTPRequest
from tests.adapters.forms import form_request
from tests.server.logs.test_prediction_log import SECRET, Log

MSGPACK = "application/msgpack"


class Typed(bentoml.BentoService):
    @bentoml.api(batch=True)
    def keep(self, user: list[dict[str, str]], pin: list[str], content: list[bytes]) -> list[int]:
        return [0 for _ in user]


VALUES = {"user": {"name": "ada", "pin": SECRET}, "pin": SECRET, "content": b"x"}
REDACTED = {"user": {"name": "ada", "pin": "[redacted]"}, "pin": "[redacted]"}
FORM = [
    ("user", (None, json.dumps(VALUES["user"]))),
    ("pin", (None, SECRET)),
    ("content", ("a.bin", SECRET.encode())),
]


def record_of(request: HTTPRequest, **settings: Any) -> dict[str, Any]:
    log, service = Log(), Typed()
    service.set_version("1")
    record_predictions(service, PredictionLogging(**settings), log.send)
    assert service.get_inference_api("keep").handle_request(request).status in {200, 400}
    (record,) = log.records
    assert isinstance(record, dict)
    assert not settings.get("redact_fields") or SECRET.encode() not in b"".join(log.sent)
    return record


@pytest.mark.parametrize(
    ("request_", "content"),
    [
        (HTTPRequest(body=msgspec.json.encode(VALUES)), "eA=="),
        (HTTPRequest({"Content-Type": MSGPACK}, msgspec.msgpack.encode(VALUES)), "x"),
        (form_request(files=FORM), {"name": "a.bin", "bytes": len(SECRET)}),
    ],
    ids=["json", "messagepack", "form"],
)
def test_record_has_the_values_without_what_is_redacted(request_: HTTPRequest, content: Any) -> None:
    record = record_of(request_, redact_fields=["pin"])
    assert json.loads(record["task"]["data"]) == {**REDACTED, "content": content}
    plain = json.loads(record_of(request_)["task"]["data"])
    assert (plain["pin"], plain["user"]["pin"]) == (SECRET, SECRET)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (HTTPRequest({"Content-Type": MSGPACK}, b"\xc1" + SECRET.encode()), UNREADABLE),
        (HTTPRequest({"Content-Type": MSGPACK}, msgspec.msgpack.encode({"pin": SECRET * 500})), MANY_VALUES),
        (form_request(files=[("pin", (None, SECRET * 500))]), MANY_VALUES),
    ],
    ids=["no messagepack", "large messagepack", "large form"],
)
def test_record_says_why_it_has_no_values(request_: HTTPRequest, reason: str) -> None:
    record = record_of(request_, redact_fields=["pin"], max_field_bytes=50)
    assert (record["task"]["data"], record["task"]["data_omitted"]) == (None, reason)
    assert record["result"]["http_status"] == 400


def test_fields_that_are_no_text_are_counted() -> None:
    record = record_of(form_request(files=[("pin", (None, b"\xff")), ("pin", (None, "3"))]))
    assert json.loads(record["task"]["data"]) == {"pin": [{"bytes": 1}, 3]}
