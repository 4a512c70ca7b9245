"""Clients that may be gone without the event loop seeing it, because their connections are not read.

Two kinds of connections are not read: those on which the client has ended its sending, and those with many requests in
the pipeline. The end of what a client sends says too little: one that only has nothing more to ask waits for its
answer, one that is gone never reads it, and both look the same. What tells them apart is a write, which a client that
is gone refuses. So when an answer takes a while, something without a meaning goes first: `100 Continue`, which HTTP/1.1
lets a server send at any time before an answer and has every client skip, or a zero in front of the size of the next
chunk.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from bentoml.server.front.ending import EndingProtocol

_LOOK_EVERY_S = 0.1
# A client that only ended its sending gets an answer that comes sooner without anything before it.
ASK_AFTER_S = 0.25
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LEADING_ZERO = b"0"
_PEER_HAS_ENDED = getattr(select, "POLLRDHUP", 0)


class Leavers:
    """Looks after such connections, with one timer for all.

    Args:
        loop: the running event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # When the end of what it sends was first seen; None before.
        self._watched: dict[EndingProtocol, float | None] = {}
        self._asked: set[EndingProtocol] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, connection: EndingProtocol) -> None:
        """Look at a connection from now on, until it is read again or closed."""
        self._watched.setdefault(connection, None)
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        for connection in list(self._watched):
            if connection.is_read or connection.transport.is_closing():
                self._forget(connection)
            else:
                self._look_at(connection)
        self._timer = self._loop.call_later(_LOOK_EVERY_S, self._look) if self._watched else None

    def _look_at(self, connection: EndingProtocol) -> None:
        has_ended, is_gone = _peer_state(connection.transport.get_extra_info("socket").fileno())
        if is_gone or (has_ended and connection.scheme == "https"):
            # With TLS there is no such thing as a client that ends its sending and reads on.
            self._forget(connection)
            connection.transport.abort()
        elif has_ended or connection.has_ended:
            now_s = self._loop.time()
            ended_s = self._watched[connection]
            if ended_s is None:
                self._watched[connection] = now_s
            elif now_s - ended_s >= ASK_AFTER_S and connection not in self._asked:
                question = connection.question()
                if question:
                    self._asked.add(connection)
                    connection.transport.write(question)

    def _forget(self, connection: EndingProtocol) -> None:
        del self._watched[connection]
        self._asked.discard(connection)


def _peer_state(fd: int) -> tuple[bool, bool]:
    """Whether the other side has ended its sending, and whether it is gone."""
    poll = select.poll()
    poll.register(fd, _PEER_HAS_ENDED)
    events = poll.poll(0)
    happened = events[0][1] if events else 0
    return bool(happened & _PEER_HAS_ENDED), bool(happened & (select.POLLHUP | select.POLLERR))
