"""Whom a request comes from when it comes through proxies: the address before the first of them that is not trusted.

Everybody can write `X-Forwarded-For`. So it is read from its end, where each proxy has put the address that connected
to it, and only as long as the address that has written it is one of ours.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_FOR = b"x-forwarded-for"
UNIX = "unix"
# No honest chain is longer; a head may hold thousands.
_MAX_HOPS = 32


class Proxies:
    """The proxies that are trusted.

    Args:
        names: addresses, networks such as `10.2.0.0/16`, and `unix` for all that connect to a unix socket.

    Raises:
        InvalidArgument: a name is none of these.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._networks: list[Network] = []
        self._takes_unix = False
        for name in names:
            if name == UNIX:
                self._takes_unix = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(name))
            except ValueError as error:
                raise InvalidArgument(
                    f"bento_server.trusted_proxies: {name!r} is neither an address, nor a network such as 10.2.0.0/16, "
                    f"nor {UNIX!r}: {error}"
                ) from error

    def has(self, peer: str) -> bool:
        """Whether what a peer says about others is believed.

        Args:
            peer: its address; empty on a unix socket.
        """
        if not peer:
            return self._takes_unix
        address = _address_in(peer)
        return address is not None and any(address in network for network in self._networks)

    def client_of(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The address of the client.

        Args:
            peer: address that has connected; empty on a unix socket.
            headers: of its request, names in lower case.

        Returns:
            The peer's own, unless it is a trusted proxy that names another one; what is no address names nobody.
        """
        if not self.has(peer):
            return peer
        said = b",".join([value for name, value in headers if name == FORWARDED_FOR])
        client = peer
        for text in reversed(said.decode("latin-1").split(",")[-_MAX_HOPS:]):
            address = _address_in(text)
            if address is None:
                break
            client = str(address)
            if not self.has(client):
                break
        return client


def _address_in(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`; None in anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
