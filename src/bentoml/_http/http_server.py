"""Uvicorn's server as ours run it: it drains politely, ends with 0, and lets go of slow clients."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

import uvicorn

from bentoml._http.last_connections import HANDSHAKE_END_S, accept_waiting, begin_no_more
from bentoml._http.listening import BACKLOG
from bentoml._http.slow_clients import SlowClients

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from starlette.types import ASGIApp

    from bentoml._http.client_limits import ClientLimits

logger = logging.getLogger(__name__)

# How long a server that goes down waits for handshakes.
_JOIN_S = 2.0
_LOOK_EVERY_S = 0.05


class Drainable(Protocol):
    """What is told that the server goes down."""

    @property
    def is_answered(self) -> bool:
        """Whether no request that was taken waits for its answer."""

    def drain(self) -> None:
        """Flip readiness."""


def server_config(application: ASGIApp, protocol: Callable[..., asyncio.Protocol]) -> uvicorn.Config:
    """Uvicorn's settings for our servers.

    Args:
        application: the ASGI application.
        protocol: makes the protocol of a connection.
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
        # The model server keeps these with the date, as one block.
        headers=[("x-content-type-options", "nosniff")],
        # Whoever connects is the client.
        proxy_headers=False,
    )


class HttpServer(uvicorn.Server):
    """Accepts connections until it is told to go down, and then answers what is there.

    Args:
        config: see `server_config`.
        front: learns first that the server goes down.
        grace_s: how long it may take to go down.
        limits: the patience with slow clients.
        tls: makes it an HTTPS server.
        management: makes the protocol of a connection to the second socket that is served.

    Attributes:
        end_signals: tell it to go down.
        has_cut_off: whether its time was over, or it was hurried, and it has left requests without an answer.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        front: Drainable,
        grace_s: float,
        limits: ClientLimits,
        tls: ssl.SSLContext | None = None,
        management: Callable[..., asyncio.Protocol] | None = None,
    ) -> None:
        super().__init__(config)
        # How a connection to each socket begins.
        self._makers = [partial(self._connection, protocol) for protocol in (config.http, management)]
        self._front = front
        self._grace_s = grace_s
        self._limits = limits
        self._secured: dict[str, Any] = {}
        if tls is not None:
            self._secured = {"ssl": tls, "ssl_handshake_timeout": limits.header_timeout_s}
        # Connections whose TLS handshake is not over, among others.
        self._young: WeakSet[Any] = WeakSet()
        self._hurrying = asyncio.Event()
        self.end_signals: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGINT)
        self.has_cut_off = False

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 - the interface of uvicorn
        """Tell the front, then go down; a second signal hurries."""
        if self.should_exit:
            self.force_exit = True
            self._hurrying.set()
            return
        self._front.drain()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals to end. They are not raised again as uvicorn does: the exit code of a drain is 0."""
        loop = asyncio.get_running_loop()
        for sig in self.end_signals:
            loop.add_signal_handler(sig, self.handle_exit, sig, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(maker, sock=sock, backlog=BACKLOG, **self._secured)
            for maker, sock in zip(self._makers, sockets or (), strict=False)
        ]
        self.started = True

    def _connection(self, protocol: Any) -> asyncio.Protocol:
        connection: asyncio.Protocol = protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        if self._secured:
            self._young.add(connection)
        return connection

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener and answer what is due, also on connections that only the kernel knows so far."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._grace_s
        listeners = sockets or []
        if begin_no_more(listeners):
            await self._wait(HANDSHAKE_END_S)
        joining = {
            loop.create_task(loop.connect_accepted_socket(maker, sock, **self._secured))
            for maker, listener in zip(self._makers, listeners, strict=False)
            for sock in accept_waiting([listener])
        }
        for server in self.servers:
            server.close()
        for sock in listeners:
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        joined_by_s = min(end_s, loop.time() + _JOIN_S)
        while not self.force_exit and loop.time() < (end_s if self._is_busy() else joined_by_s):
            if not self._is_busy() and not self._has_young(joining):
                break
            await self._wait(_LOOK_EVERY_S)
        cut: list[Any] = list(self.server_state.connections)
        self.has_cut_off = not self._front.is_answered or (
            self.force_exit and any(not connection.is_idle() for connection in cut)
        )
        if cut:
            logger.warning("%d connections are cut: the time to go down is over", len(cut))
        for task in [*joining, *self.server_state.tasks]:
            task.cancel()
        for left in cut:
            left.transport.close()

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)

    def _has_young(self, joining: Iterable[asyncio.Task[Any]]) -> bool:
        return any(not task.done() for task in joining) or any(young.transport is None for young in self._young)

    async def _wait(self, seconds: float) -> None:
        """Wait, but not when somebody hurries us."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._hurrying.wait(), seconds)

    async def sweep_connections(self, after_each: Callable[[], object] | None = None) -> None:
        """Let go of connections that are silent or slow, again and again.

        Args:
            after_each: called after each look.
        """
        slow_clients = SlowClients(self._limits, asyncio.get_running_loop().time)
        while True:
            await asyncio.sleep(self._limits.sweep_every_s)
            slow_clients.sweep(list(self.server_state.connections))  # type: ignore[arg-type]
            if after_each is not None:
                after_each()
