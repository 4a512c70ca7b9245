"""MessagePack is read within limits, and written as JSON would be."""

from __future__ import annotations

import contextlib
import json
import struct
from datetime import datetime, timezone
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.wire.json_encoder import json_writer
from bentoml.adapters.wire.msgpack_body import parse_msgpack, write_msgpack

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=9,
)


@given(json_values)
def test_value_is_read_as_the_format_means_it_and_written_back(value: Any) -> None:
    assert parse_msgpack(msgpack.packb(value)) == value
    assert parse_msgpack(write_msgpack(value)) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_a_value_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_msgpack(body)


def lists_of(length: int, depth: int) -> bytes:
    return (b"\xdd" + struct.pack(">I", length)) * depth


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\xc1", "means nothing"),
        (b"\x92\x01", "incomplete"),
        (b"\x01\x01", "follows"),
        (b"\xa1\xff", "utf-8"),
        (b"\x81\x01\x01", "map key"),
        (b"\x81\x91\x01\x01", "unhashable|map key"),
        (b"\xd4\x05\x01", "extension type 5"),
        (b"\x91" * 3000 + b"\x01", "nested too deeply"),
        (lists_of(2**32 - 1, 1), "exceeds|incomplete"),
        (lists_of(1_000_000, 500) + b"\x01" * 1_000_000, "cut short"),
        (msgpack.packb(msgpack.Timestamp(2**40, 5)), "out of range"),
    ],
    ids=[
        "nothing",
        "no type",
        "cut",
        "more",
        "text",
        "key",
        "list as key",
        "extension",
        "deep",
        "long",
        "bomb",
        "time",
    ],
)
def test_body_that_cannot_be_read_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_msgpack(body)


def test_times_and_bytes_are_read_and_written() -> None:
    value = [datetime(2020, 1, 2, tzinfo=timezone.utc), b"\xff"]
    assert parse_msgpack(write_msgpack(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        np.arange(4.0).reshape(2, 2),
        np.float32(0.5),
        {"a": np.int64(3), "b": (1, np.bool_(True))},
        {1: 2, None: 3, False: 4, 1.5: 5, np.int64(7): 6, ("x",): 7},
        {"odd": {1 + 2j}},
        {"date": np.datetime64("2020-01-01T00:00:00.000000001")},
        "\ud800"[:0],
        np.str_("text"),
    ],
    ids=repr,
)
def test_value_is_written_as_json_would_write_it(value: Any) -> None:
    assert parse_msgpack(write_msgpack(value)) == json.loads(json_writer(ensure_ascii=False)(value))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (bytearray(b"a"), b"a"),
        (datetime(2020, 1, 2), {"unknown_obj": "2020-01-02 00:00:00"}),  # noqa: DTZ001 - a time without a zone
        ("\ud800", "\\ud800"),
    ],
    ids=repr,
)
def test_value_that_the_format_lacks_is_written_all_the_same(value: Any, read: Any) -> None:
    assert parse_msgpack(write_msgpack(value)) == read


def test_value_that_holds_itself_cannot_be_written() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises((ValueError, RecursionError)):
        write_msgpack(circle)
