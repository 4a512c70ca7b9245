"""Frames with cells that pandas cannot write as JSON."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgpack
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bentoml.adapters import DataframeInput
from bentoml.adapters.table.frame_json import ORIENTS, frame_text, piece_texts
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of
from tests.adapters.table_bodies import arrow_body

UTC = dt.timezone.utc
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (b"\xff", {"b64": "/w=="}),
        ([b"\xff", b"a"], [{"b64": "/w=="}, "a"]),
        ({"x": b"\xff"}, {"x": {"b64": "/w=="}}),
        (np.array([b"\xff", None], dtype=object), [{"b64": "/w=="}, None]),
        (dt.date(1, 1, 1), -719162 * DAY_MS),
        (dt.date(9999, 12, 31), 2932896 * DAY_MS),
        (dt.datetime(1, 1, 1, tzinfo=UTC), -719162 * DAY_MS),
        (dt.datetime(9999, 12, 31), 2932896 * DAY_MS),  # noqa: DTZ001 - pandas has such times
        ({b"\xff": 1, "x": b"\xff"}, {"\\xff": 1, "x": {"b64": "/w=="}}),
    ],
    ids=str,
)
def test_cell_that_pandas_cannot_write_is_written(cell: Any, written: Any) -> None:
    frame = pd.DataFrame({"a": pd.Series([cell, "text", None], dtype=object), "n": [1, 2, 3]})
    records = [{"a": written, "n": 1}, {"a": "text", "n": 2}, {"a": None, "n": 3}]
    assert json.loads(frame_text(frame, "records")) == records
    assert [json.loads(text) for text in piece_texts(frame, [0, 1, 3], "records")] == [records[:1], records[1:]]


@pytest.mark.parametrize("orient", ORIENTS)
def test_bytes_are_written_in_every_orient(orient: str) -> None:
    assert "/w==" in frame_text(pd.DataFrame({"a": [b"\xff"]}), orient).replace("\\", "")


def test_categories_of_bytes_are_written() -> None:
    frame = pd.DataFrame({"a": pd.Categorical([b"\xff", None])})
    assert json.loads(frame_text(frame, "records")) == [{"a": {"b64": "/w=="}}, {"a": None}]


def test_bytes_that_a_client_sends_come_back_beside_its_neighbours() -> None:
    api = api_of(DataframeInput(), lambda frame: frame, batch=True)
    kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
    requests = [HTTPRequest(kind, arrow_body(pa.table({"a": [content]}))) for content in (b"\xff", b"x")]
    requests.append(HTTPRequest({"Content-Type": "application/vnd.msgpack"}, msgpack.packb([{"a": b"\xff\xfe"}])))
    assert [response.body for response in api.handle_batch_request(requests)] == [
        b'[{"a":{"b64":"\\/w=="}}]',
        b'[{"a":"x"}]',
        b'[{"a":{"b64":"\\/\\/4="}}]',
    ]


def test_times_are_written_as_pandas_writes_them_where_it_can() -> None:
    times = [
        dt.datetime(1969, 12, 31, 23, 59, 59, 999_500, tzinfo=UTC),
        dt.datetime(2020, 1, 1, 0, 0, 0, 1999, tzinfo=UTC),
    ]
    alone = frame_text(pd.DataFrame({"a": pd.Series(times, dtype=object)}), "values")
    beside = frame_text(pd.DataFrame({"a": pd.Series([*times, b"\xff"], dtype=object)}), "values")
    assert json.loads(beside)[:2] == json.loads(alone)
