"""Which machines may be asked when a stranger may have written the address: those of the public internet.

An address that leads into the network of whoever reads it could be used to read what only that network may see, such as
the credentials that clouds hand out at 169.254.169.254. So the name is resolved once, every address that it has is
looked at, and the connection is made to one of those and not to the name.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bentoml.exceptions import BentoMLException, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. Written out, because what Python calls
# global has changed from version to version.
_NOT_PUBLIC = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "of this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "of a carrier's network"),
        ("127.0.0.0/8", "of this machine"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "of this network"),
        ("::1/128", "of this machine"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
# Prefixes of IPv6 whose addresses stand for one of IPv4, and the bits to the right of that.
_EMBEDDING = (
    (ipaddress.ip_network("::ffff:0:0/96"), 0),
    (ipaddress.ip_network("::ffff:0:0:0/96"), 0),
    (ipaddress.ip_network("64:ff9b::/96"), 0),
    (ipaddress.ip_network("2002::/16"), 80),
)


def meant_address(address: IPAddress) -> IPAddress:
    """The address of IPv4 that one of IPv6 stands for, such as `::ffff:10.0.0.1`; any other as it is."""
    for network, shift in _EMBEDDING:
        if address in network:
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address


def why_not_public(address: IPAddress) -> str | None:
    """What kind of address it is, such as `private`; None when it is one of the public internet."""
    meant = meant_address(address)
    for network, what in _NOT_PUBLIC:
        if meant in network:
            return what
    if meant.version == 6 and meant not in _GLOBAL_IPV6:
        return "reserved"
    return None


def parse_networks(texts: Iterable[str]) -> tuple[IPNetwork, ...]:
    """Networks such as `10.2.0.0/16`, or addresses.

    Raises:
        InvalidArgument: one is neither.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise InvalidArgument(f"{error}; give networks such as 10.2.0.0/16") from error


@dataclass(frozen=True)
class NetworkGuard:
    """Makes connections to public addresses, and to those of networks that somebody has allowed.

    Attributes:
        allowed: networks that may be reached although they are not public.
        resolve: looks a name up, as `socket.getaddrinfo` does.
    """

    allowed: tuple[IPNetwork, ...] = ()
    resolve: Callable[..., Any] = socket.getaddrinfo

    def find(self, host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
        """Look a host up, once.

        Args:
            host: name or number.
            port: TCP port.

        Returns:
            Families and socket addresses, as the resolver orders them; at least one.

        Raises:
            InvalidArgument: one of them is not public, and not allowed. Then none is used, as whoever names a private
                address beside a public one hopes that it will be asked.
            BentoMLException: there is no such host.
        """
        try:
            found = self.resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise BentoMLException(f"the host {host} cannot be found: {error}") from error
        places = [(family, place) for family, _, _, _, place in found]
        for _, place in places:
            self._check(host, str(place[0]))
        if not places:
            raise BentoMLException(f"the host {host} has no address")
        return places

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Connect to a host, at an address that has been checked.

        Raises:
            InvalidArgument: as `find`.
            BentoMLException: there is no such host, or it cannot be reached.
        """
        problem: OSError | None = None
        for family, place in self.find(host, port):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(timeout_s)
                connection.connect(place)
            except OSError as error:
                connection.close()
                problem = error
            else:
                return connection
        raise BentoMLException(f"{host}:{port} cannot be reached: {problem}") from problem

    def _check(self, host: str, text: str) -> None:
        address = ipaddress.ip_address(text.partition("%")[0])
        what = why_not_public(address)
        meant = meant_address(address)
        if what is None or any(candidate in network for network in self.allowed for candidate in (address, meant)):
            return
        raise InvalidArgument(
            f"{host} is not asked, because its address {address} is {what}; to allow it, list its network in "
            "storage.http.allowed_networks"
        )
