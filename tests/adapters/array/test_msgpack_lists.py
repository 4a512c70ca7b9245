"""MessagePack is read as lists, and takes no more memory than its size allows."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.array.msgpack_lists import parse_msgpack_lists
from bentoml.adapters.errors import InputError

LEAVES = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.booleans() | st.none() | st.text(max_size=3)


def as_lists(value: Any) -> Any:
    return [as_lists(one) for one in value] if isinstance(value, (list, tuple)) else value


def refusal(body: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse_msgpack_lists(body)
    return str(caught.value)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4), max_leaves=30))
def test_lists_come_back_as_they_were(value: Any) -> None:
    assert as_lists(parse_msgpack_lists(msgpack.packb(value))) == value


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"\x92\x01",
        b"\x91\x01\x01",
        b"\x93NUMPY",
        b"\x91" * 2000 + b"\x01",
        b"\x92\x01" + b"\x91" * 2000 + b"\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\xdc\xff\xff\x01",
        b"\x91\xdd\xff",
        b"\x91\xa1\xff",
        msgpack.packb({"a": 1}),
        msgpack.packb([{"a": 1}]),
        msgpack.packb([msgpack.ExtType(5, b"x")]),
    ],
)
def test_body_that_is_no_list_is_refused(body: bytes) -> None:
    assert refusal(body) == "not valid MessagePack of nested lists"


def test_empty_body_is_refused() -> None:
    assert refusal(b"") == "the body is empty"


def test_lists_that_announce_much_inside_each_other_take_little_memory() -> None:
    count = 400_000
    body = b"\xdd" + count.to_bytes(4, "big") + b"\x01" + (b"\xdd" + count.to_bytes(4, "big")) * 900 + b"\x01" * count
    inner = b"\xdc\x10\x00" * 900
    for attack in (body, b"\x92\x01" + inner + b"\x01" * 5000):
        tracemalloc.start()
        refusal(attack)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
        tracemalloc.stop()


@pytest.mark.parametrize("element", [b"\x90", b"\x91\x01", b"\x92\x01\x02", b"\x01", b"\xc2", b"\xa0", b"\xa1\xff"])
def test_body_that_is_read_takes_no_more_than_forty_times_its_size(element: bytes) -> None:
    count = 200_000
    body = b"\xdd" + count.to_bytes(4, "big") + element * count
    tracemalloc.start()
    try:
        parse_msgpack_lists(body)
    except InputError:
        assert element == b"\xa1\xff"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * len(body) + 2**20


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_msgpack_lists(body)
    except InputError:
        return
