"""One request, one answer: connections to a registry, and what can go wrong with them.

Only silence has a limit, never the whole time: a model of many gigabytes takes as long as its way is slow.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3 import exceptions as faults

from bentoml._version import __version__
from bentoml.exceptions import BentoMLConfigException
from bentoml.yatai.remote.failures import TransientError, nonsense
from bentoml.yatai.remote.peer import Peer, reason_of
from bentoml.yatai.remote.proxies import pool_for
from bentoml.yatai.remote.trust import registry_context, store_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from bentoml.yatai.remote.address import RegistryAddress
    from bentoml.yatai.remote.settings import RemoteSettings
    from bentoml.yatai.remote.upload_piece import UploadPiece

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 18
_KEPT_HEADERS = 100


@dataclass(frozen=True)
class Request:
    """What a registry is asked.

    Attributes:
        method: of HTTP.
        path: below the prefix, quoted, with a slash first.
        query: behind the `?`.
        body: what is sent; None for nothing.
        headers: besides those that every request has.
        is_repeatable: whether doing it twice is the same as doing it once.
        work_bytes: what the registry reads before it answers, which takes its time.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | UploadPiece | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True
    work_bytes: int = 0


class Answer:
    """The answer to a request, whose body is on its way.

    Attributes:
        status: of HTTP.
        headers: with names in small letters.
    """

    def __init__(self, peer: Peer, address: RegistryAddress, response: urllib3.BaseHTTPResponse) -> None:
        self._peer = peer
        self._address = address
        self._response = response
        self._is_whole = False
        self._left = _length_of(response)
        self.status = response.status
        self.headers = {name.lower(): value for name, value in list(response.headers.items())[:_KEPT_HEADERS]}

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes.

        Raises:
            TransientError: it broke off.
        """
        while piece := self._piece():
            yield piece
        self._is_whole = True

    def _piece(self) -> bytes:
        try:
            piece = self._response.read1(_BLOCK_BYTES, decode_content=False)
        except (faults.HTTPError, OSError) as error:
            raise self._broken(reason_of(error)) from error
        # The library reads a head that broke off as one that is shorter, and a body of no length as one that ended.
        if not piece and (self._left is None or self._left > 0):
            raise self._broken("the connection was closed before its end")
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def _broken(self, reason: str) -> TransientError:
        text = f"The answer of {self._peer.name} broke off: {reason}"
        return TransientError(text, may_have_arrived=True)

    def body(self, limit_bytes: int) -> bytes:
        """All of the body.

        Raises:
            BentoMLRpcError: it is larger than the limit.
            TransientError: it broke off.
        """
        taken = bytearray()
        for piece in self.pieces():
            taken += piece
            if len(taken) > limit_bytes:
                raise nonsense(self._address, f"with more than {limit_bytes} bytes")
        return bytes(taken)

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if self._is_whole:
            self._response.release_conn()
        else:
            self._response.close()


def _length_of(response: urllib3.BaseHTTPResponse) -> int | None:
    """Bytes of a body; 0 where the connection itself says where it ends, and None where nothing does."""
    if response.status == 204 or response.chunked:
        return 0
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


class Transport:
    """Connections to one registry, for several threads.

    Args:
        address: of the registry.
        settings: how to speak to it.

    Raises:
        BentoMLConfigException: a certificate or the proxy cannot be used, or the token is none.
    """

    def __init__(self, address: RegistryAddress, settings: RemoteSettings) -> None:
        self.address = address
        self._settings = settings
        self._headers = {"user-agent": f"bentoml/{__version__}", "accept-encoding": "identity"}
        self._pool = pool_for(
            address.scheme,
            address.host,
            registry_context(settings),
            settings.at_once,
            is_local=address.is_loopback,
        )
        self._peer = Peer(
            f"the registry at {address}",
            "See whether it runs there (bentoml yatai-service-start), and whether yatai.remote.url is right",
        )
        self._token_headers = _token_headers(settings)
        self._has_answered = False

    @contextmanager
    def exchange(self, request: Request) -> Iterator[Answer]:
        """Send a request, once, and have its answer for the time of the block.

        Raises:
            TransientError: the connection failed in a way that may pass.
            BentoMLRpcError: it failed for good.
        """
        query = f"?{urlencode(request.query)}" if request.query else ""
        url = f"{self.address.url}{request.path}{query}"
        headers = {**self._headers, **self._token_headers, **request.headers}
        if request.body is not None:
            headers["content-length"] = str(len(request.body))
        read_timeout_s = self._settings.idle_timeout_s + request.work_bytes / (20 << 20)
        with self._sent(self._pool, self._peer, request.method, url, headers, request.body, read_timeout_s) as answer:
            self._has_answered = True
            yield answer

    @contextmanager
    def exchange_elsewhere(self, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        """Load something from an address that the registry has given; the token stays here.

        Raises:
            As `exchange`.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise nonsense(self.address, f"with an address for a file that cannot be read: {error}") from error
        if parts.scheme not in {"http", "https"} or (self.address.is_secure and parts.scheme != "https"):
            raise nonsense(self.address, "with an address for a file that is not https")
        if not host:
            raise nonsense(self.address, "with an address for a file that names no host")
        where = host if port is None else f"{host}:{port}"
        peer = Peer(
            f"the store at {where} of the registry at {self.address}",
            "This machine has to reach it; see HTTPS_PROXY and NO_PROXY",
        )
        pool = pool_for(parts.scheme, host, self._store_context, self._settings.at_once, is_local=False)
        idle_timeout_s = self._settings.idle_timeout_s
        try:
            with self._sent(pool, peer, "GET", url, {**self._headers, **headers}, None, idle_timeout_s) as got:
                yield got
        finally:
            pool.clear()

    @cached_property
    def _store_context(self) -> ssl.SSLContext:
        return store_context(self._settings)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    @contextmanager
    def _sent(
        self,
        pool: urllib3.PoolManager,
        peer: Peer,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        read_timeout_s: float,
    ) -> Iterator[Answer]:
        timeout = urllib3.Timeout(connect=self._settings.connect_timeout_s, read=read_timeout_s)
        try:
            response = pool.urlopen(
                method,
                url,
                body=body,
                headers=dict(headers),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (faults.HTTPError, OSError, ValueError) as error:
            raise peer.failure(error, self._settings.idle_timeout_s, has_answered=self._has_answered) from error
        answer = Answer(peer, self.address, response)
        try:
            yield answer
        finally:
            answer.close()


def _token_headers(settings: RemoteSettings) -> dict[str, str]:
    token, name = settings.access_token, settings.access_token_header
    if token is None:
        return {}
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BentoMLConfigException("the access token of the registry holds other characters than tokens do")
    if not all(character.isascii() and (character.isalnum() or character in "-_") for character in name):
        raise BentoMLConfigException(f"{name!r} is no name of a header; see yatai.remote.access_token_header")
    named = {name: token} if name and name.lower() != "authorization" else {}
    return {**named, "authorization": f"Bearer {token}"}
