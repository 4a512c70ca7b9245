"""Uvicorn's server as the front runs it: it drains politely, ends with 0, and closes silent connections."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from starlette.types import ASGIApp

KEEP_ALIVE_S = 75.0
_SWEEP_EVERY_S = 5.0


class Drainable(Protocol):
    """What is told that the server goes down."""

    def drain(self) -> None:
        """Flip readiness."""


class Connection(Protocol):
    """A client connection of the front."""

    transport: asyncio.Transport
    idle_since_s: float

    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""


def front_config(application: ASGIApp, protocol: Callable[..., asyncio.Protocol], grace_s: float) -> uvicorn.Config:
    """Uvicorn's settings for the front.

    Args:
        application: the ASGI application.
        protocol: makes the protocol of a connection.
        grace_s: how long a drain may take.
    """
    return uvicorn.Config(
        application,
        http=protocol,  # type: ignore[arg-type]  # called like a class, never subclassed
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whoever connects is the client; both lanes see the same address.
        proxy_headers=False,
        timeout_graceful_shutdown=int(grace_s) or 1,
    )


class HttpServer(uvicorn.Server):
    """Accepts connections until it is told to go down, and then answers what is there.

    Args:
        config: see `front_config`.
        front: learns first that the server goes down.
    """

    def __init__(self, config: uvicorn.Config, front: Drainable) -> None:
        super().__init__(config)
        self._front = front

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Tell the front, then go down as usual; a second signal hurries."""
        self._front.drain()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM. Unlike uvicorn's, it does not raise the signal again: the exit code of a drain is 0."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self.handle_exit, sig, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener and answer what is due, also on connections that only the kernel knows so far."""
        loop = asyncio.get_running_loop()
        joining = [
            loop.create_task(loop.connect_accepted_socket(self._late_connection, sock))
            for sock in _accepted_by_the_kernel(sockets or ())
        ]
        await super().shutdown(sockets)
        await asyncio.gather(*joining)

    def _late_connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def close_idle_connections(self) -> None:
        """Close connections that have been silent for `KEEP_ALIVE_S`; one sweep instead of a timer per answer."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_EVERY_S)
            oldest_s = loop.time() - KEEP_ALIVE_S
            connections: list[Connection] = list(self.server_state.connections)  # type: ignore[arg-type]
            for connection in connections:
                if connection.is_idle() and connection.idle_since_s < oldest_s:
                    connection.transport.close()


def _accepted_by_the_kernel(listeners: Iterable[socket.socket]) -> list[socket.socket]:
    """The connections that wait in the listeners' queues; closing a listener would reset them."""
    accepted: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.setblocking(False)
                accepted.append(sock)
    return accepted
