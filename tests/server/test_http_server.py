"""The drain of the HTTP server, seen from one event loop."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any, cast

import uvicorn

from bentoml.server.http_server import HttpServer, front_config


class OneAnswer(asyncio.Protocol):
    """Answers whatever comes first, and closes."""

    def __init__(self, server_state: Any, **_: Any) -> None:
        self._connections = server_state.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"answer to " + data)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Called for the connections that the server knew before it went down."""


async def no_application(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing gets here")


def test_connections_in_the_queue_of_the_kernel_are_answered_when_the_server_goes_down() -> None:
    async def drain(listener: socket.socket) -> None:
        config: uvicorn.Config = front_config(no_application, OneAnswer, 10)
        config.load()
        server = HttpServer(config, SimpleNamespace(drain=lambda: None))
        server.lifespan = config.lifespan_class(config)
        server.servers = []
        await server.shutdown([listener])

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        clients = [socket.create_connection(listener.getsockname(), timeout=10) for _ in range(5)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
        asyncio.run(drain(listener))
        assert listener.fileno() == -1
    assert [client.recv(100) for client in clients] == [b"answer to %d" % number for number in range(5)]
    for client in clients:
        client.close()


def test_headers_of_a_client_do_not_change_its_address() -> None:
    assert front_config(no_application, OneAnswer, 10).proxy_headers is False
