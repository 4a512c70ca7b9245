"""Reading HTTP from strangers: what uvicorn's protocol and its parser leave open is bounded or refused here.

- The head of a request has a limit in bytes and in fields, and so has everything else that adds nothing to a body.
- Bytes that are no request are refused in turn: after the answers to the requests before them.
- Fields that follow a chunked body are dropped; merged into the headers they could pass for ones that a proxy checked.
- A wish for another protocol is ignored, as HTTP allows (some clients send `Upgrade: h2c` with every first request);
  the parser alone would drop the body and read nothing more.
- An expectation that nobody here can meet is refused before the body is sent.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote_to_bytes

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bentoml._http.closing import CycleTransport
from bentoml._http.request_ids import request_id_of
from bentoml._http.watched import WatchedProtocol
from bentoml.server.http.call import REFUSALS
from bentoml.server.http.error_form import is_model_path
from bentoml.server.http.fast_call import FastCall
from bentoml.server.http.refusal import Refusal, RefusalForm
from bentoml.server.logs.access_line import NOTHING, OtherTarget

if TYPE_CHECKING:
    from collections import deque

    from bentoml.server.front.front import Front

MAX_HEADERS = 128
# Of the request line and the headers together; also the most bytes that may come without adding to a body.
MAX_HEAD_BYTES = 65536
_NO_REQUEST = (400, b"Invalid HTTP request received.")
_TOO_LARGE = (431, b"The head of the request is too large")
_UNKNOWN_EXPECTATION = (417, b"The only expectation that can be met is 100-continue")
_NEVER_PLAIN = frozenset({b"traceparent", b"transfer-encoding", b"x-request-id"})
_NOTED_HEADERS = frozenset({b"content-length", b"expect", b"upgrade"}) | _NEVER_PLAIN


class _RefusedHeadError(ValueError):
    """Stops the parser; why is kept by the connection, as the parser's own error may come to hide it."""


