"""Coroutine APIs of a real server: side by side, cancelled when nobody waits, and in nobody's way."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, live_server
from tests.server.stream_client import WAIT_S, counted, in_progress, lines, send_request, streaming, wait_until


@pytest.fixture(scope="module")
def server(stream_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(stream_bundle, home=tmp_path_factory.mktemp("async-home")) as running:
        yield running


def ask(server: LiveServer, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/{path}", json=body, timeout=WAIT_S, trust_env=False, verify=NO_TLS)


@pytest.mark.parametrize("path", ["wait", "wait_batch"])
def test_coroutines_run_side_by_side_and_do_not_block_plain_functions(
    server: LiveServer, path: str, tmp_path: Path
) -> None:
    side_by_side = 4 if path == "wait_batch" else 60
    order = {"file": str(tmp_path / "notes"), "release": str(tmp_path / "release")}
    with ThreadPoolExecutor(side_by_side) as pool:
        answers = [pool.submit(ask, server, path, order) for _ in range(side_by_side)]
        # None of them ends before all have begun.
        wait_until(lambda: lines(tmp_path / "notes") == ["begun"] * side_by_side)
        assert ask(server, "plain", 1).json() == 1
        assert ask(server, "who_async", "me").json() == ["nobody", "me"]
        (tmp_path / "release").touch()
        assert [answer.result().json() for answer in answers] == ["done"] * side_by_side


def test_coroutines_over_the_bound_wait_for_a_place(server: LiveServer, tmp_path: Path) -> None:
    order = {"file": str(tmp_path / "notes"), "release": str(tmp_path / "release")}
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(ask, server, "wait_batch", order) for _ in range(6)]
        wait_until(lambda: in_progress(server, "wait_batch") == 6)
        wait_until(lambda: len(lines(tmp_path / "notes")) == 4)
        (tmp_path / "release").touch()
        assert [answer.result().json() for answer in answers] == ["done"] * 6
    assert lines(tmp_path / "notes")[:4] == ["begun"] * 4


def test_slow_plain_function_does_not_block_coroutines(server: LiveServer, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, server, "plain_wait", {"file": str(tmp_path / "n"), "release": str(tmp_path / "r")})
        wait_until(lambda: lines(tmp_path / "n") == ["begun"])
        assert ask(server, "who_async", "me").json() == ["nobody", "me"]
        with streaming(server, "values_async", ["a"]) as answer:
            assert answer.chunks() == [b"a"]
        with streaming(server, "values", ["a"]) as answer:
            assert answer.chunks() == [b"a"]
        assert not slow.done()
        (tmp_path / "r").touch()
        assert slow.result().json() == "done"


@pytest.mark.parametrize("path", ["wait", "wait_batch"])
def test_coroutine_is_cancelled_when_its_client_leaves(server: LiveServer, path: str, tmp_path: Path) -> None:
    before = counted(server, path, 499)
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S) as sock:
        send_request(sock, path, {"file": str(tmp_path / "notes"), "release": str(tmp_path / "never")})
        wait_until(lambda: lines(tmp_path / "notes") == ["begun"])
    wait_until(lambda: lines(tmp_path / "notes") == ["begun", "cancelled"])
    assert counted(server, path, 499) == before + 1
    assert in_progress(server, path) == 0


def test_coroutine_is_cancelled_at_its_deadline(stream_bundle: Path, tmp_path: Path) -> None:
    with live_server(
        stream_bundle,
        *("--workers", "1", "--timeout", "1", "--worker-timeout-s", "60"),
        home=tmp_path / "home",
        command="serve-gunicorn",
    ) as server:
        answer = ask(server, "wait", {"file": str(tmp_path / "notes"), "release": str(tmp_path / "never")})
        assert (answer.status_code, answer.text) == (408, "Request timeout")
        wait_until(lambda: lines(tmp_path / "notes") == ["begun", "cancelled"])


def test_coroutine_that_cancels_itself_is_an_error(server: LiveServer) -> None:
    answer = ask(server, "cancels_itself", 1)
    assert answer.status_code == 500
    assert answer.text
    assert counted(server, "cancels_itself", 500) == 1


@pytest.mark.parametrize("path", ["who", "who_async", "who_stream"])
def test_context_of_a_call_is_not_left_to_the_next_one(server: LiveServer, path: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(server, path, f"caller {number}").text, range(40)))
    for number, answer in enumerate(answers):
        assert answer in {
            json.dumps("nobody"),
            json.dumps(["nobody", f"caller {number}"]),
            f"nobodycaller {number}",
        }
