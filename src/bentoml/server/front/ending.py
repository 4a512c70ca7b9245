"""How a connection comes to its end: by the client, half or whole, or by a server that goes down.

What nobody waits for any more leaves the queue; what somebody waits for is answered first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.server.front.inference_app import REFUSED, accepted_call
from bentoml.server.http.fast_call import FastCall
from bentoml.server.http.leavers import CONTINUE, LEADING_ZERO
from bentoml.server.http.reading import ReadingProtocol
from bentoml.server.scheduling.ledger import EARLY_REASONS, Outcome

if TYPE_CHECKING:
    from bentoml.server.front.front import Front
    from bentoml.server.front.generation import Generation
    from bentoml.server.http.refusal import RefusalForm

# When the server goes down, a connection that was busy this recently may still send a request, and gets its answer.
LINGER_S = 1.0
# The event loop has read by then what has come.
_UNREAD_S = 0.02


class EndingProtocol(ReadingProtocol):
    """The end of a client connection, and of the requests on it.

    Args:
        front: what all connections share.
        **uvicorn_arguments: `config`, `server_state`, `app_state`.

    Attributes:
        idle_since_s: when the last request was answered, or the connection was made.
    """

    _front: Front

    def __init__(self, front: Front, **uvicorn_arguments: Any) -> None:
        super().__init__(front, **uvicorn_arguments)
        # The request that is being answered.
        self._turn: Any = None
        self.idle_since_s = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the calls of a client that left out of the queue."""
        left = {self._turn, self.cycle, *(queued for queued, _ in self.pipeline)} - {None}
        for cycle in left:
            if cycle.response_complete and not isinstance(cycle, FastCall):
                continue
            self._cancel(cycle)
        self.pipeline.clear()
        super().connection_lost(exc)
        # What the last request brought along is not kept until the garbage collector finds the circle.
        self.cycle = self._turn = None

    def _cancel(self, cycle: Any) -> None:
        """Take a request whose answer nobody waits for out of the queue."""
        cycle.disconnected = True
        if isinstance(cycle, FastCall):
            self._drop_body(cycle)
            cycle.dispatcher.cancel(cycle)
        else:
            cycle.message_event.set()
            call = accepted_call(cycle)
            if call is not None:
                call.dispatcher.cancel(call)

    # -- half an end ----------------------------------------------------------------------------------------------

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client has ended its sending: what it has asked is answered, and then the connection closes.

        Returns:
            Whether the connection stays open; with TLS it never does.
        """
        if self.has_ended:
            return True
        if self.scheme == "https" or self.is_lingering:
            return None
        if self._is_receiving:
            # The newest request will never be complete. Those before it are.
            if not (self.pipeline and self.pipeline[0][0] is self.cycle):
                return None
            self._cancel(self.pipeline.popleft()[0])
            self.cycle = self.pipeline[0][0] if self.pipeline else self._turn
        if self.is_idle() or (getattr(self._turn, "response_started", False) and not self._turn.chunked_encoding):
            # A stream without frames cannot ask whether the client is there.
            return None
        self.has_ended = self._is_unreadable = True
        self._is_receiving = self._is_at_boundary = False
        self.cycle.keep_alive = False
        self._front.leavers.watch(self)
        return True

    @property
    def is_read(self) -> bool:
        """Whether the event loop sees what the client does."""
        return not (self.flow.read_paused or self.has_ended)

    def question(self) -> bytes:
        """What can be sent now without a meaning to the client, so that one that is gone refuses it; else nothing."""
        turn = self._turn
        if turn is None or turn.response_complete:
            return b""
        if isinstance(turn, FastCall) or not turn.response_started:
            return b"" if self._is_of_1_0 else CONTINUE
        return LEADING_ZERO if turn.chunked_encoding else b""

    # -- the server goes down --------------------------------------------------------------------------------------

    @property
    def has_asked(self) -> bool:
        """Whether a request has ever come."""
        return self.cycle is not None

    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def awaits(self, generation: Generation) -> bool:
        """Whether a request that belongs to a generation is not answered yet."""
        cycles = {self._turn, self.cycle, *(queued for queued, _ in self.pipeline)} - {None}
        return any(
            cycle.dispatcher is generation.dispatcher and not cycle.response_complete
            for cycle in cycles
            if isinstance(cycle, FastCall)
        ) or any(
            app in {generation.application, generation.management_application} and not isinstance(cycle, FastCall)
            for cycle, app in self.pipeline
        )

    def shutdown(self) -> None:
        """Go down after the answers that are due, and after a moment for a request that may be on its way."""
        if not self.is_idle():
            self.cycle.keep_alive = False
            return
        self.loop.call_at(max(self.idle_since_s + LINGER_S, self.loop.time()), self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self.is_idle():
            return
        if self.has_unread():
            self.loop.call_later(_UNREAD_S, self._close_if_idle)
        else:
            self.transport.close()

    # -- requests without an end ----------------------------------------------------------------------------------

    def forget(self, request: Any, form: RefusalForm) -> str | None:
        """Let go of a request whose body broke off, or came too slowly; see `ReadingProtocol.forget`."""
        reason = EARLY_REASONS.get(form.status, "malformed")
        call = request if isinstance(request, FastCall) else accepted_call(request)
        if call is None:
            # Whoever is about to answer it sees that.
            request.scope["state"][REFUSED] = True
            return None
        call.sent_bytes = len(form.body(call.request_id))
        call.settle(Outcome.REFUSED, form.status, reason=reason)
        if isinstance(call, FastCall):
            self._drop_body(call)
        else:
            call.conclude()
        return call.request_id

    def _drop_body(self, call: FastCall) -> None:
        call.chunks = None
        self._front.arriving.give_back(call.arriving_bytes)
        call.arriving_bytes = 0
