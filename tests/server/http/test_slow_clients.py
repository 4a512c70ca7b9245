"""Clients that send or read slowly are let go in time, and others are not. Time is what the test says it is."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bentoml._http.client_limits import ClientLimits
from bentoml._http.slow_clients import SlowClients
from bentoml.server.front.protocol import FrontProtocol
from tests.server.bench import Bench, RecordingTransport, rest
from tests.server.live import live_server
from tests.server.raw_http import connection, receive_all, request

LIMITS = ClientLimits(header_timeout_s=20, body_timeout_s=30)
REQUEST = b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\n\r\nsmall"
HEAD = b"POST /predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
LANES = pytest.mark.parametrize("path", [b"/predict", b"/%70redict"], ids=["fast", "slow"])


class Sweeps:
    """One connection, looked at every five seconds."""

    def __init__(self, *, answers: bool = True) -> None:
        self.bench = Bench(answers=answers)
        self.connection: FrontProtocol
        self.transport: RecordingTransport
        self.connection, self.transport = self.bench.connect()
        self.now_s = self.connection.idle_since_s
        self._slow_clients = SlowClients(LIMITS, lambda: self.now_s)

    async def pass_time(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass; `each` is called before each look."""
        for _ in range(int(seconds / 5)):
            if not self.transport.is_closing():
                each()
            await rest()
            self.now_s += 5
            self._slow_clients.sweep([self.connection])

    async def send(self, data: bytes) -> None:
        self.connection.data_received(data)
        await rest()

    @property
    def answers(self) -> list[bytes]:
        return [part[:3] for part in self.transport.written.split(b"HTTP/1.1 ")[1:]]


