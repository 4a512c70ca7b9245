"""Who is in the access log when a proxy stands before the server: the client, unless it only says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.access_lines import AccessLines
from tests.server.live import LiveServer, live_server
from tests.server.raw_http import SLOW_LANE, connection, receive_all, receive_answers, request

SAID = b"X-Forwarded-For: 198.51.100.1, 203.0.113.9"


def configured(home: Path, trusted: str) -> Path:
    home.mkdir()
    (home / "bentoml.yml").write_text(f"bento_server: {{trusted_proxies: [{trusted}]}}\n", encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def behind_proxy(everything_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = configured(tmp_path_factory.mktemp("behind") / "home", "127.0.0.0/8")
    with live_server(everything_bundle, home=home) as server:
        yield server


def asked(server: LiveServer, *requests: bytes) -> list[str]:
    """Lines of requests that are sent one after the other on one connection."""
    lines = AccessLines(server)
    with connection(server) as sock:
        for each in requests:
            sock.sendall(each)
            receive_answers(sock, 1)
    return lines.take()


def test_client_behind_a_trusted_proxy_is_the_one_in_the_log(behind_proxy: LiveServer) -> None:
    other = SAID.replace(b"203.0.113.9", b"203.0.113.10")
    fast = request(b"POST", b"/echo", b"1", SAID)
    # The same head again is not parsed; another client on the same connection has another one.
    clients = [
        line.split()[0]
        for line in asked(
            behind_proxy,
            fast,
            fast,
            request(b"POST", b"/echo", b"1", other),
            fast,
            request(b"POST", b"/echo", b"1", SAID, SLOW_LANE.strip()),
            request(b"GET", b"/healthz", b"", SAID),
            request(b"GET", b"/nowhere", b"", other),
            request(b"GET", b"/healthz", b""),
        )
    ]
    assert clients == [
        *("203.0.113.9", "203.0.113.9", "203.0.113.10", "203.0.113.9"),
        *("203.0.113.9", "203.0.113.9", "203.0.113.10", "127.0.0.1"),
    ]


def test_refused_head_behind_a_trusted_proxy_has_its_client_in_the_log(behind_proxy: LiveServer) -> None:
    lines = AccessLines(behind_proxy)
    with connection(behind_proxy) as sock:
        sock.sendall(request(b"POST", b"/echo", b"1", SAID, b"Expect: nonsense"))
        assert b" 417 " in receive_all(sock)
    (line,) = lines.take()
    assert line.startswith("203.0.113.9 ")


def test_stranger_who_claims_to_be_a_proxy_stays_who_it_is(server: LiveServer) -> None:
    fast = request(b"POST", b"/echo", b"1", SAID)
    slow = request(b"POST", b"/echo", b"1", SAID, SLOW_LANE.strip())
    lines = asked(server, fast, fast, slow, request(b"GET", b"/healthz", b"", SAID))
    assert [line.split()[0] for line in lines] == ["127.0.0.1"] * 4


def test_proxy_on_the_unix_socket_is_trusted_by_its_name(everything_bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "unix")
    path = tmp_path / "s"
    with live_server(everything_bundle, "--uds", str(path), home=home) as server, socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(path))
        sock.sendall(request(b"POST", b"/echo", b"1", SAID) + request(b"POST", b"/echo", b"1"))
        receive_answers(sock, 2)
        sock.close()
        assert server.stop() == 0
    lines = (home / "logs" / "access.log").read_text().splitlines()
    assert [line.split()[1] for line in lines if "/echo" in line] == ["203.0.113.9", "-"]


def test_name_that_is_no_address_keeps_the_server_from_starting(everything_bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "proxy.example")
    with (
        pytest.raises(AssertionError, match=r"bento_server\.trusted_proxies"),
        live_server(everything_bundle, home=home),
    ):
        pass
