"""Frames: cut right however the bytes arrive, and never anything but plain values."""

from __future__ import annotations

import asyncio
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.server import wire
from bentoml.server.wire_request import WireHeaders, request_of


def protocol_into(frames: list[bytes]) -> wire.FrameProtocol:
    return wire.FrameProtocol(lambda _, payload: frames.append(payload), lambda _: None)


@given(
    payloads=st.lists(st.binary(max_size=300), max_size=8),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20),
)
def test_frames_are_the_same_however_the_bytes_arrive(payloads: list[bytes], cuts: list[int]) -> None:
    messages = [[wire.CALL, index, body] for index, body in enumerate(payloads)]
    stream = b"".join(wire.pack(message) for message in messages)
    frames: list[bytes] = []
    protocol = protocol_into(frames)
    start = turn = 0
    while start < len(stream):
        size = cuts[turn % len(cuts)]
        protocol.data_received(stream[start : start + size])
        start += size
        turn += 1
    assert [wire.unpack(frame) for frame in frames] == messages


def test_frame_of_many_chunks_is_put_together_once() -> None:
    frames: list[bytes] = []
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


def test_request_of_decodes_headers_only_when_asked() -> None:
    raw = [[b"content-type", b"Application/JSON; charset=utf-8"], [b"x-a", b"\xe9"], [b"x-a", b"2"]]
    request = request_of(["id", "POST", "/predict", "a=1", "127.0.0.1", raw, b"[]"])
    assert isinstance(request.headers, WireHeaders)
    assert request.headers.content_type == "application/json"
    assert request.headers.get("nothing") is None
    assert request.headers._decoded is None
    assert request.headers.getlist("X-A") == ["é", "2"]
    assert (request.method, request.path, request.query_string, request.client, request.body) == (
        "POST",
        "/predict",
        "a=1",
        "127.0.0.1",
        b"[]",
    )
    request.headers["x-b"] = "3"
    assert request.headers["x-b"] == "3"
