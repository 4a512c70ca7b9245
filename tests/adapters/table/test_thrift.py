"""The reader of Thrift ends with a value or a `ThriftError`, whatever the bytes are."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.table.thrift import BINARY, I32, I64, LIST, MAX_DEPTH, STRUCT, TRUE, ThriftError, ThriftReader


def read(content: bytes, budget: int = 100) -> ThriftReader:
    return ThriftReader(memoryview(content), 0, budget)


def test_struct_has_its_values_by_number_and_type() -> None:
    # 1: i32 -3, 2: true, 20: i64 300, 21: "ab", 22: list of i32 [1, 2], 23: struct {1: i32 7}
    content = b"\x15\x05\x11\x06\x28\xd8\x04\x18\x02ab\x19\x25\x02\x04\x1c\x15\x0e\x00\x00"
    reader = read(content + b"rest")
    fields = reader.struct()
    assert fields.pop((21, BINARY)) == b"ab"
    assert fields == {
        (1, I32): -3,
        (2, TRUE): True,
        (20, I64): 300,
        (22, LIST): [1, 2],
        (23, STRUCT): {(1, I32): 7},
    }
    assert reader.position == len(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut short"),
        (b"\x15", "cut short"),
        (b"\x18\x7fab", "cut short"),
        (b"\x15\x02\x05\x02\x02\x00", "twice"),
        (b"\x15" + b"\xff" * 11, "too long"),
        (b"\x1b\x00", "not known"),
        (b"\x19\xf5\xff\xff\xff\x7f", "too many"),
        (b"\x1c" * (MAX_DEPTH + 2), "too deeply"),
        (b"\x19" * 50, "too deeply"),
    ],
)
def test_what_is_no_struct_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(ThriftError, match=reason):
        read(content).struct()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_struct_or_an_error(content: bytes) -> None:
    with contextlib.suppress(ThriftError):
        assert isinstance(read(content).struct(), dict)
