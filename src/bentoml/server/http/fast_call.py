"""A call in the fast lane of the front's HTTP protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.server.http.call import Call

if TYPE_CHECKING:
    from bentoml.server.front.dispatch import Dispatcher
    from bentoml.server.front.protocol import FrontProtocol
    from bentoml.server.http.heads import RequestHead


class NoEvent:
    """Stands where uvicorn keeps an event that wakes an ASGI task; a fast call has no task."""

    @staticmethod
    def set() -> None:
        """Wake nobody."""


NO_EVENT = NoEvent()


class FastCall(Call):
    """A call in the fast lane; for uvicorn's bookkeeping it is a request-response cycle.

    Attributes:
        protocol: the connection.
        dispatcher: runs it.
        keep_alive: whether the connection stays open after the answer.
        has_turn: every earlier request of the connection has been answered.
        received: the body is complete.
        is_plain: all that its head says was looked at, so another request with that head can be taken the same way.
        refusal: status to answer with instead of running it, or 0.
        chunks: parts of the body while it arrives.
        arriving_bytes: how many of them are counted as arriving.
    """

    __slots__ = (
        "arriving_bytes",
        "chunks",
        "disconnected",
        "dispatcher",
        "has_turn",
        "is_plain",
        "keep_alive",
        "protocol",
        "received",
        "refusal",
        "response_complete",
    )

    message_event = NO_EVENT

    def __init__(
        self,
        protocol: FrontProtocol,
        dispatcher: Dispatcher,
        head: RequestHead,
        request_id: str,
        client: str,
        *,
        keep_alive: bool,
    ) -> None:
        super().__init__(head, request_id, client)
        self.protocol = protocol
        self.dispatcher = dispatcher
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.has_turn = False
        self.received = False
        self.is_plain = False
        self.refusal = 0
        self.chunks: list[bytes] | None = None
        self.arriving_bytes = 0

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Write the whole answer at once."""
        self.protocol.write_answer(self, status, head, body)
