"""A server of a bundle and what relays requests to it, without a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.ray.bundle_server import BundleServer
from bentoml.deploy.ray.relay import LARGE_BYTES, Relay
from bentoml.exceptions import BentoMLException
from tests.deploy.ray.conftest import Saved

pytestmark = pytest.mark.environment("ray")

Message = dict[str, Any]


def scope(path: str, headers: dict[str, str]) -> Message:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.7", 4000),
    }


@asynccontextmanager
async def running(bundle: Path, env: dict[str, str]) -> AsyncIterator[BundleServer]:
    server = BundleServer(bundle, workers=1, env=env, grace_s=10)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def answer(server: BundleServer, asked: Message, *bodies: Message) -> list[Message]:
    """What a client is sent; after `bodies` it waits for the answer."""
    messages, sent = iter(bodies), []

    async def receive() -> Message:
        message = next(messages, None)
        if message is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(Relay(server, "/iris")(asked, receive, send), 60)
    return sent


def run(iris: Saved, tmp_path: Path, ask: Callable[[BundleServer], Awaitable[None]], **env: str) -> None:
    async def main() -> None:
        async with running(iris.bundle, {"BENTOML_HOME": str(tmp_path), **env}) as server:
            await ask(server)

    asyncio.run(main())


def test_a_client_that_leaves_in_its_body_is_answered_nothing(iris: Saved, tmp_path: Path) -> None:
    async def ask(server: BundleServer) -> None:
        asked = scope("/iris/predict", {"content-length": "1000"})
        piece = {"type": "http.request", "body": b"[[", "more_body": True}
        assert await answer(server, asked, piece, {"type": "http.disconnect"}) == []
        assert await answer(server, asked, {"type": "http.disconnect"}) == []
        await server.check()

    run(iris, tmp_path, ask)


def test_a_body_in_pieces_arrives_as_one(iris: Saved, tmp_path: Path) -> None:
    async def ask(server: BundleServer) -> None:
        body = b"[" + b",".join([b"[5.1,3.5,1.4,0.2]"] * 100_000) + b"]"
        assert len(body) > LARGE_BYTES
        halves = [
            {"type": "http.request", "body": body[:1000], "more_body": True},
            {"type": "http.request", "body": body[1000:], "more_body": False},
        ]
        for headers in ({"content-length": str(len(body))}, {"transfer-encoding": "chunked"}):
            asked = scope("/iris/predict", {"content-type": "application/json", **headers})
            start, *rest = await answer(server, asked, *halves)
            assert start["status"] == 200
            assert b"".join(each["body"] for each in rest).count(b"0") == 100_000

    run(iris, tmp_path, ask)


def test_tracebacks_are_not_for_clients_of_the_proxy(iris: Saved, tmp_path: Path) -> None:
    async def ask(server: BundleServer) -> None:
        headers = {"host": "localhost", "content-type": "application/json", "content-length": "5"}
        start, *rest = await answer(
            server, scope("/iris/picky", headers), {"type": "http.request", "body": b'"bad"', "more_body": False}
        )
        assert start["status"] == 500
        assert b"Traceback" not in b"".join(each["body"] for each in rest)

    run(iris, tmp_path, ask, BENTOML_DEBUG="1")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(BentoMLException, match=r"the server of the bundle has ended: .*nowhere"):
            await BundleServer(tmp_path / "nowhere", 1, {"BENTOML_HOME": str(tmp_path)}, 10).start()

    asyncio.run(main())
