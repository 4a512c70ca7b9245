"""`POST /feedback`: what became of predictions, told by clients and written to a log."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response

from bentoml._util import proc
from bentoml.exceptions import BentoMLException
from bentoml.server import feedback_record
from bentoml.server.call import REFUSALS
from bentoml.server.feedback_record import PARSE_ERROR, PROBLEMS, FeedbackError
from bentoml.server.security_headers import NOT_KEPT

if TYPE_CHECKING:
    from starlette.requests import Request

    from bentoml.server.arriving import Arriving
    from bentoml.server.bundle_view import BundleView
    from bentoml.server.prediction_log import SendLines

logger = logging.getLogger(__name__)

CHANNEL = "bentoml.feedback"
# A larger body is read in a process of its own: it could hold up all other requests.
MAX_READ_HERE_BYTES = 64 << 10
_READING_LIMIT_S = 60.0
# What the log of a web server conventionally says when the client left before the answer began.
_CLIENT_LEFT = 499


class Feedback:
    """Takes feedback about the predictions of one bundle.

    Args:
        view: the bundle.
        max_size_bytes: largest body.
        arriving: counts the bodies that are not written yet.
        send: takes (channel, lines, how many of them); never waits.
    """

    def __init__(self, view: BundleView, max_size_bytes: int, arriving: Arriving, send: SendLines) -> None:
        self._names = (view.name, view.version)
        self._max_size_bytes = max_size_bytes
        self._arriving = arriving
        self._send = send
        self._reading = asyncio.Semaphore(1)

    async def respond(self, request: Request) -> Response:
        """Take what a client says, or say what is wrong with it."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_size_bytes:
            return _refusal(413)
        chunks: list[bytes] = []
        counted_bytes = 0
        try:
            async for chunk in request.stream():
                if not self._arriving.take(len(chunk)):
                    return _refusal(429)
                counted_bytes += len(chunk)
                if counted_bytes > self._max_size_bytes:
                    return _refusal(413)
                chunks.append(chunk)
            line = await self._line_of(b"".join(chunks))
        except ClientDisconnect:
            return Response(status_code=_CLIENT_LEFT)
        except FeedbackError as error:
            return _text(400, str(error))
        finally:
            self._arriving.give_back(counted_bytes)
        self._send(CHANNEL, line, 1)
        return _text(200, "success")

    async def _line_of(self, body: bytes) -> bytes:
        """The line for a body.

        Raises:
            FeedbackError: it is no feedback.
        """
        if len(body) <= MAX_READ_HERE_BYTES:
            return feedback_record.feedback_record(body, *self._names)
        async with self._reading:
            return await run_in_threadpool(self._read_apart, body)

    def _read_apart(self, body: bytes) -> bytes:
        argv = [sys.executable, "-I", feedback_record.__file__, *self._names]
        try:
            exit_code, line = proc.pipe(argv, body, timeout_s=_READING_LIMIT_S)
        except BentoMLException as error:
            logger.warning("Feedback of %d bytes was refused: %s", len(body), error)
            raise FeedbackError(PARSE_ERROR) from error
        if exit_code != 0:
            raise FeedbackError(PROBLEMS.get(exit_code, PARSE_ERROR))
        return line


def _refusal(status: int) -> Response:
    return _text(status, REFUSALS[status].decode(), {"retry-after": "1"} if status == 429 else None)


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, {**NOT_KEPT, **(headers or {})})
