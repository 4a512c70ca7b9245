"""Who may see tracebacks: a client on this machine, and nobody on whose behalf it asks."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Proxies on this machine are loopback clients as well, but most of them say whom they ask for.
_SAID_BY_PROXIES = frozenset(
    {
        "cf-connecting-ip",
        "fastly-client-ip",
        "forwarded",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "x-real-ip",
    }
)


def may_see_tracebacks(client: str, headers: Iterable[tuple[str, str]], *, on_unix_socket: bool) -> bool:
    """Whether a client is on this machine, and asks for itself.

    Its address must be a loopback one, or the server must listen on a unix socket. The host that it asks must be one
    too: a proxy that passes the host on, or a web page whose name was pointed to this machine, names another one.

    Args:
        client: address of the peer; empty when it has none.
        headers: of the request, names in lower case.
        on_unix_socket: whether the server listens on one.
    """
    if not (_is_loopback(client) or (on_unix_socket and not client)):
        return False
    hosts = []
    for name, value in headers:
        if name in _SAID_BY_PROXIES or name.startswith("x-forwarded"):
            return False
        if name == "host":
            hosts.append(value)
    return len(hosts) == 1 and _is_local_name(hosts[0])


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _is_local_name(host: str) -> bool:
    """Whether a `Host`, with a port or without, names this machine."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    # The addresses of all interfaces are what a server says that it listens on; they lead to this machine alone.
    return name.lower() == "localhost" or name in {"0.0.0.0", "::"} or _is_loopback(name)  # noqa: S104
