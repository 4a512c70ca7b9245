"""Objects on the web, read with GET and written with PUT, at addresses that a stranger may have written.

Proxies that the environment names are not used: a proxy would look the name up by itself, so that nobody could say
which machine is asked.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import urllib.parse
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from bentoml._version import __version__
from bentoml.exceptions import BentoMLConfigException, BentoMLException, InvalidArgument, NotFound, Unauthenticated
from bentoml.storage.address import Address, parse_web
from bentoml.storage.base import ALREADY_THERE, ObjectStream
from bentoml.storage.network_guard import NetworkGuard
from bentoml.storage.timed_socket import TimedSocket, TimeLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 1 << 20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREATED = frozenset({200, 201, 204})
_PRECONDITION_FAILED = 412
_HEADERS = {"User-Agent": f"bentoml/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class HttpRules:
    """What may be asked, and for how long.

    Attributes:
        guard: makes the connections.
        allow_http: whether addresses may begin with `http://`.
        ca_file: certificates of the authorities to trust, PEM; None for those of the system.
        idle_timeout_s: longest silence.
        max_time_s: longest time for an object, redirections included.
        max_redirects: how often an answer may name another address.
    """

    guard: NetworkGuard = field(default_factory=NetworkGuard)
    allow_http: bool = False
    ca_file: str | None = None
    idle_timeout_s: float = 30
    max_time_s: float = 3600
    max_redirects: int = 5


class _Connection(http.client.HTTPConnection):
    """A connection to one host, encrypted where the address begins with https; it knows no proxies."""

    def __init__(self, address: Address, rules: HttpRules, limits: TimeLimits) -> None:
        super().__init__(address.host, address.port)
        self._address = address
        self._rules = rules
        self._limits = limits

    def connect(self) -> None:
        """Connect to an address that the guard lets through."""
        plain = self._rules.guard.connect(self._address.host, self._address.port, self._limits.next_timeout_s())
        connected: Any = plain
        if self._address.scheme == "https":
            try:
                plain.settimeout(self._limits.next_timeout_s())
                connected = _tls_context(self._rules.ca_file).wrap_socket(plain, server_hostname=self._address.host)
            except BaseException:
                plain.close()
                raise
        timed: Any = TimedSocket(connected, self._limits)
        self.sock = timed


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise BentoMLConfigException(
                f"storage.http.ca_file: {ca_file} cannot be read as certificates in PEM: {error}"
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class HttpStore:
    """What lies on one host of the web; names of objects are paths, with their queries.

    Args:
        address: any address on the host; its user and password are sent to this host and to no other.
        rules: kept in every step, redirections among them.
    """

    def __init__(self, address: Address, rules: HttpRules) -> None:
        self._address = address
        self._rules = rules

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[ObjectStream]:
        """Begin to read an object; redirections are followed.

        Raises:
            NotFound: there is none.
            Unauthenticated: the server wants other credentials.
            InvalidArgument: the address, or one that an answer names, must not be asked.
            BentoMLException: the server cannot be reached, is too slow, or answers something else.
        """
        limits = self._limits()
        address = Address(self._address.scheme, self._address.container, name, self._address.credentials)
        for _ in range(self._rules.max_redirects + 1):
            with self._exchange("GET", address, limits) as answer:
                if answer.status not in _REDIRECTS:
                    _refuse_failure(answer, address, frozenset({200}))
                    yield _stream(answer, address)
                    return
                address = _next_address(address, answer.getheader("Location"))
        raise InvalidArgument(
            f"{self._address}: more than {self._rules.max_redirects} redirections; the last: {address}"
        )

    def write(self, name: str, source: IO[bytes], size_bytes: int, *, replace: bool = True) -> None:
        """Send an object with PUT, as to an address that a store has signed. Redirections are not followed.

        A server that does not know `If-None-Match` replaces what is there, whatever is asked for.

        Raises:
            As `open`; also when there is one that is not to be replaced.
        """
        address = Address(self._address.scheme, self._address.container, name, self._address.credentials)
        headers = {"Content-Length": str(size_bytes), "Content-Type": "application/octet-stream"}
        if not replace:
            headers["If-None-Match"] = "*"
        with self._exchange("PUT", address, self._limits(), headers, source) as answer:
            if answer.status == _PRECONDITION_FAILED and not replace:
                raise BentoMLException(f"{address}: {ALREADY_THERE}")
            if answer.status in _REDIRECTS:
                raise BentoMLException(f"{address}: the server asks to write elsewhere; give that address")
            _refuse_failure(answer, address, _CREATED)

    def _limits(self) -> TimeLimits:
        return TimeLimits(self._rules.idle_timeout_s, self._rules.max_time_s)

    @contextlib.contextmanager
    def _exchange(
        self,
        method: str,
        address: Address,
        limits: TimeLimits,
        headers: dict[str, str] | None = None,
        body: IO[bytes] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """One request and its answer, within the rules."""
        if address.scheme != "https" and not self._rules.allow_http:
            raise InvalidArgument(
                f"{address} is not asked, because anybody on the way could read and change what comes; use https://, "
                "or allow it with storage.http.allow_http"
            )
        connection = _Connection(address, self._rules, limits)
        sent = {**_HEADERS, **(headers or {})}
        if address.credentials:
            sent["Authorization"] = f"Basic {base64.b64encode(address.credentials.encode()).decode()}"
        try:
            with _translated(address):
                answer = _ask(connection, method, address.name, body, sent)
            with answer:
                yield answer
        finally:
            connection.close()


def _ask(
    connection: http.client.HTTPConnection, method: str, target: str, body: IO[bytes] | None, headers: dict[str, str]
) -> http.client.HTTPResponse:
    try:
        connection.request(method, target, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        if body is None:
            raise
        # A server that refuses may say so, and close the connection, before it has read everything.
        try:
            return connection.getresponse()
        except http.client.HTTPException:
            pass
        raise
    return connection.getresponse()


@contextlib.contextmanager
def _translated(address: Address) -> Iterator[None]:
    """Say what went wrong, and where; texts of the libraries below never have more of the address in them."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise BentoMLException(
            f"{address}: the certificate of the server is not trusted: {error.verify_message}; name the authority in "
            "storage.http.ca_file"
        ) from error
    except TimeoutError as error:
        raise BentoMLException(f"{address}: the server is too slow: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise BentoMLException(f"{address}: the connection failed: {type(error).__name__}: {error}") from error


def _refuse_failure(answer: http.client.HTTPResponse, address: Address, expected: frozenset[int]) -> None:
    if answer.status in expected:
        return
    if answer.status in {404, 410}:
        raise NotFound(f"{address}: there is no such object")
    if answer.status in {401, 403, 407}:
        raise Unauthenticated(f"{address}: the server refuses it with status {answer.status}; check the credentials")
    raise BentoMLException(f"{address}: the server answers with status {answer.status}")


def _next_address(address: Address, location: str | None) -> Address:
    """Where an answer sends to."""
    if not location:
        raise BentoMLException(f"{address}: the server sends elsewhere, and does not say where")
    base = f"{address.scheme}://{address.container}{address.name}"
    try:
        joined = urllib.parse.urljoin(base, location)
    except ValueError:
        raise InvalidArgument(f"{address}: the server sends to something that is no address") from None
    found = parse_web(joined)
    if address.scheme == "https" and found.scheme != "https":
        raise InvalidArgument(f"{address}: the server sends to {found}, which is not encrypted; it is not asked")
    same_host = (found.scheme, found.host, found.port) == (address.scheme, address.host, address.port)
    return Address(found.scheme, found.container, found.name, address.credentials if same_host else "")


def _stream(answer: http.client.HTTPResponse, address: Address) -> ObjectStream:
    size_bytes: int | None = answer.length
    return ObjectStream(size_bytes, _chunks(answer.read1, size_bytes, address))


def _chunks(read: Callable[[int], bytes], size_bytes: int | None, address: Address) -> Iterator[bytes]:
    got_bytes = 0
    while True:
        with _translated(address):
            chunk = read(_CHUNK_BYTES)
        if not chunk:
            break
        got_bytes += len(chunk)
        yield chunk
    if size_bytes is not None and got_bytes != size_bytes:
        raise BentoMLException(f"{address}: the connection ended after {got_bytes} of {size_bytes} bytes")
