"""A registry that is asked too much: clients that do not read, more requests than it may answer."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry

# More than the buffers between two sockets of one machine hold; no archive makes it smaller.
SIZE_BYTES = 48 << 20
LIMIT_S = 60.0


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    limits = {"BENTOML__YATAI__SERVER__BODY_TIMEOUT_S": "1"}
    with live_registry(tmp_path_factory.mktemp("home"), **limits) as running, running.client() as client:
        push(client, write_bundle(tmp_path_factory.mktemp("bundle"), "Large", model=os.urandom(SIZE_BYTES)), "Large:1")
        yield running


def in_progress(client: httpx.Client) -> int:
    found = re.search(r"^YATAI_requests_in_progress (\d+)", client.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return int(found[1])


def wait_until_answered(client: httpx.Client, others: int = 0) -> None:
    deadline = time.monotonic() + LIMIT_S
    # The question itself is under way, too.
    while in_progress(client) != others + 1:
        assert time.monotonic() < deadline


def read_to_end(sock: socket.socket) -> int:
    received = 0
    with suppress(ConnectionResetError):
        while chunk := sock.recv(1 << 20):
            received += len(chunk)
    return received


@pytest.mark.parametrize("part", ["files/Large/artifacts/model.pkl", "archive"])
def test_client_that_does_not_read_a_download_is_let_go(registry: LiveRegistry, part: str) -> None:
    with (
        registry.client() as client,
        socket.create_connection(("127.0.0.1", registry.port), timeout=LIMIT_S) as sock,
    ):
        sock.sendall(f"GET /api/v1/bundles/Large/1/{part} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
        wait_until_answered(client)
        assert read_to_end(sock) < SIZE_BYTES
        # Nothing of it holds on to the bundle.
        assert client.delete("/api/v1/bundles/Large/1").status_code == 204
        assert client.post("/api/v1/bundles/Large/1/restore").status_code == 200


def test_client_that_reads_in_its_own_time_gets_the_whole_download(registry: LiveRegistry) -> None:
    """It pauses for less than the limit, again and again, and takes longer than the limit in all."""
    began_s, received = time.monotonic(), 0
    with registry.client() as client, client.stream("GET", "/api/v1/bundles/Large/1/archive") as answer:
        for chunk in answer.iter_raw(1 << 20):
            received += len(chunk)
            next_s = began_s + 2.0 * received / SIZE_BYTES
            while time.monotonic() < next_s:
                time.sleep(0.01)
    assert received > SIZE_BYTES


def test_requests_beyond_the_limit_are_refused_and_health_is_not(tmp_path: Path) -> None:
    limits = {"BENTOML__YATAI__SERVER__MAX_CONCURRENCY": "2"}
    body = b'{"user": "nobody", "password": "wrong password"}'
    head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    with live_registry(tmp_path, **limits) as running, running.client() as client:
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT_S) as first,
            socket.create_connection(("127.0.0.1", running.port), timeout=LIMIT_S) as second,
        ):
            first.sendall(head + body[:10])
            wait_until_answered(client, others=1)
            assert client.get("/api/v1/bundles").status_code == 200
            second.sendall(head + body[:10])
            deadline = time.monotonic() + LIMIT_S
            while (refused := client.get("/api/v1/bundles")).status_code == 200:
                assert time.monotonic() < deadline
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "unavailable"
            assert client.get("/healthz").status_code == 200
            for sock in (first, second):
                sock.sendall(body[10:])
                assert sock.recv(100).startswith(b"HTTP/1.1 401 ")
        wait_until_answered(client)
        assert client.get("/api/v1/bundles").status_code == 200
