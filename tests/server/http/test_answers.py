"""Answers on their way to the front: what user code can put into one never hurts its batch-mates or the connection."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.server.http import answers
from bentoml.server.http.answers import answer_to_failure, encode_answers
from bentoml.types import HTTPHeaders, HTTPResponse


def response_with(**attributes: Any) -> HTTPResponse:
    """A response as a careless output adapter leaves it: nothing checks what is assigned."""
    response = HTTPResponse(200, {"x-mine": "1"}, b"body")
    for name, value in attributes.items():
        setattr(response, name, value)
    return response


@pytest.mark.parametrize(
    "spoilt",
    [
        response_with(status="200"),
        response_with(status=None),
        response_with(status=99),
        response_with(status=10**30),
        response_with(headers=HTTPHeaders([(5, "name is no text")])),  # type: ignore[list-item]
        response_with(headers=None),
        response_with(body=None),
        response_with(body="text"),
        response_with(body=object()),
    ],
    ids=["status-text", "no-status", "status-99", "huge-status", "header-name", "headers", "no-body", "text", "object"],
)
def test_answer_that_cannot_be_sent_becomes_500_and_its_mates_are_sent(
    spoilt: HTTPResponse, caplog: pytest.LogCaptureFixture
) -> None:
    good = HTTPResponse(201, {"x-mine": "1"}, b"good")
    first, middle, last = encode_answers("predict", [good, spoilt, good], ["id-1", "id-2", "id-3"])
    assert first == last == (201, b"x-mine: 1\r\n", b"good")
    assert middle[0] == 500
    assert middle[2].startswith(b"An error has occurred")
    assert [record.getMessage().count("id-2") for record in caplog.records] == [1]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("X-Number", 5, b"x-number: 5\r\n"),
        ("X-None", None, b""),
        ("X-Half", "a\udc80b", b"x-half: a\\udc80b\r\n"),
        ("X-Wide", "é漢", "x-wide: é漢\r\n".encode()),
        ("X-Break", "a\r\nX-Evil: 1", b""),
        ("X-Null", "a\0b", b""),
        ("X\r\nX-Evil", "1", b""),
        ("X-漢", "1", b""),
        ("", "1", b""),
        ("Content-Length", "7", b""),
        ("Transfer-Encoding", "chunked", b""),
        ("X-Request-ID", "other", b""),
    ],
)
def test_header_is_sent_or_left_out(name: str, value: Any, expected: bytes) -> None:
    response = HTTPResponse(200, HTTPHeaders([("x-mine", "1"), (name, value)]), b"body")
    assert encode_answers("predict", [response], ["id-1"]) == [(200, b"x-mine: 1\r\n" + expected, b"body")]


@pytest.mark.parametrize("status", [204, 205, 304])
def test_answer_that_has_no_body_by_definition_is_sent_without_one(status: int) -> None:
    assert encode_answers("predict", [HTTPResponse(status, {}, b"body")], ["id-1"]) == [(status, b"", b"")]


def test_body_in_any_buffer_is_sent_as_bytes() -> None:
    responses = [response_with(body=bytearray(b"1")), response_with(body=memoryview(b"2"))]
    answers = encode_answers("predict", responses, ["id-1", "id-2"])
    assert [(type(body), body) for _, _, body in answers] == [(bytes, b"1"), (bytes, b"2")]


class _OddStatus(BentoMLException):
    @property
    def status_code(self) -> int:
        return 1000


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (ValueError("inside"), 500, b"An error has occurred"),
        (SystemExit(3), 500, b"An error has occurred"),
        (_OddStatus("inside"), 500, b"An error has occurred"),
        (BentoMLException("inside"), 500, b""),
        (InvalidArgument("no"), 400, b'{"message": "BentoService error handling API request: no"}'),
    ],
    ids=["exception", "exit", "odd-status", "library", "argument"],
)
def test_failure_outside_of_the_function_is_answered_without_its_details(
    error: BaseException, status: int, body: bytes
) -> None:
    answer = answer_to_failure("predict", error, ["id-1"])
    assert answer[0] == status
    assert answer[2].startswith(body)
    assert b"inside" not in answer[2]


def test_encode_answers_of_the_same_headers_gives_the_same_head_and_keeps_few() -> None:
    for number in range(3 * answers._MAX_KEPT_HEADS):
        ((_, head, _),) = encode_answers(
            "api", [HTTPResponse(200, [("X-N", str(number)), ("X-Odd", "é")], b"")], ["id-1"]
        )
        assert head == f"x-n: {number}\r\nx-odd: é\r\n".encode()
        assert len(answers._heads) <= answers._MAX_KEPT_HEADS


def test_encode_answers_of_header_values_that_are_no_text_writes_them() -> None:
    for value in (1, True, "1", [2]):
        response = HTTPResponse(200, [("X-N", value)], b"")  # type: ignore[list-item]
        ((_, head, _),) = encode_answers("api", [response], ["id-1"])
        assert head == f"x-n: {value}\r\n".encode()


def test_header_that_is_left_out_is_said_once_under_the_request_id(caplog: pytest.LogCaptureFixture) -> None:
    responses = [HTTPResponse(200, {"X-Mine": "1"}), HTTPResponse(200, {"X-Bad": "a\nb", "X-Mine": "1"})]
    sent = encode_answers("predict", responses, ["id-1", "id-2"])
    assert sent == [(200, b"x-mine: 1\r\n", b"")] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "The response header 'X-Bad' was left out of the answer to request id-2: its name or value cannot be sent"
    ]


def test_failure_outside_of_the_function_is_logged_under_all_its_request_ids(caplog: pytest.LogCaptureFixture) -> None:
    answer_to_failure("predict", RuntimeError("x"), ["id-1", "id-2"])
    assert [record.getMessage() for record in caplog.records] == [
        "API predict failed outside of its function, on request id-1, id-2"
    ]
