"""The drain of the HTTP server, seen from one event loop."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bentoml._http.client_limits import ClientLimits
from bentoml._http.http_server import HttpServer, server_config
from bentoml._http.tls import tls_context
from tests.server.certificates import make_certificate
from tests.server.server_options import server_options


class OneAnswer(asyncio.Protocol):
    """Answers whatever comes first, and closes."""

    def __init__(self, server_state: Any, **_: Any) -> None:
        self._connections = server_state.connections
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"answer to " + data)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Called for the connections that the server knew before it went down."""

    def is_idle(self) -> bool:
        return False


async def no_application(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing gets here")


def make_server(tls: ssl.SSLContext | None = None, grace_s: float = 10) -> HttpServer:
    config = server_config(no_application, OneAnswer)
    config.load()
    server = HttpServer(
        config, SimpleNamespace(drain=lambda: None, is_answered=True), grace_s, ClientLimits(10, 10), tls
    )
    server.lifespan = config.lifespan_class(config)
    server.servers = []
    return server


def test_connections_in_the_queue_of_the_kernel_are_answered_when_the_server_goes_down() -> None:
    async def drain(listener: socket.socket) -> None:
        server = make_server()
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


def test_tls_connections_in_the_queue_of_the_kernel_are_answered_too(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(certificate.certfile))

    async def ask(sock: socket.socket, number: int) -> bytes:
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname="localhost")
        writer.write(b"%d" % number)
        answer = await reader.read()
        writer.close()
        return answer

    async def scenario(listener: socket.socket) -> list[bytes]:
        queued = [socket.create_connection(listener.getsockname(), timeout=10) for _ in range(3)]
        asking = asyncio.gather(*(ask(sock, number) for number, sock in enumerate(queued)))
        server = make_server(
            tls_context(server_options(ssl_certfile=str(certificate.certfile), ssl_keyfile=str(certificate.keyfile)))
        )
        await server.shutdown([listener])
        return await asking

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert asyncio.run(scenario(listener)) == [b"answer to %d" % number for number in range(3)]


def test_connection_that_never_shakes_hands_does_not_keep_the_server(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)

    async def scenario(listener: socket.socket) -> None:
        server = make_server(
            tls_context(server_options(ssl_certfile=str(certificate.certfile), ssl_keyfile=str(certificate.keyfile)))
        )
        await asyncio.wait_for(server.shutdown([listener]), 60)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname(), timeout=10) as silent:
            asyncio.run(scenario(listener))
            assert silent.recv(10) == b""


def test_second_signal_ends_a_drain_at_once() -> None:
    async def scenario(listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = make_server(grace_s=3600)
        await server.startup([listener])
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        while not server.server_state.connections:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        server.handle_exit(signal.SIGTERM, None)
        ending = loop.create_task(server.shutdown([listener]))
        await asyncio.sleep(0)
        assert not ending.done()
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(ending, 60)
        assert server.has_cut_off
        assert await reader.read() == b""
        writer.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        asyncio.run(scenario(listener))


def test_headers_of_a_client_do_not_change_its_address() -> None:
    assert server_config(no_application, OneAnswer).proxy_headers is False
