"""Messages of protocol buffers, field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml._models.protobuf_wire import DamagedMessageError, encode_field, fields_of, packed_varints


def test_fields_of_every_kind_are_told_apart() -> None:
    wholes = [b"\x08\x96\x01", b"\x12\x03abc", b"\x1d\x01\0\0\0", b"\x21\x02" + bytes(7), b"\xf8\xff\xff\xff\x0f\x05"]
    fields = list(fields_of(memoryview(b"".join(wholes))))
    assert [bytes(field.whole) for field in fields] == wholes
    assert [field.number for field in fields] == [1, 2, 3, 4, 2**29 - 1]
    assert [field.integer for field in fields] == [150, 0, 1, 2, 5]
    assert [field.content is None or bytes(field.content) for field in fields] == [True, b"abc", True, True, True]


@pytest.mark.parametrize(
    "message",
    [
        b"\x08",
        b"\x08\x80",
        b"\x12\x04abc",
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x1d\0",
        b"\x0b",
        b"\x00\x00",
        b"\x08" + b"\x80" * 11,
    ],
    ids=["no value", "half a number", "cut", "huge", "cut fixed", "group", "field 0", "endless"],
)
def test_damaged_message_is_refused(message: bytes) -> None:
    with pytest.raises(DamagedMessageError, match=r"at byte \d+"):
        list(fields_of(memoryview(message)))


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.binary(max_size=300))))
def test_encoded_fields_are_read_back(pairs: list[tuple[int, bytes]]) -> None:
    message = b"".join(encode_field(number, content) for number, content in pairs)
    read = [(field.number, bytes(field.content or b"")) for field in fields_of(memoryview(message))]
    assert read == pairs


@given(st.binary(max_size=300))
def test_any_bytes_are_fields_or_damaged(content: bytes) -> None:
    try:
        fields = list(fields_of(memoryview(content)))
    except DamagedMessageError:
        return
    assert b"".join(bytes(field.whole) for field in fields) == content


def test_packed_numbers_are_read() -> None:
    assert list(packed_varints(memoryview(b"\x01\x96\x01\x00"))) == [1, 150, 0]
