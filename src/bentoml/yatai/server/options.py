"""What one run of the registry's web server is asked to do, checked before it starts."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.repository_store import check_repository, signed_s

if TYPE_CHECKING:
    from bentoml.configuration import Config

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True)
class RegistryServerOptions:
    """Settings of the registry's web server.

    Attributes:
        host: address to listen on: a name, an IPv4 or an IPv6 address.
        port: TCP port; 0 takes a free one.
        ssl_certfile: PEM file of the certificate chain; None serves without TLS.
        ssl_keyfile: PEM file of its private key; None when the key stands in `ssl_certfile`.
        prefix_path: path before all others, empty or beginning with `/` and not ending with it.
        has_pages: whether the web pages are served.
        has_metrics: whether `/metrics` answers.
        requires_login: whether everybody has to say who they are.
        allowed_hosts: names that a `Host` may give where nobody has to log in, in small letters.
        grace_s: how long a server that is going down waits for the answers that are due.
        header_timeout_s: time for the head of a request to arrive.
        body_timeout_s: longest silence while a body arrives or an answer is read.
        max_document_bytes: largest JSON body.
        max_bundle_bytes: largest bundle.
        max_concurrency: requests that are answered at the same time.
        session_s: how long a login lasts.
        login_failures: wrong passwords within a minute before more are refused.
        signed_s: how long an address of the bucket is valid that is given to a client.
    """

    host: str
    port: int
    ssl_certfile: str | None
    ssl_keyfile: str | None
    prefix_path: str
    has_pages: bool
    has_metrics: bool
    requires_login: bool
    allowed_hosts: frozenset[str]
    grace_s: float
    header_timeout_s: float
    body_timeout_s: float
    max_document_bytes: int
    max_bundle_bytes: int
    max_concurrency: int
    session_s: float
    login_failures: int
    signed_s: float

    @classmethod
    def from_config(cls, config: Config) -> RegistryServerOptions:
        """The options that a configuration asks for.

        Raises:
            BentoMLConfigException: a value cannot be used, or one that is needed is missing.
            InvalidArgument: the prefix is no path, or a key is named without a certificate.
        """
        server, auth = config.yatai.server, config.yatai.auth
        check_repository(config)
        if server.ssl_keyfile is not None and server.ssl_certfile is None:
            raise InvalidArgument("a private key is of no use without a certificate; name it with --ssl-certfile")
        return cls(
            host=server.host,
            port=server.port,
            ssl_certfile=server.ssl_certfile,
            ssl_keyfile=server.ssl_keyfile,
            prefix_path=as_prefix(server.prefix_path),
            has_pages=server.ui,
            has_metrics=server.metrics,
            requires_login=not is_loopback(server.host) if auth.required is None else auth.required,
            allowed_hosts=frozenset(name.lower() for name in server.allowed_hosts),
            grace_s=server.grace_s,
            header_timeout_s=server.header_timeout_s,
            body_timeout_s=server.body_timeout_s,
            max_document_bytes=server.max_document_bytes,
            max_bundle_bytes=server.max_bundle_bytes,
            max_concurrency=server.max_concurrency,
            session_s=auth.session_s,
            login_failures=auth.login_failures,
            signed_s=signed_s(config),
        )


def as_prefix(text: str) -> str:
    """A prefix as paths begin with it: `.`, `/` and nothing are none.

    Raises:
        InvalidArgument: it is no path.
    """
    path = "/" + text.strip().removeprefix(".").strip("/")
    if path == "/":
        return ""
    if not _PREFIX.fullmatch(path) or "/.." in path:
        raise InvalidArgument(f"{text!r} is no path to serve below; write it such as /registry")
    return path


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on a host."""
    name = host.strip().strip("[]")
    try:
        return ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        pass
    try:
        found = {info[4][0] for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ip_address(str(address).partition("%")[0]).is_loopback for address in found)