def run(scenario: Callable[[], object]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


@LANES
def test_head_that_does_not_end_is_answered_408(path: bytes) -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send(b"POST %b HTTP/1.1\r\nX: " % path)
        # It does not help to send a little now and then.
        await sweeps.pass_time(20, lambda: sweeps.connection.data_received(b"x"))
        assert sweeps.answers == []
        await sweeps.pass_time(10)
        assert sweeps.answers == [b"408"]
        assert b"connection: close\r\n\r\nRequest timeout" in sweeps.transport.written
        assert sweeps.transport.is_closing()

    run(scenario)


@LANES
def test_body_that_stands_still_is_answered_408(path: bytes) -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send((HEAD % 300).replace(b"/predict", path) + b"x")
        await sweeps.pass_time(30)
        assert sweeps.answers == []
        await sweeps.pass_time(10)
        assert sweeps.answers == [b"408"]
        assert sweeps.transport.is_closing()
        sweeps.connection.connection_lost(None)
        assert sweeps.bench.arriving.size_bytes == 0

    run(scenario)


@LANES
def test_body_of_a_byte_now_and_then_is_answered_408(path: bytes) -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send((HEAD % 300).replace(b"/predict", path))
        await sweeps.pass_time(50, lambda: sweeps.connection.data_received(b"x"))
        assert sweeps.answers == [b"408"]

    run(scenario)


@LANES
def test_body_that_comes_steadily_may_take_longer_than_a_silence(path: bytes) -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        sweeps.bench.arriving.give_back(100_000)  # there is room
        await sweeps.send((HEAD % 60_001).replace(b"/predict", path))
        await sweeps.pass_time(100, lambda: sweeps.connection.data_received(b"x" * 3000))
        assert not sweeps.transport.is_closing()
        await sweeps.send(b"x")
        assert sweeps.answers == [b"200"]

    run(scenario)


@LANES
def test_answered_connections_are_kept_as_long_as_they_may_be_idle(path: bytes) -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        for _ in range(3):
            await sweeps.send(REQUEST.replace(b"/predict", path))
            sweeps.connection.idle_since_s = sweeps.now_s
            await sweeps.pass_time(75)
            assert not sweeps.transport.is_closing()
        await sweeps.pass_time(5)
        assert sweeps.transport.is_closing()
        assert sweeps.answers == [b"200"] * 3

    run(scenario)


def test_connection_that_never_sends_anything_is_closed_without_a_word() -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.pass_time(20)
        assert not sweeps.transport.is_closing()
        await sweeps.pass_time(5)
        assert sweeps.transport.is_closing()
        assert sweeps.transport.written == b""

    run(scenario)


def test_heads_that_come_one_after_the_other_have_their_own_time_each() -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        for _ in range(5):
            await sweeps.send(REQUEST[:20])
            await sweeps.pass_time(15)
            await sweeps.send(REQUEST[20:])
        assert sweeps.answers == [b"200"] * 5

    run(scenario)


@LANES
def test_request_that_waits_for_its_answer_takes_its_time(path: bytes) -> None:
    async def scenario() -> None:
        sweeps = Sweeps(answers=False)
        await sweeps.send(REQUEST.replace(b"/predict", path))
        await sweeps.pass_time(600)
        assert not sweeps.transport.is_closing()
        sweeps.bench.waiting[0].answer(200, b"", b"late")
        await rest()
        assert sweeps.answers == [b"200"]

    run(scenario)


def test_body_behind_a_request_that_waits_is_not_taken_for_slow() -> None:
    async def scenario() -> None:
        sweeps = Sweeps(answers=False)
        await sweeps.send(REQUEST + HEAD % 100 + b"x" * 20)
        await sweeps.pass_time(600)
        assert not sweeps.transport.is_closing()
        sweeps.bench.waiting[0].answer(200, b"", b"first")
        await sweeps.pass_time(25)
        assert not sweeps.transport.is_closing()
        await sweeps.send(b"x" * 80)
        assert len(sweeps.bench.waiting) == 2

    run(scenario)


def test_slow_head_behind_a_request_that_waits_is_refused_in_its_turn() -> None:
    async def scenario() -> None:
        sweeps = Sweeps(answers=False)
        await sweeps.send(REQUEST + b"POST /pre")
        await sweeps.pass_time(40)
        assert sweeps.answers == []
        sweeps.bench.waiting[0].answer(200, b"", b"first")
        assert sweeps.answers == [b"200", b"408"]

    run(scenario)


def test_client_that_does_not_read_its_answer_is_cut_off() -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send(REQUEST)
        sweeps.transport.unsent_bytes = 1_000_000
        await sweeps.pass_time(30)
        assert not sweeps.transport.is_closing()
        await sweeps.pass_time(10)
        assert sweeps.transport.aborted

    run(scenario)


def test_client_that_reads_a_little_now_and_then_is_cut_off() -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send(REQUEST)
        sweeps.transport.unsent_bytes = 1_000_000

        def read_a_little() -> None:
            sweeps.transport.unsent_bytes -= 100

        await sweeps.pass_time(60, read_a_little)
        assert sweeps.transport.aborted

    run(scenario)


def test_client_that_reads_slowly_but_steadily_gets_its_answer() -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send(REQUEST)
        sweeps.transport.unsent_bytes = 1_000_000

        def read() -> None:
            sweeps.transport.unsent_bytes -= 5_000

        await sweeps.pass_time(900, read)
        assert not sweeps.transport.is_closing()

    run(scenario)


def test_client_that_reads_nothing_is_cut_off_also_when_the_connection_is_closing() -> None:
    async def scenario() -> None:
        sweeps = Sweeps()
        await sweeps.send(b"no request\r\n\r\n")
        assert sweeps.transport.is_closing()
        sweeps.transport.unsent_bytes = 100
        await sweeps.pass_time(40)
        assert sweeps.transport.aborted

    run(scenario)


@pytest.mark.parametrize(
    ("header_s", "body_s", "idle_s", "expected_s"),
    [(20, 30, 75, 5), (1, 30, 75, 0.25), (20, 2, 75, 0.5), (20, 30, 4, 1), (600, 600, 600, 5)],
)
def test_sweeps_are_close_enough_for_the_limits(
    header_s: float, body_s: float, idle_s: float, expected_s: float
) -> None:
    assert ClientLimits(header_s, body_s, idle_s).sweep_every_s == expected_s


def test_limits_of_the_configuration_are_kept(everything_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bentoml.yml").write_text("bento_server: {header_timeout_s: 1, body_timeout_s: 1}")
    with live_server(everything_bundle, home=tmp_path) as server:
        with connection(server) as silent, connection(server) as in_head, connection(server) as in_body:
            in_head.sendall(b"POST /echo HTTP/1.1\r\n")
            in_body.sendall(request(b"POST", b"/echo", b"1234")[:-2])
            assert receive_all(silent) == b""
            for sock in (in_head, in_body):
                assert receive_all(sock).endswith(b"connection: close\r\n\r\nRequest timeout")
        with connection(server) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(request(b"POST", b"/echo", b'"%b"' % (b"x" * 8_000_000)))
            wait_for_reset(deaf)
        assert server.client.post("/total", json=[[1]]).json() == [1]


def test_connection_without_a_request_stays_as_long_as_the_configuration_says(
    everything_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "bentoml.yml").write_text("bento_server: {keep_alive_s: 0.5}")
    with live_server(everything_bundle, home=tmp_path) as server, connection(server) as sock:
        began = time.monotonic()
        sock.sendall(request(b"POST", b"/echo", b"1"))
        assert b'"obj": 1' in receive_all(sock)
        assert 0.5 <= time.monotonic() - began < 15


def wait_for_reset(sock: socket.socket) -> None:
    """Wait until the other side has reset the connection; reading would let it go on."""
    poll = select.poll()
    poll.register(sock, 0)
    assert poll.poll(30_000), "the connection stays"
