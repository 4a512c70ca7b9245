"""Who is told about errors in JSON: clients that say so, never a browser."""

from __future__ import annotations

import json

import pytest

from bentoml.server.http.error_form import json_error, wants_json

JSON = (b"content-type", b"application/json")


def accept(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), *((b"accept", value) for value in values)]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(accept(b"application/json"), True, id="JSON"),
        pytest.param(accept(b"Application/JSON; charset=utf-8"), True, id="JSON with a parameter"),
        pytest.param(accept(b"application/problem+json"), True, id="a kind of JSON"),
        pytest.param(accept(b"application/json, */*"), True, id="JSON or anything"),
        pytest.param(accept(b"application/json, text/plain, */*"), True, id="JSON as much as text"),
        pytest.param(accept(b"text/plain;q=0.5, application/json"), True, id="JSON more than text"),
        pytest.param(accept(b"text/plain, application/json;q=0.5"), False, id="text more than JSON"),
        pytest.param(accept(b"application/json;q=0"), False, id="no JSON"),
        pytest.param(accept(b"application/json;q=x"), False, id="JSON of no quality"),
        pytest.param(accept(b"application/json;q=nan"), False, id="JSON of a quality that is no number"),
        pytest.param(accept(b"text/plain", b"application/json"), True, id="two fields"),
        pytest.param(accept(b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), False, id="a browser"),
        pytest.param(accept(b"text/html, application/json"), False, id="HTML and JSON"),
        pytest.param([*accept(b"text/html"), JSON], False, id="a browser that sends JSON"),
        pytest.param(accept(b"*/*"), False, id="anything"),
        pytest.param([*accept(b"*/*"), JSON], True, id="anything, and sends JSON"),
        pytest.param([JSON], True, id="sends JSON"),
        pytest.param([(b"content-type", b"application/ld+json;a=b")], True, id="sends a kind of JSON"),
        pytest.param([*accept(b"text/csv"), JSON], False, id="CSV, and sends JSON"),
        pytest.param([(b"content-type", b"text/csv")], False, id="sends CSV"),
        pytest.param([], False, id="nothing"),
        pytest.param(accept(b""), False, id="an empty field"),
        pytest.param(accept(b",;,q=1;;"), False, id="nonsense"),
        pytest.param(accept(b"a/b," * 20_000 + b"application/json"), False, id="too many"),
    ],
)
def test_form_of_errors_follows_what_the_client_accepts(headers: list[tuple[bytes, bytes]], expected: bool) -> None:
    assert wants_json(headers) is expected


def test_json_error_has_code_message_and_request_id() -> None:
    assert json.loads(json_error(404, "Not found\n", "id-1")) == {
        "error": {"code": "not_found", "message": "Not found", "request_id": "id-1"}
    }
    assert json.loads(json_error(418, "Tea", "id-1"))["error"]["code"] == "http_418"