class ReadingProtocol(WatchedProtocol):
    """The reading half of a client connection.

    Args:
        front: what all connections share.
        **uvicorn_arguments: `config`, `server_state`, `app_state`.
    """

    # Uvicorn's cycles, fast calls and refusals alike.
    cycle: Any
    pipeline: deque[tuple[Any, Any]]

    def __init__(self, front: Front, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self._front = front
        self._request_id: bytes | None = None
        self._needs_slow_lane = False
        self._content_length = 0
        # Head of a request that asks for another protocol, without that wish.
        self._plain_head = b""
        # Whether another request with the same head means the same.
        self._is_plain = False
        self._is_of_1_0 = False
        # What to answer to bytes that the parser stops at.
        self._refusal = _NO_REQUEST
        self._chunk_bytes = 0
        self._quiet_bytes = 0

    def begin(self) -> None:
        """Take a request whose head is complete: here, to the ASGI application."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers.extend(headers)
        self._body_bytes = 0
        if self.parser.get_http_version() == "1.0":
            self._is_of_1_0 = True
        self.expect_100_continue = expects and not self._is_of_1_0
        HttpToolsProtocol.on_headers_complete(self)
        self.cycle.transport = CycleTransport(self, self.cycle)
        if self._front.draining:
            self.cycle.keep_alive = False

    def end(self) -> None:
        """Take the end of a request."""
        HttpToolsProtocol.on_message_complete(self)

    def forget(self, request: Any, form: RefusalForm) -> str | None:  # noqa: ARG002 - others need them
        """Let go of a request whose body broke off.

        Args:
            request: it.
            form: what it is refused with.

        Returns:
            Its id, when it has been entered as refused; None when that is up to the caller.
        """
        return None

    def data_received(self, data: bytes) -> None:
        """Parse what a client has sent, as far as it can be read."""
        if self._is_unreadable:
            self.drop(len(data))
            return
        self._chunk_bytes = len(data)
        self._quiet_bytes += len(data)
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                self._go_on(memoryview(data)[stop.args[0] :])
        except httptools.HttpParserError:
            self._give_up(*self._refusal)
        else:
            if self._quiet_bytes > MAX_HEAD_BYTES:
                self._give_up(*_TOO_LARGE)

    def _go_on(self, rest: memoryview) -> None:
        """Parse on where the parser has stopped for good: a request asks for another protocol, which is ignored."""
        stopped_at: int | None = 0
        while stopped_at is not None:
            rest = rest[stopped_at:]
            head, self._plain_head = self._plain_head, b""
            self.parser = httptools.HttpRequestParser(self)
            with contextlib.suppress(AttributeError):  # httptools before 0.6.3 is always that lenient
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(head)
            stopped_at = self._parse(rest)

    def _parse(self, data: memoryview) -> int | None:
        """Where the parser stopped for such a request; None at the end of the data."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            offset: int = stop.args[0]
            return offset
        return None

    def _give_up(self, status: int, text: bytes) -> None:
        """Refuse bytes that are no request, once the requests before them are answered; the rest is not read."""
        target = self._target()
        # What was read of the request in question. Between two requests there is none.
        headers = () if self._is_at_boundary else self.headers
        form = RefusalForm(status, text, headers, is_of_model=self._is_of_model())
        given_id = None if self._is_at_boundary else self._request_id
        request_id = None
        self._is_unreadable = True
        self._is_at_boundary = False
        newest = self.cycle
        is_queued = bool(self.pipeline) and self.pipeline[0][0] is newest
        if self._is_receiving and not is_queued:
            if newest.response_complete or getattr(newest, "response_started", False):
                self.transport.close()
                return
            request_id = self.forget(newest, form)
            if isinstance(newest, FastCall):
                newest.response_complete = True
            else:
                newest.disconnected = True
                newest.message_event.set()
        elif self._is_receiving:
            self.pipeline.popleft()
            request_id = self.forget(newest, form)
        client = self._front.proxies.client_of(self.client[0] if self.client else "", headers)
        refusal = Refusal(form, None if request_id else target, request_id or request_id_of(given_id), client)
        if is_queued or not (self._is_receiving or newest is None or newest.response_complete):
            self.flow.pause_reading()
            self.cycle = refusal
            self.pipeline.appendleft((refusal, self.app))
        else:
            self.send_refusal(refusal)

    def send_refusal(self, refusal: Refusal) -> None:
        """Answer bytes that are no HTTP request, and close."""
        access_log = self._front.metrics.ledger.access_log
        if access_log is not None and refusal.target is not None:
            access_log.add(refusal.target, refusal.client, refusal.request_id, refusal.status, len(refusal.body), 0.0)
        self.transport.write(
            b"%b%b%bcontent-length: %d\r\nx-request-id: %b\r\nconnection: close\r\n\r\n%b"
            % (
                STATUS_LINE[refusal.status],
                self._front.default_head(self.server_state.default_headers),
                refusal.head,
                len(refusal.body),
                refusal.request_id.encode("ascii"),
                refusal.body,
            )
        )
        self.close_gently()

    def _is_of_model(self) -> bool:
        """Whether the request that is being read is one of the Open Inference Protocol."""
        if self._is_at_boundary or not self._front.options.open_inference_enabled:
            return False
        return is_model_path(self.url.partition(b"?")[0].decode("latin-1"))

    def _target(self) -> OtherTarget:
        """What the request asks for that is being read; nothing where there is none."""
        if self.is_in_body and not isinstance(self.cycle, FastCall):
            return OtherTarget(self.cycle.scope["method"], self.cycle.scope["path"])
        if not self.is_in_head:
            return OtherTarget(NOTHING, NOTHING)
        # The method is only certain once something has come behind it.
        method = self.parser.get_method().decode("ascii", "replace") if self.url else NOTHING
        path = unquote_to_bytes(self.url.partition(b"?")[0]).decode("utf-8", "backslashreplace")
        return OtherTarget(method, path or NOTHING)

    # -- what the sweep for slow clients asks -----------------------------------------------------------------------

    def time_out(self) -> None:
        """Stop waiting for the rest of a request."""
        self._give_up(408, REFUSALS[408])

    # -- parser callbacks ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start a request; what only the ASGI lane needs is made when it is chosen."""
        self._is_at_boundary = False
        self._is_plain = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._request_id = None
        self._needs_slow_lane = False
        self._content_length = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a few are looked at. Fields that follow a chunked body are dropped: they are no headers."""
        if self._is_receiving:
            return
        name = name.lower()
        self.headers.append((name, value))
        if name in _NOTED_HEADERS:
            self._note(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._refuse_head(_TOO_LARGE)

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._content_length = int(value)  # the parser has refused anything but digits
        elif name in _NEVER_PLAIN:
            self._is_plain = False
            if name == b"x-request-id" and self._request_id is None:
                self._request_id = value
        else:
            self._needs_slow_lane = True
            if name == b"expect":
                if value.lower() != b"100-continue":
                    self._refuse_head(_UNKNOWN_EXPECTATION)
                self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """Check the head and begin."""
        if self._quiet_bytes > MAX_HEAD_BYTES or self._chunk_bytes > MAX_HEAD_BYTES:
            self._check_head_size()
        self._quiet_bytes = 0
        if self.parser.should_upgrade():
            self._plain_head = self._head_without_upgrade()
        else:
            self._is_receiving = True
            self.begin()

    def on_body(self, body: bytes) -> None:
        """Note that the body grows."""
        self._quiet_bytes = 0
        if not self.cycle.response_complete:
            self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request, unless it is to be read once more without its wish."""
        if self._plain_head:
            return
        self._quiet_bytes = 0
        self._is_receiving = False
        self._is_at_boundary = True
        self.end()

    def _refuse_head(self, answer: tuple[int, bytes]) -> NoReturn:
        self._refusal = answer
        raise _RefusedHeadError

    def _check_head_size(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refuse_head(_TOO_LARGE)

    def _head_without_upgrade(self) -> bytes:
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise ValueError("this server is no proxy")
        kept = [b"%b: %b\r\n" % pair for pair in self.headers if pair[0] != b"upgrade"]
        version = self.parser.get_http_version().encode("ascii")
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(kept))
