"""Feedback as a line of its log, whatever is posted."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.server.front import feedback_record as module
from bentoml.server.front.feedback_record import MISSING_ID, PARSE_ERROR, FeedbackError, feedback_record

NAMES = {"service_name": "Iris", "service_version": "1.0"}


def record_of(body: bytes) -> dict[str, Any]:
    line = feedback_record(body, "Iris", "1.0")
    assert line.isascii()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    record: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return record


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"request_id": "a", "label": 1}', {"request_id": "a", "label": 1}),
        (b'\xef\xbb\xbf{"request_id": null}\n', {"request_id": None}),
        ('{"request_id": "a", "ä\u2028\U0001f511": "\\n"}'.encode(), {"request_id": "a", "ä\u2028\U0001f511": "\n"}),
        (b'{"request_id": 1, "request_id": 2}', {"request_id": 2}),
        (b'{"request_id": 1, "service_name": "not mine"}', {"request_id": 1}),
        (b'{"request_id": "\\ud800x\\\\ud800"}', {"request_id": "?x\\ud800"}),
        (b'{"request_id": %d}' % 10**4000, {"request_id": 10**4000}),
    ],
    ids=["plain", "bom", "unicode", "twice", "spoofed", "surrogate", "huge"],
)
def test_object_with_an_id_is_kept_with_the_names_of_the_service(body: bytes, expected: dict[str, Any]) -> None:
    assert record_of(body) == {**expected, **NAMES}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        '{"request_id": 1}'.encode("utf-16"),
        b'{"request_id": "\xff"}',
        b'{"request_id": NaN}',
        b'{"request_id": -Infinity}',
        b'{"request_id": 1e999}',
        b'{"request_id": ' + b"9" * 5000 + b"}",
        b'{"request_id": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"request_id": 1} {}',
        b'{"request_id": "a\nb"}',
        b"[]",
        b'"request_id"',
        b"null",
    ],
    ids=lambda body: body[:25],
)
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(FeedbackError, match=PARSE_ERROR):
        feedback_record(body, "Iris", "1.0")


@pytest.mark.parametrize("body", [b"{}", b'{"Request_id": 1}', b'{"a": {"request_id": 1}}'])
def test_object_without_an_id_is_refused(body: bytes) -> None:
    with pytest.raises(FeedbackError, match=MISSING_ID):
        feedback_record(body, "Iris", "1.0")


@given(
    st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists)),
    st.booleans(),
)
def test_any_object_gives_one_line_of_json_or_is_refused(posted: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps({**posted, "request_id": "a"}, ensure_ascii=ascii_only, indent=2)
    try:
        record = record_of(text.encode("utf-8", "surrogatepass"))
    except FeedbackError:
        return
    assert record["request_id"] == "a"
    assert record.keys() - {"request_id"} - NAMES.keys() <= posted.keys()


@given(st.binary())
def test_any_bytes_are_refused_or_recorded(body: bytes) -> None:
    with contextlib.suppress(FeedbackError):
        assert "request_id" in record_of(body)


@pytest.mark.parametrize(
    ("body", "exit_code"),
    [(b'{"request_id": 7}', 0), (b"{", 10), (b"{}", 11), (b'{"a":' + b"[" * 3_000_000, 10)],
    ids=["good", "broken", "no-id", "deep"],
)
def test_script_does_the_same_and_says_so_by_its_exit_code(body: bytes, exit_code: int) -> None:
    argv = [sys.executable, "-I", module.__file__, "Iris", "1.0"]
    done = subprocess.run(argv, input=body, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (exit_code, b"")
    assert done.stdout == (feedback_record(body, "Iris", "1.0") if exit_code == 0 else b"")
