"""Whom a request comes from: nobody but a trusted proxy can say that it is somebody else."""

from __future__ import annotations

import pytest

from bentoml._http.proxies import Proxies
from bentoml.exceptions import InvalidArgument

TRUSTED = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        pytest.param("10.0.0.1", ["203.0.113.9"], "203.0.113.9", id="a proxy"),
        pytest.param("203.0.113.9", ["198.51.100.1"], "203.0.113.9", id="a stranger who claims to be one"),
        pytest.param("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9", id="a stranger's own words before"),
        pytest.param("10.0.0.1", ["203.0.113.9, 192.0.2.7, 10.9.9.9"], "203.0.113.9", id="a chain of proxies"),
        pytest.param("10.0.0.1", ["203.0.113.9", "192.0.2.7"], "203.0.113.9", id="in several fields"),
        pytest.param("10.0.0.1", ["198.51.100.1, 203.0.113.9, 192.0.2.7"], "203.0.113.9", id="a chain and a lie"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="a proxy that asks for itself"),
        pytest.param("10.0.0.1", ["10.0.0.2"], "10.0.0.2", id="a client in the network of the proxies"),
        pytest.param("10.0.0.1", ["unknown"], "10.0.0.1", id="no address"),
        pytest.param("10.0.0.1", ["203.0.113.9, x\r\n, 192.0.2.7"], "192.0.2.7", id="no address within the chain"),
        pytest.param("10.0.0.1", [""], "10.0.0.1", id="nothing"),
        pytest.param("10.0.0.1", [" 203.0.113.9:4711 "], "203.0.113.9", id="with a port"),
        pytest.param("10.0.0.1", ["[2001:db9::1]:443"], "2001:db9::1", id="IPv6 with a port"),
        pytest.param("10.0.0.1", ["2001:DB9::1"], "2001:db9::1", id="IPv6"),
        pytest.param("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9", id="IPv4 in IPv6"),
        pytest.param("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9", id="a proxy by IPv4 in IPv6"),
        pytest.param("2001:db8::5", ["203.0.113.9"], "203.0.113.9", id="a proxy by IPv6"),
        pytest.param("", ["203.0.113.9"], "", id="a unix socket that is not trusted"),
        pytest.param("10.0.0.1", ["203.0.113.9" + ", 10.0.0.2" * 100], "10.0.0.2", id="a chain without an end"),
    ],
)
def test_client_of_is_the_last_address_that_is_no_trusted_proxy(peer: str, said: list[str], expected: str) -> None:
    headers = [(b"host", b"x"), *[(b"x-forwarded-for", value.encode()) for value in said]]
    assert Proxies(TRUSTED).client_of(peer, headers) == expected


def test_unix_trusts_what_connects_to_the_socket_and_nobody_else() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.9")]
    assert Proxies(["unix"]).client_of("", headers) == "203.0.113.9"
    assert Proxies(["unix"]).client_of("127.0.0.1", headers) == "127.0.0.1"


@pytest.mark.parametrize("name", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*", ""])
def test_name_that_is_no_network_is_refused_with_its_key(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"bento_server\.trusted_proxies"):
        Proxies(["10.0.0.0/8", name])
