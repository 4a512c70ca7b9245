"""Tracebacks are for those who sit at the machine, and for nobody behind a proxy or a web page."""

from __future__ import annotations

import pytest

from bentoml._http.loopback import may_see_tracebacks

HOST = ("host", "localhost:5000")


@pytest.mark.parametrize(
    ("client", "headers", "on_unix_socket", "expected"),
    [
        pytest.param("127.0.0.1", [HOST], False, True, id="IPv4"),
        pytest.param("127.8.9.1", [("host", "127.0.0.1")], False, True, id="another loopback address"),
        pytest.param("::1", [("host", "[::1]:5000")], False, True, id="IPv6"),
        pytest.param("::ffff:127.0.0.1", [("host", "LOCALHOST")], False, True, id="IPv4 in IPv6"),
        pytest.param("127.0.0.1", [("host", "0.0.0.0:5000")], False, True, id="the address that the server says"),
        pytest.param("", [HOST], True, True, id="unix socket"),
        pytest.param("", [HOST], False, False, id="no address"),
        pytest.param("10.0.0.1", [HOST], False, False, id="another machine"),
        pytest.param("10.0.0.1", [HOST], True, False, id="another machine, on a unix socket"),
        pytest.param("::ffff:10.0.0.1", [HOST], False, False, id="another machine, IPv4 in IPv6"),
        pytest.param("0.0.0.0", [HOST], False, False, id="any address"),
        pytest.param("localhost", [HOST], False, False, id="a name"),
        pytest.param("127.0.0.1", [HOST, ("x-forwarded-for", "127.0.0.1")], False, False, id="a proxy"),
        pytest.param("127.0.0.1", [HOST, ("x-forwarded-proto", "https")], False, False, id="a proxy with TLS"),
        pytest.param("127.0.0.1", [HOST, ("forwarded", "for=1.2.3.4")], False, False, id="a standard proxy"),
        pytest.param("127.0.0.1", [HOST, ("via", "1.1 vegur")], False, False, id="a polite proxy"),
        pytest.param("", [HOST, ("x-real-ip", "")], True, False, id="a proxy on a unix socket"),
        pytest.param("127.0.0.1", [("host", "models.example")], False, False, id="a proxy that keeps the host"),
        pytest.param("127.0.0.1", [("host", "localhost.example")], False, False, id="a name like ours"),
        pytest.param("127.0.0.1", [("host", "127.0.0.1.example")], False, False, id="a name like an address"),
        pytest.param("127.0.0.1", [], False, False, id="no host"),
        pytest.param("127.0.0.1", [HOST, HOST], False, False, id="two hosts"),
        pytest.param("127.0.0.1", [("host", "")], False, False, id="an empty host"),
    ],
)
def test_traceback_is_for_clients_on_this_machine_alone(
    client: str, headers: list[tuple[str, str]], on_unix_socket: bool, expected: bool
) -> None:
    assert may_see_tracebacks(client, headers, on_unix_socket=on_unix_socket) is expected
