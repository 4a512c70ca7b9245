"""Requests to an ASGI application without sockets. Nothing is tidied on the way: dots in a path, a compressed body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from httpx import Headers
from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True)
class Answer:
    """What the application sent."""

    status_code: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


class AsgiClient:
    """One application. An error in it that comes after an answer shows as that answer, as a client would see it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, chunks: Sequence[bytes] = ()
    ) -> Answer:
        """Send a request, its body in chunks; `path` as in a request line, with its query."""
        return asyncio.run(self.send(method, path, headers, chunks))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", path, headers)

    @staticmethod
    def scope(method: str, path: str, headers: Mapping[str, str]) -> Scope:
        """What the server would say of a request."""
        raw_path, _, query = path.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw_path),
            "raw_path": raw_path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (b"host", b"testserver"),
                *((name.lower().encode(), v.encode()) for name, v in headers.items()),
            ],
            "client": ("127.0.0.1", 1234),
            "server": ("testserver", 80),
        }

    async def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, chunks: Sequence[bytes] = ()
    ) -> Answer:
        """See `request`."""
        sent: list[Message] = []
        waiting = list(chunks) or [b""]

        async def receive() -> Message:
            return {"type": "http.request", "body": waiting.pop(0) if waiting else b"", "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self._app(self.scope(method, path, headers or {}), receive, send)
        except Exception:
            if not sent:
                raise
        assert sent[0]["type"] == "http.response.start"
        assert sent[-1].get("more_body", False) is False
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], Headers(sent[0]["headers"]), body)
