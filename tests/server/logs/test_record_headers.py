"""Header blocks as members of a record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bentoml.server.logs.record_headers import MAX_KEPT, RecordHeaders
from bentoml.server.transport.wire_request import WireHeaders, fields_of
from bentoml.types import HTTPHeaders


def written(headers: Any, max_bytes: int = 1000, *secret_names: str) -> dict[str, Any]:
    text = RecordHeaders(max_bytes, secret_names).members(headers)
    assert text.isascii()
    read: dict[str, Any] = json.loads("{" + text + "}")
    return read


PAIRS = [("host", "x:5000"), ("Cookie", "id=4711"), ("a", "1"), ("a", 'ü"\n')]
BLOCK = b"host: x:5000\r\ncookie: id=4711\r\na: 1\r\n"


@pytest.mark.parametrize(
    "headers", [HTTPHeaders(PAIRS), PAIRS, WireHeaders(fields_of(BLOCK))], ids=["own", "pairs", "wire"]
)
def test_headers_are_written_as_pairs_in_order_and_secrets_hidden(headers: Any) -> None:
    read = written(headers, 1000, "COOKIE")["http_headers"]
    assert read[0] == ["host", "x:5000"]
    assert read[1] == [read[1][0], "[redacted]"]
    assert read[2] == ["a", "1"]


def test_headers_of_any_characters_are_json() -> None:
    assert written(HTTPHeaders(PAIRS))["http_headers"][3] == ["a", 'ü"\n']
    assert written({}) == {"http_headers": []}


def test_headers_that_were_changed_are_written_as_they_are_now() -> None:
    headers = WireHeaders(fields_of(BLOCK))
    writer = RecordHeaders(1000)
    before = writer.members(headers)
    headers["x-new"] = "yes"
    assert '["x-new","yes"]' in writer.members(headers)
    assert writer.members(WireHeaders(fields_of(BLOCK))) == before


def test_headers_that_are_too_long_are_cut_and_say_how_long_they_were() -> None:
    assert written({"a": "1", "b": "x" * 100, "c": "2"}, 4) == {
        "http_headers": [["a", "1"]],
        "http_headers_truncated_from_bytes": 105,
    }


def test_values_that_are_no_text_are_written_as_text() -> None:
    headers = HTTPHeaders([("n", 1), ("l", [2])])  # type: ignore[list-item]
    assert written(headers) == {"http_headers": [["n", "1"], ["l", "[2]"]]}


def test_many_different_headers_are_not_all_kept() -> None:
    writer = RecordHeaders(1000)
    for number in range(3 * MAX_KEPT):
        writer.members(HTTPHeaders([("trace", str(number))]))
        writer.members(WireHeaders(fields_of(b"trace: %d\r\n" % number)))
    assert len(writer._of_pairs) <= MAX_KEPT
    assert len(writer._of_fields) <= MAX_KEPT
    assert len(writer._known_pairs) <= MAX_KEPT
    assert writer.members(HTTPHeaders([("trace", "7")])) == '"http_headers":[["trace","7"]]'
