"""Connections to the registry: what uvicorn's protocol leaves open is bounded or refused here.

- The head of a request has a limit in bytes and in fields, and so has all that adds nothing to a body.
- What is no request, or does not come to its end, is refused in the form of all errors, and the connection closes.
- Fields behind a chunked body are dropped; merged into the headers they could pass for ones that a proxy checked.
- Clients that are silent or slow are let go by the sweep of `_http.slow_clients`.
"""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from bentoml._http.closing import CycleTransport
from bentoml._http.request_ids import new_request_id
from bentoml._http.watched import WatchedProtocol
from bentoml.yatai.server.errors import classic_error_body, code_of_status, error_body

MAX_HEADERS = 100
# Of the request line and the headers together; also the most bytes that may come without adding to a body.
MAX_HEAD_BYTES = 32768
_NO_REQUEST = (400, "The bytes are no HTTP request; check that the client speaks HTTP/1.1 to this port")
_TOO_LARGE = (431, f"The head of the request is too large; send at most {MAX_HEADERS} headers, {MAX_HEAD_BYTES} bytes")
_TOO_SLOW = (408, "The request did not come to its end in time; send it again")
_UNKNOWN_EXPECTATION = (417, "The only expectation that can be met is 100-continue")
_SWITCHED = (400, "A request with a body cannot ask for another protocol; leave out Upgrade")
# The event loop has read by then what has come.
_UNREAD_S = 0.02


class _RefusedHeadError(ValueError):
    """Stops the parser; why is kept by the connection."""


class RegistryProtocol(WatchedProtocol):
    """A connection from a stranger.

    Args:
        **uvicorn_arguments: `config`, `server_state`, `app_state`.

    Attributes:
        idle_since_s: when the last request was answered, or the connection was made.
    """

    def __init__(self, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.idle_since_s = self.loop.time()
        self._refusal = _NO_REQUEST
        self._quiet_bytes = 0
        self._has_length = False

    def data_received(self, data: bytes) -> None:
        """Parse what a client has sent, as far as it can be read."""
        if self._is_unreadable:
            self.drop(len(data))
            return
        self._quiet_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The wish is ignored; the parser has ended the request and reads nothing more on this connection.
            self._end_after_answers()
        except httptools.HttpParserError:
            self._give_up(*self._refusal)
        else:
            if self._quiet_bytes > MAX_HEAD_BYTES:
                self._give_up(*_TOO_LARGE)

    def _give_up(self, status: int, text: str) -> None:
        """Refuse what is being read; the rest is not looked at. Requests before it are answered first."""
        is_mid_body = self._is_receiving
        self._end_after_answers()
        cycle = self.cycle
        if is_mid_body and self._is_the_turn(cycle) and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        elif not self.is_idle():
            # The answer that is under way is the last one.
            return
        self._write_refusal(status, text)

    def _end_after_answers(self) -> None:
        self._is_unreadable = True
        self._is_receiving = False
        self._is_at_boundary = False
        for cycle in (self.cycle, *(queued for queued, _ in self.pipeline)):
            if cycle is not None:
                cycle.keep_alive = False

    def _is_the_turn(self, cycle: Any) -> bool:
        return not (self.pipeline and self.pipeline[0][0] is cycle)

    def _write_refusal(self, status: int, text: str) -> None:
        if self.transport.is_closing():
            return
        request_id = new_request_id()
        body = self._refusal_body(status, text, request_id)
        head = (
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        defaults = b"".join(b"%b: %b\r\n" % pair for pair in self.server_state.default_headers)
        self.transport.write(STATUS_LINE[status] + defaults + head.encode("ascii") + body)
        self.close_gently()

    def _refusal_body(self, status: int, text: str, request_id: str) -> bytes:
        """The form that the path has, as far as it is known."""
        url = bytes(getattr(self, "url", b"")).partition(b"?")[0]
        if b"/api/" in url and b"/api/v1/" not in url:
            return classic_error_body(text, code_of_status(status))
        return error_body(status, text, request_id)

    # -- what the sweep for slow clients asks -----------------------------------------------------------------------

    @property
    def has_asked(self) -> bool:
        """Whether a request has ever come."""
        return self.cycle is not None

    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def time_out(self) -> None:
        """Stop waiting for the rest of a request."""
        self._give_up(*_TOO_SLOW)

    # -- the server goes down --------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Go down after the answers that are due, one on the way included."""
        if not self.is_idle():
            self.cycle.keep_alive = False
        elif self.is_in_head:
            # Its answer says that it is the last one.
            return
        elif self.has_unread():
            self.loop.call_later(_UNREAD_S, self.shutdown)
        else:
            self.transport.close()

    # -- parser callbacks ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start a request."""
        self._is_at_boundary = False
        self._has_length = False
        self._body_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        super().on_url(url)
        if len(self.url) > MAX_HEAD_BYTES:
            self._refuse_head(_TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those behind a body are dropped."""
        if self._is_receiving:
            return
        super().on_header(name, value)
        lowered = name.lower()
        if lowered == b"expect" and value.lower() != b"100-continue":
            self._refuse_head(_UNKNOWN_EXPECTATION)
        self._has_length |= lowered in {b"content-length", b"transfer-encoding"}
        if len(self.headers) > MAX_HEADERS:
            self._refuse_head(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Begin the answer."""
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refuse_head(_TOO_LARGE)
        if self.parser.should_upgrade() and self._has_length:
            # The parser would drop the body.
            self._refuse_head(_SWITCHED)
        self._quiet_bytes = 0
        self._is_receiving = True
        super().on_headers_complete()
        self.cycle.transport = CycleTransport(self, self.cycle)  # type: ignore[assignment]  # as much of one as is used

    def on_body(self, body: bytes) -> None:
        """Note that the body grows."""
        self._quiet_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._quiet_bytes = 0
        self._is_receiving = False
        self._is_at_boundary = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request; how long a connection may be idle is up to the sweep."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        self.idle_since_s = self.loop.time()

    def _refuse_head(self, refusal: tuple[int, str]) -> None:
        self._refusal = refusal
        raise _RefusedHeadError
