"""What was sent of an answer in pieces, kept for whoever watches the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.types import InferenceResult

if TYPE_CHECKING:
    from bentoml.service.observer import GuardedObserver
    from bentoml.types import HTTPHeaders, InferenceTask

STOPPED = "The answer was stopped before its end"


class StreamTap:
    """Follows one stream.

    Args:
        observer: is told when it ends.
        task: what is answered.
        status: HTTP status.
        headers: response headers.
    """

    def __init__(self, observer: GuardedObserver, task: InferenceTask[Any], status: int, headers: HTTPHeaders) -> None:
        self._observer = observer
        self._task = task
        self._status = status
        self._headers = headers
        self._kept = bytearray()
        self._size_bytes = 0
        self._given = b""
        self._problem = STOPPED
        self._has_ended = False

    def give(self, piece: bytes | None) -> None:
        """A piece is handed out, and will be sent; None is the end."""
        if piece is None:
            self._problem = ""
        else:
            self._given = piece

    def sent(self) -> None:
        """The last piece was sent: its taker asks for more."""
        self._take(self._given)
        self._given = b""

    def break_off(self, problem: str, last_piece: bytes) -> None:
        """The stream has failed; `last_piece` is all that is sent now."""
        self._problem = problem
        self._take(last_piece)

    def end(self) -> None:
        """Tell the observer, once."""
        if self._has_ended:
            return
        self._has_ended = True
        result: InferenceResult[Any] = InferenceResult(
            data=bytes(self._kept),
            err_msg=self._problem,
            task_id=self._task.task_id,
            http_status=self._status,
            http_headers=self._headers,
        )
        self._observer.streamed(self._task, result, self._size_bytes)

    def _take(self, piece: bytes) -> None:
        room = self._observer.kept_stream_bytes - len(self._kept)
        if room > 0:
            self._kept += piece[:room]
        self._size_bytes += len(piece)
