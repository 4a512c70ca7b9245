"""`POST /feedback`: what became of predictions, told by clients and written to a log."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response

from bentoml._http.security_headers import NOT_KEPT
from bentoml._util import proc
from bentoml.exceptions import BentoMLException
from bentoml.server.front import feedback_record
from bentoml.server.front.feedback_record import PARSE_ERROR, PROBLEMS, FeedbackError
from bentoml.server.http.call import REFUSALS

if TYPE_CHECKING:
    from starlette.requests import Request

    from bentoml.server.front.bundle_view import BundleView
    from bentoml.server.http.arriving import Arriving
    from bentoml.server.logs.prediction_log import SendLines

logger = logging.getLogger(__name__)

CHANNEL = "bentoml.feedback"
# A larger body is read in a process of its own: it could hold up all other requests.
MAX_READ_HERE_BYTES = 64 << 10
_READING_LIMIT_S = 60.0
# One is read at a time, and so many may wait for it.
MAX_WAITING = 16
# What the log of a web server conventionally says when the client left before the answer began.
_CLIENT_LEFT = 499


class _RefusedError(Exception):
    """Feedback that is not looked at."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


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
        self._large = 0

    async def respond(self, request: Request) -> Response:
        """Take what a client says, or say what is wrong with it."""
        counted_bytes = 0
        try:
            self._check_size(int(request.headers.get("content-length", "0")))
            chunks: list[bytes] = []
            async for chunk in request.stream():
                self._take(len(chunk))
                counted_bytes += len(chunk)
                self._check_size(counted_bytes)
                chunks.append(chunk)
            line = await self._line_of(b"".join(chunks))
        except ClientDisconnect:
            return Response(status_code=_CLIENT_LEFT)
        except _RefusedError as refused:
            headers = {"retry-after": "1"} if refused.status == 429 else None
            return _text(refused.status, REFUSALS[refused.status].decode(), headers)
        except FeedbackError as error:
            return _text(400, str(error))
        finally:
            self._arriving.give_back(counted_bytes)
        self._send(CHANNEL, line, 1)
        return _text(200, "success")

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_size_bytes:
            raise _RefusedError(413)

    def _take(self, size_bytes: int) -> None:
        if not self._arriving.take(size_bytes):
            raise _RefusedError(429)

    async def _line_of(self, body: bytes) -> bytes:
        """The line for a body.

        Raises:
            FeedbackError: it is no feedback.
            _RefusedError: it is large, and too many like it wait.
        """
        if len(body) <= MAX_READ_HERE_BYTES:
            return feedback_record.feedback_record(body, *self._names)
        if self._large > MAX_WAITING:
            raise _RefusedError(429)
        self._large += 1
        try:
            async with self._reading:
                return await run_in_threadpool(self._read_apart, body)
        finally:
            self._large -= 1

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


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, {**NOT_KEPT, **(headers or {})})
