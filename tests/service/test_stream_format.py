"""Values as chunks and events."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.service.stream_format import accepts_events, chunk_of, content_type_of, error_event, event_of


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/event-stream", True),
        ("application/json, Text/Event-Stream ; q=0.5", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream; q = 0.000", False),
        ("*/*", False),
        ("text/*", False),
        ("application/text/event-stream", False),
        ("", False),
    ],
)
def test_accepts_events_when_they_are_named(accept: str, wanted: bool) -> None:
    assert accepts_events(accept) is wanted


@pytest.mark.parametrize(
    ("value", "content_type", "chunk", "event"),
    [
        ("tä\n", "text/plain; charset=utf-8", "tä\n".encode(), "data: tä\ndata: \n\n".encode()),
        ("", "text/plain; charset=utf-8", b"", b"data: \n\n"),
        ("half \ud83d", "text/plain; charset=utf-8", b"half \\ud83d", b"data: half \\ud83d\n\n"),
        (b"raw\r\nraw", "application/octet-stream", b"raw\r\nraw", b"data: raw\ndata: raw\n\n"),
        (b"\xff", "application/octet-stream", b"\xff", b'data: {"b64": "/w=="}\n\n'),
        (bytearray(b"x"), "application/octet-stream", b"x", b"data: x\n\n"),
        (memoryview(b"x"), "application/octet-stream", b"x", b"data: x\n\n"),
        ({"a": "ü\n"}, "application/x-ndjson", '{"a": "ü\\n"}\n'.encode(), 'data: {"a": "ü\\n"}\n\n'.encode()),
        ([1, 2.5], "application/x-ndjson", b"[1, 2.5]\n", b"data: [1, 2.5]\n\n"),
        (None, "application/x-ndjson", b"null\n", b"data: null\n\n"),
        (np.float32(0.5), "application/x-ndjson", b"0.5\n", b"data: 0.5\n\n"),
        (np.array([1, 2]), "application/x-ndjson", b"[1, 2]\n", b"data: [1, 2]\n\n"),
        (pd.DataFrame({"a": [1]}), "application/x-ndjson", b'[{"a":1}]\n', b'data: [{"a":1}]\n\n'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_is_written_in_each_form(value: Any, content_type: str, chunk: bytes, event: bytes) -> None:
    assert (content_type_of(value), chunk_of(value), event_of(value)) == (content_type, chunk, event)


def test_error_event_has_its_name_first() -> None:
    assert error_event("one\ntwo") == b"event: error\ndata: one\ndata: two\n\n"


def read_event(event: bytes) -> str:
    """The data of one event, as the standard has browsers read it."""
    text = event.decode()
    assert text.endswith("\n\n")
    lines = text.replace("\r\n", "\n").replace("\r", "\n")[:-2].split("\n")
    assert all(line.startswith("data: ") for line in lines)
    return "\n".join(line.removeprefix("data: ") for line in lines)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_text_survives_the_framing_of_an_event(text: str) -> None:
    assert read_event(event_of(text)) == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8"))))
def test_json_survives_both_forms(value: dict[str, str]) -> None:
    chunk = chunk_of(value)
    assert chunk.count(b"\n") == 1
    assert json.loads(chunk) == json.loads(read_event(event_of(value))) == value
