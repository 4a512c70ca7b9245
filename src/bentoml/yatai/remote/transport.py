"""One request, one answer: connections to a registry, and what can go wrong with them.

Only silence has a limit, never the whole time: a model of many gigabytes takes as long as its way is slow.
"""

from __future__ import annotations

import logging
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import exceptions as faults

from bentoml._version import __version__
from bentoml.exceptions import BentoMLConfigException, BentoMLRpcError
from bentoml.yatai.remote.failures import TransientError, nonsense

if TYPE_CHECKING:
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

    def __init__(self, address: RegistryAddress, response: urllib3.BaseHTTPResponse) -> None:
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
            raise self._broken(_reason(error)) from error
        # The library reads a head that broke off as one that is shorter, and a body of no length as one that ended.
        if not piece and (self._left is None or self._left > 0):
            raise self._broken("the connection was closed before its end")
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def _broken(self, reason: str) -> TransientError:
        text = f"The answer of the registry at {self._address} broke off: {reason}"
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
        BentoMLConfigException: a certificate cannot be used, or the token is none.
    """

    def __init__(self, address: RegistryAddress, settings: RemoteSettings) -> None:
        self.address = address
        self._settings = settings
        self._headers = {"user-agent": f"bentoml/{__version__}", "accept-encoding": "identity"}
        self._context = client_context(settings)
        self._pool = self._pool_for(address.scheme, address.host, is_local=address.is_loopback)
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
        with self._sent(self._pool, request.method, url, headers, request.body, read_timeout_s) as answer:
            self._has_answered = True
            yield answer

    @contextmanager
    def exchange_elsewhere(self, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        """Load something from an address that the registry has given; the token stays here.

        Raises:
            As `exchange`.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or (self.address.is_secure and parts.scheme != "https"):
            raise nonsense(self.address, "with an address for a file that is not https")
        if not parts.hostname:
            raise nonsense(self.address, "with an address for a file that names no host")
        pool = self._pool_for(parts.scheme, parts.hostname, is_local=False)
        try:
            with self._sent(pool, "GET", url, {**self._headers, **headers}, None, self._settings.idle_timeout_s) as got:
                yield got
        finally:
            pool.clear()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    @contextmanager
    def _sent(
        self,
        pool: urllib3.PoolManager,
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
            raise self._translated(error) from error
        answer = Answer(self.address, response)
        try:
            yield answer
        finally:
            answer.close()

    def _pool_for(self, scheme: str, host: str, *, is_local: bool) -> urllib3.PoolManager:
        """Connections to a host; by way of a proxy where the environment names one."""
        options: dict[str, Any] = {
            "maxsize": self._settings.at_once,
            "blocksize": _BLOCK_BYTES,
            "ssl_context": self._context,
        }
        proxy = None if is_local or proxy_bypass(host) else getproxies().get(scheme)
        if not proxy:
            return urllib3.PoolManager(**options)
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        login = urllib3.util.parse_url(proxy).auth
        headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)

    def _translated(self, error: Exception) -> BentoMLRpcError:
        address, reason = self.address, _reason(error)
        if isinstance(error, faults.SSLError):
            return BentoMLRpcError(_tls_text(address, reason))
        if isinstance(error, faults.ProxyError):
            return BentoMLRpcError(f"The proxy on the way to {address} fails: {reason}; see HTTPS_PROXY and NO_PROXY")
        if isinstance(error, (faults.NewConnectionError, faults.ConnectTimeoutError)):
            text = (
                f"The registry at {address} cannot be reached: {reason}. See whether it runs there (bentoml "
                "yatai-service-start), and whether yatai.remote.url is right"
            )
            # Who never answered is most likely not there; who did comes back after a restart.
            return TransientError(text) if self._has_answered else BentoMLRpcError(text)
        if isinstance(error, faults.TimeoutError):
            text = f"The registry at {address} said nothing for {self._settings.idle_timeout_s:g} s or longer"
            return TransientError(text, may_have_arrived=True)
        if isinstance(error, (faults.ProtocolError, OSError)):
            text = f"The connection to the registry at {address} broke off: {reason}"
            return TransientError(text, may_have_arrived=True)
        return BentoMLRpcError(f"The registry at {address} cannot be asked: {reason}")


def client_context(settings: RemoteSettings) -> ssl.SSLContext:
    """The client's side of TLS 1.2 or newer.

    Raises:
        BentoMLConfigException: a file cannot be read, or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BentoMLConfigException(
            f"{settings.ca_file} cannot be used: {error}; yatai.remote.tls.root_ca_cert is a PEM file of certificates"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.client_certificate is not None:
        try:
            context.load_cert_chain(settings.client_certificate, settings.client_key)
        except (OSError, ssl.SSLError) as error:
            raise BentoMLConfigException(
                f"{settings.client_certificate} cannot be shown to the registry: {error}; see "
                "yatai.remote.tls.client_cert and client_key, which are PEM files"
            ) from error
    elif settings.client_key is not None:
        raise BentoMLConfigException("yatai.remote.tls.client_key is of no use without client_cert")
    return context


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


def _tls_text(address: RegistryAddress, reason: str) -> str:
    if "WRONG_VERSION_NUMBER" in reason or "record layer" in reason.lower():
        return f"The server at {address} does not speak TLS; if it is the registry, its address begins with http://"
    return (
        f"The registry at {address} could not show who it is: {reason}. Name the certificate of its authority with "
        "yatai.remote.tls.root_ca_cert, and see whether it wants a certificate of yours (client_cert, client_key)"
    )


def _reason(error: BaseException) -> str:
    """The innermost thing that went wrong, in words without addresses of objects."""
    found: BaseException = error
    while True:
        inner = found.__cause__ or found.__context__ or next((x for x in found.args if isinstance(x, Exception)), None)
        if inner is None or inner is found:
            break
        found = inner
    text = getattr(found, "strerror", None) or str(found).rpartition("object at 0x")[2].rpartition(">: ")[2]
    return text or str(found) or type(found).__name__
