"""Bodies that are still arriving are bounded for all connections together, in both lanes, and let go in every case."""

from __future__ import annotations

import asyncio

import pytest

from bentoml.server.http.arriving import Arriving
from tests.server.bench import Bench, rest

HEAD = b"POST /predict HTTP/1.1\r\nContent-Length: 300\r\n\r\n"
SLOW_HEAD = b"POST /predict HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 300\r\n\r\n"


def test_take_stops_at_the_limit_and_goes_on_when_there_is_room() -> None:
    arriving = Arriving(10)
    assert arriving.take(6)
    assert not arriving.take(5)
    assert arriving.take(4)
    arriving.give_back(6)
    assert arriving.take(6)
    assert arriving.size_bytes == 10


@pytest.mark.parametrize("head", [HEAD, SLOW_HEAD], ids=["fast", "slow"])
def test_body_within_the_limit_is_taken_and_let_go(head: bytes) -> None:
    async def scenario() -> None:
        bench = Bench()
        protocol, transport = bench.connect()
        protocol.data_received(head)
        for _ in range(3):
            await rest()
            protocol.data_received(b"x" * 100)
        await rest()
        assert transport.written.endswith(b"\r\n\r\n300 bytes")
        assert bench.arriving.size_bytes == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("head", [HEAD, SLOW_HEAD], ids=["fast", "slow"])
def test_body_over_the_limit_is_refused_and_small_ones_are_not(head: bytes) -> None:
    async def scenario() -> None:
        bench = Bench()
        others = [bench.connect() for _ in range(2)]
        for protocol, _ in others:
            protocol.data_received(head)
            for _ in range(2):
                await rest()
                protocol.data_received(b"x" * 100)
        await rest()
        assert bench.arriving.size_bytes == 200
        protocol, transport = bench.connect()
        protocol.data_received(head)
        await rest()
        protocol.data_received(b"x" * 100)
        await rest()
        protocol.data_received(b"x" * 100)
        await rest()
        assert transport.written.partition(b"HTTP/1.1 429 ")[1]
        assert b"retry-after: 1\r\n" in transport.written
        protocol.data_received(b"x" * 100 + HEAD.replace(b"300", b"5") + b"small")
        await rest()
        assert transport.written.endswith(b"\r\n\r\n5 bytes")
        for other, _ in others:
            other.connection_lost(None)
        await rest()
        assert bench.arriving.size_bytes == 0
        protocol.connection_lost(None)

    asyncio.run(scenario())


def test_body_that_breaks_off_behind_another_request_is_let_go() -> None:
    async def scenario() -> None:
        bench = Bench(answers=False)
        protocol, transport = bench.connect()
        protocol.data_received(HEAD + b"x" * 300)
        protocol.data_received(b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        protocol.data_received(b"64\r\n" + b"x" * 100 + b"\r\n")
        assert bench.arriving.size_bytes == 100
        protocol.data_received(b"no chunk\r\n")
        assert bench.arriving.size_bytes == 0
        assert transport.written == b""
        bench.waiting[0].answer(200, b"", b"first")
        assert [part[:3] for part in transport.written.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]
        assert transport.closed

    asyncio.run(scenario())
