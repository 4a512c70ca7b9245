"""Frames: cut right however the bytes arrive, and never anything but plain values."""

from __future__ import annotations

import asyncio
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.server.transport import wire, wire_request
from bentoml.server.transport.wire_request import MAX_KEPT, fields_of, requests_of
from bentoml.types import HTTPHeaders


def protocol_into(frames: list[memoryview]) -> wire.FrameProtocol:
    return wire.FrameProtocol(lambda _, payload: frames.append(payload), lambda _: None)


@given(
    payloads=st.lists(st.binary(max_size=300), max_size=8),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20),
)
def test_frames_are_the_same_however_the_bytes_arrive(payloads: list[bytes], cuts: list[int]) -> None:
    messages = [[wire.CALL, index, body] for index, body in enumerate(payloads)]
    stream = b"".join(wire.pack(message) for message in messages)
    frames: list[memoryview] = []
    protocol = protocol_into(frames)
    start = turn = 0
    while start < len(stream):
        size = cuts[turn % len(cuts)]
        protocol.data_received(stream[start : start + size])
        start += size
        turn += 1
    assert [wire.unpack(frame) for frame in frames] == messages


def test_frame_of_many_chunks_is_put_together_once() -> None:
    frames: list[memoryview] = []
    protocol = protocol_into(frames)
    body = bytes(range(256)) * 40_000
    stream = wire.pack([wire.CALL, 1, body])
    for start in range(0, len(stream), 65536):
        protocol.data_received(stream[start : start + 65536])
    assert wire.unpack(frames[0]) == [wire.CALL, 1, body]


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x90", b"\x80", pickle.dumps([1])], ids=repr)
def test_unpack_refuses_what_is_no_frame(payload: bytes) -> None:
    with pytest.raises(ValueError):
        wire.unpack(payload)


def test_pack_keeps_types_apart() -> None:
    message = [wire.ANSWER, 7, 0.25, [[200, b"a: b\r\n", b"\xff"], [400, b"", "text"]]]
    packed = wire.pack(message)
    assert struct.unpack(">I", packed[:4]) == (len(packed) - 4,)
    assert wire.unpack(packed[4:]) == message


def test_send_after_the_other_side_is_gone_is_dropped() -> None:
    lost: list[wire.FrameProtocol] = []

    async def scenario() -> None:
        protocol = wire.FrameProtocol(lambda _, __: None, lost.append)
        protocol.send(b"before")
        protocol.connection_lost(None)
        protocol.send(b"after")
        assert lost == [protocol]

    asyncio.run(scenario())


HEADS = [
    ["POST", "/predict", "a=1", b"content-type: Application/JSON; charset=utf-8\r\nx-a: \xe9\r\nx-a: 2\r\n"],
    ["GET", "/predict", "", b""],
]


def test_requests_of_gives_each_request_its_own_head() -> None:
    first, second = requests_of(HEADS, [["id-1", 0, "127.0.0.1", b"[]"], ["id-2", 1, "", b""]])
    assert (first.method, first.path, first.query_string, first.client, first.body) == (
        "POST",
        "/predict",
        "a=1",
        "127.0.0.1",
        b"[]",
    )
    assert (first.headers.content_type, first.headers.charset) == ("application/json", "utf-8")
    assert first.headers.get("X-A") == "é"
    assert first.headers.get("nothing") is None
    assert first.headers.getlist("X-A") == ["é", "2"]
    assert (second.method, second.headers.to_json(), second.headers.content_encoding) == ("GET", (), "")


def test_requests_of_when_one_request_changes_its_headers_leaves_the_others_alone() -> None:
    first, second = requests_of(HEADS, [["id-1", 0, "", b""], ["id-2", 0, "", b""]])
    assert first.headers.content_type == second.headers.content_type == "application/json"
    first.headers["content-type"] = "text/csv"
    first.headers.add("x-b", "3")
    assert (first.headers.content_type, first.headers["x-b"], len(first.headers)) == ("text/csv", "3", 3)
    assert (second.headers.content_type, "x-b" in second.headers) == ("application/json", False)
    assert HTTPHeaders(second.headers).to_json() == (
        ("content-type", "Application/JSON; charset=utf-8"),
        ("x-a", "é"),
        ("x-a", "2"),
    )
    (third,) = requests_of(HEADS, [["id-3", 0, "", b""]])
    assert third.headers.getlist("x-b") == []


def test_fields_of_many_different_blocks_keeps_a_bounded_number() -> None:
    for number in range(2 * MAX_KEPT):
        assert fields_of(b"x-n: %d\r\n" % number).first == {"x-n": str(number)}
    assert len(wire_request._kept) <= MAX_KEPT
