"""Connections of a front without sockets, processes and workers: bytes go in by hand, and what is written is kept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from uvicorn.server import ServerState

from bentoml._http.http_server import server_config
from bentoml._http.proxies import Proxies
from bentoml.server.front.dispatch import Dispatcher
from bentoml.server.front.front import Front
from bentoml.server.front.inference_app import InferenceApp
from bentoml.server.front.protocol import FrontProtocol
from bentoml.server.front.routes import Route
from bentoml.server.http.arriving import Arriving
from bentoml.server.http.call import Call
from bentoml.server.http.heads import KnownHeads
from bentoml.server.http.leavers import Leavers
from bentoml.server.metrics.counters import RouteCounters
from bentoml.server.scheduling.ledger import Ledger
from bentoml.server.scheduling.scheduler import ApiPolicy


class RecordingTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.aborted = False
        self.unsent_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = self.aborted = True

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def pause_reading(self) -> None:
        """Nothing comes but what the test sends."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class Bench:
    """Connections of a front that has room for 200 arriving bytes, and whose dispatcher echoes at once."""

    def __init__(self, *, answers: bool = True) -> None:
        self.arriving = Arriving(200)
        self.waiting: list[Call] = []
        submit = self._echo if answers else self.waiting.append
        policy = ApiPolicy("predict", True, 10, 10.0)
        route = Route(0, "/predict", policy, {"POST": RouteCounters()}, frozenset({"POST"}))
        dispatcher = cast("Dispatcher", SimpleNamespace(submit=submit, cancel=lambda _: None))
        app = InferenceApp(dispatcher, 100_000, self.arriving)
        self._config = server_config(app, FrontProtocol)
        self._config.load()
        self._front = SimpleNamespace(
            fast_routes={b"/predict": route},
            known_heads=KnownHeads(),
            routes_by_path={"/predict": route},
            dispatcher=dispatcher,
            application=app,
            options=SimpleNamespace(max_request_size_bytes=100_000, open_inference_enabled=True),
            arriving=self.arriving,
            draining=False,
            proxies=Proxies(()),
            leavers=Leavers(asyncio.get_running_loop()),
            gates=SimpleNamespace(inference=None),
            metrics=SimpleNamespace(ledger=Ledger()),
            default_head=lambda _: b"",
        )

    @staticmethod
    def _echo(call: Call) -> None:
        call.answer(200, b"", b"%d bytes" % len(call.body))

    def connect(self) -> tuple[FrontProtocol, RecordingTransport]:
        protocol = FrontProtocol(
            cast("Front", self._front), config=self._config, server_state=ServerState(), app_state={}
        )
        transport = RecordingTransport()
        protocol.connection_made(transport)
        return protocol, transport


async def rest() -> None:
    """Let tasks of the ASGI lane get as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)
