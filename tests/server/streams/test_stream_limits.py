"""Streams that take too long, lose their worker, or meet the end of the server."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.live import LiveServer, live_server, metric
from tests.server.stream_client import counted, in_progress, lines, streaming, wait_until

BOTH = pytest.mark.parametrize("kind", ["", "_async"], ids=["plain", "async"])
# Longer than the limit of `hurried`, and not for ever: a step of a plain generator cannot be interrupted.
TOO_LONG_S = 3.0


@pytest.fixture(scope="module")
def hurried(stream_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose limit is two seconds."""
    with live_server(
        stream_bundle,
        *("--workers", "1", "--timeout", "2", "--worker-timeout-s", "60"),
        home=tmp_path_factory.mktemp("hurried-home"),
        command="serve-gunicorn",
    ) as running:
        yield running


def accepts(server: LiveServer) -> bool:
    """Whether the server takes new connections."""
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except OSError:
        return False
    return True


@BOTH
class TestTimeLimits:
    def test_stream_that_does_not_begin_in_time_is_answered_408(self, hurried: LiveServer, kind: str) -> None:
        before = counted(hurried, f"script{kind}", 408)
        response = hurried.client.post(f"/script{kind}", json=[TOO_LONG_S, "a"])
        assert (response.status_code, response.text) == (408, "Request timeout")
        assert counted(hurried, f"script{kind}", 408) == before + 1

    def test_stream_that_pauses_too_long_is_cut(self, hurried: LiveServer, kind: str) -> None:
        before = counted(hurried, f"script{kind}", 408)
        with streaming(hurried, f"script{kind}", ["a", TOO_LONG_S, "b"]) as answer:
            assert answer.rest() == b"1\r\na\r\n"
        assert counted(hurried, f"script{kind}", 408) == before + 1
        assert "has yielded nothing for 2 s" in hurried.output()

    def test_stream_that_goes_on_has_all_the_time(self, hurried: LiveServer, kind: str) -> None:
        steps: list[Any] = [part for number in range(6) for part in (str(number), 0.5)]
        began_s = time.monotonic()
        with streaming(hurried, f"script{kind}", steps) as answer:
            assert answer.chunks() == [b"0", b"1", b"2", b"3", b"4", b"5"]
        assert time.monotonic() - began_s > 2.0

    def test_client_that_does_not_read_is_cut(self, hurried: LiveServer, kind: str, tmp_path: Path) -> None:
        path, notes = f"flood{kind}", tmp_path / "notes"
        before = counted(hurried, path, 408)
        order = {"file": str(notes), "count": 100_000, "size": 65536}
        with streaming(hurried, path, order, receive_bytes=65536):
            wait_until(lambda: lines(notes)[-1:] == ["finally"])
            wait_until(lambda: counted(hurried, path, 408) == before + 1)
            assert in_progress(hurried, path) == 0
            assert "the client has read nothing for 2 s" in hurried.output()

    def test_client_that_reads_slowly_is_served(self, hurried: LiveServer, kind: str, tmp_path: Path) -> None:
        # Less than the system's own buffers at a time, for longer than the limit.
        path, notes = f"flood{kind}", tmp_path / "notes"
        order = {"file": str(notes), "count": 100, "size": 65536}
        with streaming(hurried, path, order, receive_bytes=65536) as answer:
            end_s = time.monotonic() + 4
            read = 0
            while time.monotonic() < end_s:
                read += len(answer.chunk())
                time.sleep(0.05)
            assert read + len(b"".join(answer.chunks())) == 100 * 65536


class TestWorkerDeath:
    def test_stream_that_has_not_begun_is_tried_on_another_worker(self, stream_bundle: Path, tmp_path: Path) -> None:
        with live_server(stream_bundle, home=tmp_path / "home") as server:
            with streaming(server, "dies_once", str(tmp_path / "once")) as answer:
                assert (answer.status, answer.chunks()) == (200, [b"second try"])
            assert lines(tmp_path / "once") == ["died"]

    @BOTH
    def test_stream_that_has_begun_is_cut(self, stream_bundle: Path, kind: str, tmp_path: Path) -> None:
        with live_server(stream_bundle, home=tmp_path) as server:
            with streaming(server, f"script{kind}", ["a", 0.2, "die"]) as answer:
                assert answer.rest() == b"1\r\na\r\n"
            wait_until(lambda: counted(server, f"script{kind}", 503) == 1)
            assert in_progress(server, f"script{kind}") == 0
            wait_until(lambda: metric(server, "BENTOML_Streams_workers") == 1)
            with streaming(server, f"values{kind}", ["b"]) as answer:
                assert answer.chunks() == [b"b"]


@BOTH
class TestDrain:
    def test_stream_ends_within_the_time_of_grace(self, stream_bundle: Path, kind: str, tmp_path: Path) -> None:
        order = {"file": str(tmp_path / "notes"), "release": str(tmp_path / "release")}
        with (
            live_server(stream_bundle, home=tmp_path / "home") as server,
            streaming(server, f"until_let_go{kind}", order) as answer,
        ):
            assert answer.chunk() == b"first"
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not accepts(server))
            (tmp_path / "release").touch()
            assert answer.chunks() == [b"last"]
            assert server.process.wait(30) == 0
            assert lines(tmp_path / "notes") == ["finally"]

    def test_stream_that_outlasts_it_is_cut(self, stream_bundle: Path, kind: str, tmp_path: Path) -> None:
        order = {"file": str(tmp_path / "notes"), "release": str(tmp_path / "never")}
        with (
            live_server(stream_bundle, "--grace-s", "1", home=tmp_path / "home") as server,
            streaming(server, f"until_let_go{kind}", order) as answer,
        ):
            assert answer.chunk() == b"first"
            server.process.send_signal(signal.SIGTERM)
            assert not answer.rest().endswith(b"0\r\n\r\n")
            assert server.process.wait(30) == 1


@BOTH
@pytest.mark.parametrize("how", ["reloaded", "recycled"])
def test_stream_outlives_the_replacement_of_its_worker(
    stream_bundle: Path, kind: str, how: str, tmp_path: Path
) -> None:
    order = {"file": str(tmp_path / "notes"), "release": str(tmp_path / "release")}
    arguments = ("--worker-max-requests", "5") if how == "recycled" else ()
    with (
        live_server(
            stream_bundle, "--workers", "1", *arguments, home=tmp_path / "home", command="serve-gunicorn"
        ) as server,
        streaming(server, f"until_let_go{kind}", order) as answer,
    ):
        assert answer.chunk() == b"first"
        worker = server.client.post("/pid", json=0).json()
        if how == "reloaded":
            server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.client.post("/pid", json=0).json() != worker)
        assert lines(tmp_path / "notes") == []
        (tmp_path / "release").touch()
        assert answer.chunks() == [b"last"]
        assert lines(tmp_path / "notes") == ["finally"]
        wait_until(lambda: not Path(f"/proc/{worker}").exists())
