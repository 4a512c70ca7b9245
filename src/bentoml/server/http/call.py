"""One inference request in the front, whichever way it came in, and the answers that the front gives itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.server.http.error_form import JSON_HEAD, json_error, model_error, wants_json
from bentoml.server.scheduling.ledger import Outcome
from bentoml.server.scheduling.scheduler import Job

if TYPE_CHECKING:
    from bentoml.server.http.heads import RequestHead
    from bentoml.server.streams.stream_inlet import Inlet
    from bentoml.server.tracing.front_tracing import CallTrace

TEXT_HEAD = b"content-type: text/plain; charset=utf-8\r\n"

# How to ask for an API that takes requests with a token only.
_CHALLENGE = b'www-authenticate: Bearer realm="inference"\r\n'

# Answers that carry no length: a 204 has no body, and the length of a 304 would be that of the body it stands for.
UNSIZED = frozenset({204, 304})

# What the front says when no worker was asked, or none answered in time.
REFUSALS = {
    401: b"Unauthorized: send a token as 'Authorization: Bearer TOKEN' or 'X-API-Key: TOKEN'",
    408: b"Request timeout",
    413: b"Request body is too large",
    500: b"An error has occurred, find the error details in server logs",
    429: b"429: Too Many Requests",
    503: b"Service Unavailable",
}


class Call(Job):
    """A request for an API route, entered into the ledger. Subclasses know how to write the answer.

    Args:
        head: what came before the body.
        request_id: given by the client or made here; it is the task id.
        client: address of the peer.

    Attributes:
        counters: those of its route and method.
        body: the raw bytes.
        sent_bytes: size of the body of its answer, once written.
        outcome: how it ended.
        trace: its spans, when it is traced.
    """

    __slots__ = ("body", "client", "counters", "head", "outcome", "request_id", "sent_bytes", "trace")

    def __init__(self, head: RequestHead, request_id: str, client: str) -> None:
        super().__init__(head.route.index, 0.0, 0.0, 0)
        self.head = head
        self.counters = head.counters
        self.request_id = request_id
        self.client = client
        self.body = b""
        self.sent_bytes = 0
        self.outcome = Outcome.OPEN
        self.trace: CallTrace | None = None
        self.counters.ledger.accepted += 1
        self.counters.started()

    def settle(self, outcome: Outcome, status: int, duration_s: float = 0.0, reason: str = "") -> None:
        """Enter how this call ended. The first outcome stands; nothing happens when there is one.

        Args:
            outcome: never `OPEN`.
            status: HTTP status of the answer; 499 where the client left before it.
            duration_s: seconds since the request was complete, or 0.
            reason: why it was refused or failed.
        """
        if not self.outcome:
            self.outcome = outcome
            ledger = self.counters.ledger
            ledger.close(outcome, reason)
            if reason:
                self.counters.unanswered(outcome, reason)
            self.counters.finished(status, duration_s)
            if ledger.access_log is not None:
                ledger.access_log.add(self.head, self.client, self.request_id, status, self.sent_bytes, duration_s)
            if self.trace is not None:
                self.trace.end(outcome, status, reason)

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Write the answer to the client.

        Args:
            status: HTTP status.
            head: `name: value` lines, each ended by CRLF, without length and request id.
            body: the content.
        """
        raise NotImplementedError

    def begin(self, status: int, head: bytes, inlet: Inlet) -> None:
        """Begin an answer that comes in pieces.

        Args:
            status: HTTP status.
            head: see `answer`.
            inlet: where the pieces come.
        """
        raise NotImplementedError

    def refuse(self, status: int, retry_after_s: int | None = None) -> None:
        """Answer with one of `REFUSALS`."""
        head, body = self.refusal_of(status)
        self.answer(status, head if retry_after_s is None else b"%bretry-after: %d\r\n" % (head, retry_after_s), body)

    def refusal_of(self, status: int) -> tuple[bytes, bytes]:
        """Head and body of one of `REFUSALS`, in the form that the client wants."""
        text = REFUSALS[status]
        more = _CHALLENGE if status == 401 else b""
        if self.head.route.is_of_model:
            return JSON_HEAD + more, model_error(text)
        if status == 401 and wants_json(self.head.fields()):
            return JSON_HEAD + more, json_error(401, text.decode(), self.request_id)
        return TEXT_HEAD + more, text
