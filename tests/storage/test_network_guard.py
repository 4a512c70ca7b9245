"""Which addresses may be connected to, and that what was checked is what is connected to."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.storage.network_guard import NetworkGuard, parse_networks, why_not_public


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_of_no_public_machine_are_known(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2600::1",
        "2a00:1450:4001:81b::200e",
    ],
)
def test_addresses_of_public_machines_are_known(address: str) -> None:
    assert why_not_public(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "::1",
        "::ffff:7f00:1",
        "0.0.0.0",
        "0",
    ],
)
def test_find_by_any_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(InvalidArgument, match=r"is not asked, because its address .* storage\.http\.allowed_networks"):
        NetworkGuard().find(host, 80)


@pytest.mark.parametrize("network", ["127.0.0.0/8", "127.0.0.1"])
def test_find_in_an_allowed_network_gives_the_address(network: str) -> None:
    guard = NetworkGuard(parse_networks([network]))
    assert guard.find("127.0.0.1", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
    with pytest.raises(InvalidArgument, match=r"169\.254\.169\.254 is link-local"):
        guard.find("169.254.169.254", 80)


def test_find_in_an_allowed_network_knows_it_in_the_form_of_ipv6() -> None:
    guard = NetworkGuard(parse_networks(["127.0.0.0/8"]))
    assert guard.find("::ffff:127.0.0.1", 80)[0][1][0] == "::ffff:127.0.0.1"


def answering(*answers: list[str]) -> tuple[Any, list[str]]:
    """A resolver that gives the next answer each time, and the names that it was asked for."""
    asked: list[str] = []

    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        families = [socket.AF_INET6 if ":" in text else socket.AF_INET for text in answers[len(asked) - 1]]
        return [
            (family, socket.SOCK_STREAM, 6, "", (text, port) if family == socket.AF_INET else (text, port, 0, 0))
            for family, text in zip(families, answers[len(asked) - 1], strict=True)
        ]

    return resolve, asked


@pytest.mark.parametrize("bad", ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1%eth0", "169.254.169.254"])
@pytest.mark.parametrize("bad_first", [True, False])
def test_find_when_one_of_several_addresses_is_private_uses_none(bad: str, bad_first: bool) -> None:
    resolve, _ = answering([bad, "8.8.8.8"] if bad_first else ["8.8.8.8", bad])
    with pytest.raises(InvalidArgument, match="is not asked"):
        NetworkGuard(resolve=resolve).find("two-faced.example", 443)


def test_connect_goes_to_the_address_that_was_checked_and_asks_once() -> None:
    """A resolver that would answer with another address the second time has no second time."""
    with socket.create_server(("127.0.0.1", 0)) as good, socket.create_server(("127.0.0.2", good.getsockname()[1])):
        port = good.getsockname()[1]
        resolve, asked = answering(["127.0.0.1"], ["127.0.0.2"])
        guard = NetworkGuard(parse_networks(["127.0.0.1/32"]), resolve)
        with guard.connect("rebinding.example", port, 10) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)
        assert asked == ["rebinding.example"]
        with pytest.raises(InvalidArgument, match=r"127\.0\.0\.2 is of this machine"):
            guard.connect("rebinding.example", port, 10)


def test_connect_when_the_first_address_is_dead_takes_the_next() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        resolve, _ = answering(["127.0.0.3", "127.0.0.2"])
        with NetworkGuard(parse_networks(["127.0.0.0/8"]), resolve).connect("two.example", port, 10) as connection:
            assert connection.getpeername() == ("127.0.0.2", port)


def test_connect_when_nobody_listens_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BentoMLException, match=rf"127\.0\.0\.1:{port} cannot be reached"):
        NetworkGuard(parse_networks(["127.0.0.1"])).connect("127.0.0.1", port, 10)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "a..b"])
def test_find_of_no_host_says_so(host: str) -> None:
    with pytest.raises(BentoMLException, match="cannot be found"):
        NetworkGuard().find(host, 80)


def test_parse_networks_of_something_else_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"give networks such as"):
        parse_networks(["10.0.0.1/8"])
