"""Streams of a real server: what clients get, when generators stop, and whom they hold up."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.live import LiveServer, live_server
from tests.server.stream_client import (
    WAIT_S,
    StreamReader,
    counted,
    in_progress,
    lines,
    send_request,
    streaming,
    wait_until,
)
from tests.thoroughness import examples

EVENTS = "Accept: text/event-stream"
BOTH = pytest.mark.parametrize("kind", ["", "_async"], ids=["plain", "async"])


@pytest.fixture(scope="module")
def server(stream_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(stream_bundle, home=tmp_path_factory.mktemp("streams-home")) as running:
        yield running


class TestFraming:
    @BOTH
    @pytest.mark.parametrize(
        ("values", "content_type", "chunks"),
        [
            (["a", "", "b\n", "ü"], "text/plain; charset=utf-8", [b"a", b"b\n", "ü".encode()]),
            ([{"x": 1}, [1, "y"], 2.5, None, True], "application/x-ndjson",
             [b'{"x": 1}\n', b'[1, "y"]\n', b"2.5\n", b"null\n", b"true\n"]),
            (["", ""], "text/plain; charset=utf-8", []),
            ([{"x": 1}, "as it is"], "application/x-ndjson", [b'{"x": 1}\n', b"as it is"]),
        ],
        ids=["text", "json", "empty-chunks", "mixed"],
    )  # fmt: skip
    def test_values_are_chunks(
        self, server: LiveServer, kind: str, values: list[Any], content_type: str, chunks: list[bytes]
    ) -> None:
        with streaming(server, f"values{kind}", values, "X-Request-Id: mine") as answer:
            assert answer.status == 200
            assert answer.headers["content-type"] == content_type
            assert answer.headers["transfer-encoding"] == "chunked"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["x-request-id"] == "mine"
            assert answer.chunks() == chunks

    @BOTH
    def test_values_are_events_for_a_client_that_accepts_them(self, server: LiveServer, kind: str) -> None:
        with streaming(server, f"values{kind}", ["a\nb\r\nc", "", {"x": "1\n2"}], EVENTS) as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.chunks() == [b"data: a\ndata: b\ndata: c\n\n", b"data: \n\n", b'data: {"x": "1\\n2"}\n\n']

    @BOTH
    def test_generator_without_values_is_an_empty_answer(self, server: LiveServer, kind: str) -> None:
        with streaming(server, f"values{kind}", []) as answer:
            assert (answer.status, answer.headers["content-length"]) == (200, "0")

    def test_connection_is_kept_for_the_next_request(self, server: LiveServer) -> None:
        with streaming(server, "values", ["a"]) as answer:
            assert answer.chunks() == [b"a"]
            send_request(answer.sock, "values", ["b"])
            send_request(answer.sock, "plain", "c")
            second = StreamReader(answer.sock)
            assert [second.chunk(), second.chunk()] == [b"b", b""]
            assert StreamReader(answer.sock, second.surplus).body() == b'"c"'

    def test_http_1_0_client_gets_the_chunks_up_to_the_end_of_the_connection(self, server: LiveServer) -> None:
        with streaming(server, "values", ["a", "", {"x": 1}], version="1.0") as answer:
            assert "transfer-encoding" not in answer.headers
            assert answer.headers["connection"] == "close"
            assert answer.rest() == b'a{"x": 1}\n'

    def test_head_request_begins_and_stops_the_stream(self, server: LiveServer, tmp_path: Path) -> None:
        order = {"file": str(tmp_path / "notes"), "count": 100_000, "size": 8}
        with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S) as sock:
            body = json.dumps(order).encode()
            sock.sendall(b"HEAD /flood HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            answer = StreamReader(sock)
            assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
            wait_until(lambda: lines(tmp_path / "notes")[-1:] == ["finally"])
            send_request(sock, "plain", 1)
            assert StreamReader(sock).body() == b"1"

    def test_first_result_sets_status_and_headers(self, server: LiveServer) -> None:
        with streaming(server, "script", ["result", {"x": 1}]) as answer:
            assert (answer.status, answer.headers["x-extra"]) == (201, "yes")
            assert answer.headers["content-type"] == "application/x-ndjson"
            assert answer.chunks() == [b'{"x": 1}\n']

    @BOTH
    def test_chunks_of_all_sizes_arrive_whole(self, server: LiveServer, kind: str) -> None:
        sizes = [0, 1, 0, 65535, 65536, 65537, 0, 1_000_000, 7, 0]
        values = ["x" * size for size in sizes]
        with streaming(server, f"values{kind}", values) as answer:
            assert b"".join(answer.chunks()) == "".join(values).encode()


class TestFailures:
    def test_request_that_cannot_be_read_is_answered_400(self, server: LiveServer) -> None:
        response = server.client.post("/values", content=b"{")
        assert response.status_code == 400
        assert "content-length" in response.headers

    @BOTH
    def test_error_before_the_first_chunk_is_an_ordinary_500(self, server: LiveServer, kind: str) -> None:
        response = server.client.post(f"/script{kind}", json=["raise"])
        assert (response.status_code, response.text) == (500, "Exception happened in API function: no luck")

    @BOTH
    @pytest.mark.parametrize("headers", [(), (EVENTS,)], ids=["chunks", "events"])
    def test_error_after_the_first_chunk_cuts_the_connection(
        self, server: LiveServer, kind: str, headers: tuple[str, ...]
    ) -> None:
        before = counted(server, f"script{kind}", 500)
        with streaming(server, f"script{kind}", ["a", 0.01, "raise"], *headers) as answer:
            text = answer.rest()
        assert answer.status == 200
        assert not text.endswith(b"0\r\n\r\n")
        assert (b"event: error\ndata: Exception happened in API function: no luck\n\n" in text) == bool(headers)
        assert counted(server, f"script{kind}", 500) == before + 1
        assert "no luck" in server.output()

    def test_error_after_the_first_chunk_resets_an_http_1_0_connection(self, server: LiveServer) -> None:
        with (
            streaming(server, "script", ["a", 0.2, "raise"], version="1.0") as answer,
            pytest.raises(ConnectionResetError),
        ):
            answer.rest()

    def test_exit_in_a_generator_costs_the_worker_nothing(self, server: LiveServer) -> None:
        with streaming(server, "script", ["a", 0.01, "exit"]) as answer:
            assert not answer.rest().endswith(b"0\r\n\r\n")
        assert server.client.post("/script", json=["exit"]).status_code == 500

    def test_refusal_as_first_value_is_a_whole_answer(self, server: LiveServer) -> None:
        response = server.client.post("/script", json=["refusal", "never sent"])
        assert (response.status_code, response.text) == (422, "not this one")

    def test_result_in_mid_stream_cuts_the_connection(self, server: LiveServer) -> None:
        with streaming(server, "script", ["a", "result"]) as answer:
            assert not answer.rest().endswith(b"0\r\n\r\n")

    def test_generator_that_cancels_itself_is_an_error(self, server: LiveServer) -> None:
        assert server.client.post("/script_async", json=["cancel"]).status_code == 500
        with streaming(server, "script_async", ["a", "cancel"]) as answer:
            assert not answer.rest().endswith(b"0\r\n\r\n")


class TestBackPressure:
    @BOTH
    def test_generator_waits_for_a_client_that_does_not_read(
        self, server: LiveServer, kind: str, tmp_path: Path
    ) -> None:
        notes = tmp_path / "notes"
        order = {"file": str(notes), "count": 1000, "size": 65536}
        with streaming(server, f"flood{kind}", order, receive_bytes=65536) as answer:
            # Nothing is read: the generator has stopped when it stays where it is while others are served.
            seen = -1
            while seen != (seen := len(lines(notes))):
                for _ in range(50):
                    assert server.client.post("/plain", json=1).text == "1"
            # Some MB lie in buffers of the system; without a bound it would be 64 MB.
            assert seen < 250
            assert len(b"".join(answer.chunks())) == 1000 * 65536
        assert lines(notes)[-1] == "finally"

    def test_many_streams_at_once_each_get_their_own(self, server: LiveServer) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def one(number: int) -> bool:
            kind = ("", "_async")[number % 2]
            values = [f"{number}:{part};" for part in range(50)]
            with streaming(server, f"values{kind}", values) as answer:
                return answer.chunks() == [value.encode() for value in values]

        with ThreadPoolExecutor(100) as pool:
            assert list(pool.map(one, range(100))) == [True] * 100


class TestLeaving:
    @BOTH
    @pytest.mark.parametrize("how", ["reset", "close", "unread"])
    def test_generator_stops_when_the_client_leaves(
        self, server: LiveServer, kind: str, how: str, tmp_path: Path
    ) -> None:
        notes = tmp_path / "notes"
        size = 65536 if how == "unread" else 8
        path = f"flood{kind}"
        before = counted(server, path, 499)
        with streaming(server, path, {"file": str(notes), "count": 10_000_000, "size": size}) as answer:
            if how == "reset":
                answer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how != "unread":
                answer.chunk()
        wait_until(lambda: lines(notes)[-1:] == ["finally"])
        wait_until(lambda: counted(server, path, 499) == before + 1)
        assert in_progress(server, path) == 0
        assert lines(notes).count("finally") == 1

    @BOTH
    def test_generator_that_yields_nothing_stops_when_the_client_leaves(
        self, server: LiveServer, kind: str, tmp_path: Path
    ) -> None:
        notes = tmp_path / "notes"
        order = {"file": str(notes), "release": str(tmp_path / "never")}
        with streaming(server, f"until_let_go{kind}", order) as answer:
            assert answer.chunk() == b"first"
            assert in_progress(server, f"until_let_go{kind}") == 1
        wait_until(lambda: lines(notes) == ["finally"])
        assert in_progress(server, f"until_let_go{kind}") == 0


@given(
    sizes=st.lists(st.one_of(st.integers(0, 3), st.integers(0, 200_000), st.just(65536)), max_size=12),
    kind=st.sampled_from(["", "_async"]),
    version=st.sampled_from(["1.0", "1.1"]),
    reads=st.lists(st.integers(1, 100_000), min_size=1, max_size=5),
)
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_of_any_size_arrive_whole_however_they_are_read(
    server: LiveServer, sizes: list[int], kind: str, version: str, reads: list[int]
) -> None:
    values = [chr(ord("a") + number) * size for number, size in enumerate(sizes)]
    with streaming(server, f"values{kind}", values, version=version) as answer:
        answer.read_sizes(reads)
        if "content-length" in answer.headers:
            assert (sizes, answer.body()) == ([], b"")
        elif version == "1.0":
            assert answer.rest() == "".join(values).encode()
        else:
            assert b"".join(answer.chunks()) == "".join(values).encode()
            # The end of this answer is where it seems to be.
            send_request(answer.sock, "plain", 1)
            assert StreamReader(answer.sock, answer.surplus).body() == b"1"
