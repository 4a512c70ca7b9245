"""One call of a generator function: from a task to the pieces of its answer.

What goes wrong before the first value is known is answered like any other failure. The first value decides the content
type; a first `InferenceResult` sets the status and the headers, and its data, when it has some, is the first value.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import TEXT_CONTENT_TYPE
from bentoml.service.batch_run import BatchRun, UserFunctionError
from bentoml.service.stream_format import EVENT_HEADERS, UNBUFFERED, chunk_of, content_type_of, error_event, event_of
from bentoml.service.user_function import awaited
from bentoml.types import HTTPHeaders, InferenceError, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.adapters.base import BaseInputAdapter, BaseOutputAdapter
    from bentoml.service.stream_tap import StreamTap
    from bentoml.service.user_function import UserFunction
    from bentoml.types import InferenceTask

logger = logging.getLogger(__name__)

_END = object()
# Answers that have no body by definition.
_BODYLESS = frozenset({204, 205, 304})


class StreamBrokenError(Exception):
    """A generator failed after its answer had begun; the text is for the client.

    Attributes:
        last_piece: what the client can still be told, in the form of the answer; may be empty.
    """

    def __init__(self, message: str, last_piece: bytes) -> None:
        super().__init__(message)
        self.last_piece = last_piece


class OpenStream:
    """An answer that has begun. Read it to its end or close it.

    Args:
        generator: where the next values come from.
        first: the value that has been taken from it.
        encode: makes a piece of a value.
        where: names API and request, for the log.

    Attributes:
        status: HTTP status.
        headers: response headers, content type included.
        tap: follows what is read, if somebody wants to know.
    """

    def __init__(
        self, generator: Any, first: Any, result: InferenceResult[Any], *, as_events: bool, where: str
    ) -> None:
        self._generator = generator
        self._where = where
        self.status = result.http_status
        self.headers = HTTPHeaders(result.http_headers)
        self._is_events = as_events and "content-type" not in self.headers
        self._write: Callable[[Any], bytes] = event_of if self._is_events else chunk_of
        for name, value in EVENT_HEADERS if self._is_events else [("Content-Type", content_type_of(first)), UNBUFFERED]:
            self.headers.setdefault(name, value)
        self._first: bytes | None = self._encode(first)
        self.tap: StreamTap | None = None

    async def read(self) -> bytes | None:
        """The next piece, which may be empty; None at the end. Whoever asks has sent what it got before.

        Raises:
            StreamBrokenError: the generator has raised, or yielded what cannot be sent.
        """
        tap = self.tap
        if tap is None:
            return await self._next_piece()
        tap.sent()
        try:
            piece = await self._next_piece()
        except StreamBrokenError as error:
            tap.break_off(str(error), error.last_piece)
            raise
        tap.give(piece)
        return piece

    async def _next_piece(self) -> bytes | None:
        piece, self._first = self._first, None
        if piece is not None:
            return piece
        try:
            value = await _next_of(self._generator)
            return None if value is _END else self._encode(value)
        except Exception as error:
            logger.exception("%s broke off after its answer had begun", self._where)
            message = f"Exception happened in API function: {error}"
            raise StreamBrokenError(message, error_event(message) if self._is_events else b"") from error

    def _encode(self, value: Any) -> bytes:
        if isinstance(value, InferenceResult):
            raise TypeError("only the first value that a generator yields may be an InferenceResult")
        return self._write(value)

    async def read_all(self) -> bytes:
        """The pieces up to the end, joined.

        Raises:
            StreamBrokenError: see `read`.
        """
        pieces: list[bytes] = []
        try:
            while (piece := await self.read()) is not None:
                pieces.append(piece)
        finally:
            # Also when whoever reads is cancelled.
            await self.close()
        return b"".join(pieces)

    async def close(self) -> None:
        """Stop the generator: it sees `GeneratorExit` where it stands, and its `finally` blocks run."""
        try:
            await _close(self._generator)
        except Exception:
            logger.exception("%s failed while it was stopped", self._where)
        finally:
            if self.tap is not None:
                self.tap.end()


class StreamRun(BatchRun):
    """Begins answers of a generator function.

    Args:
        api_name: for the log.
        input_adapter: makes the arguments.
        function: the generator function.
        output_adapter: makes answers that do not stream.
        as_events: whether the client reads an event stream.
    """

    def __init__(
        self,
        api_name: str,
        input_adapter: BaseInputAdapter,
        function: UserFunction,
        output_adapter: BaseOutputAdapter,
        *,
        as_events: bool = False,
    ) -> None:
        super().__init__(api_name, input_adapter, function, output_adapter, is_batch=False)
        self._as_events = as_events

    async def open(self, task: InferenceTask[Any]) -> InferenceResult[Any] | OpenStream:
        """Run a task to its first value.

        Returns:
            An answer that has begun; or a whole one: an error, or that of a generator without values.
        """
        opened: InferenceResult[Any] | OpenStream | None = None
        if self._valid([task]):
            try:
                opened = await self._open(task)
            except Exception as error:  # noqa: BLE001 - user code may raise anything; what ends the process passes
                self._refuse(task, error)
        if isinstance(opened, OpenStream):
            return opened
        if opened is not None:
            self._results[id(task)] = opened
        return self._result_of(task)

    async def collect(self, task: InferenceTask[Any]) -> InferenceResult[Any]:
        """Run a task to its end; the pieces are joined to one body."""
        opened = await self.open(task)
        if isinstance(opened, InferenceResult):
            return opened
        try:
            body = await opened.read_all()
        except StreamBrokenError as error:
            return InferenceError(err_msg=str(error), task_id=task.task_id)
        return InferenceResult(data=body, task_id=task.task_id, http_status=opened.status, http_headers=opened.headers)

    async def _open(self, task: InferenceTask[Any]) -> InferenceResult[Any] | OpenStream | None:
        args = self._input_adapter.extract_single_args(task)
        if task.is_discarded:
            return None
        generator: Any = None
        opened: InferenceResult[Any] | OpenStream | None = None
        try:
            generator = await self._function(args, task)
            opened = await self._begin(generator, task)
        except Exception as error:
            raise UserFunctionError from error
        finally:
            # Also when this task is cancelled.
            if generator is not None and not isinstance(opened, OpenStream):
                await _close(generator)
        return opened

    async def _begin(self, generator: Any, task: InferenceTask[Any]) -> InferenceResult[Any] | OpenStream | None:
        first = await _next_of(generator)
        result: InferenceResult[Any] = InferenceResult()
        if isinstance(first, InferenceResult):
            result = first
            if result.err_msg or isinstance(result, InferenceError) or result.http_status in _BODYLESS:
                return result
            first = await _next_of(generator) if result.data is None else result.data
        if task.is_discarded:
            return None
        if first is _END:
            return self._empty(result)
        where = f"API '{self._api_name}', request {task.task_id},"
        return OpenStream(generator, first, result, as_events=self._as_events, where=where)

    def _empty(self, result: InferenceResult[Any]) -> InferenceResult[Any]:
        headers = HTTPHeaders(result.http_headers)
        for name, value in EVENT_HEADERS if self._as_events else [("Content-Type", TEXT_CONTENT_TYPE)]:
            headers.setdefault(name, value)
        return InferenceResult(data="", http_status=result.http_status, http_headers=headers)


async def _next_of(generator: Any) -> Any:
    """The next value, or `_END`."""
    if hasattr(generator, "__anext__"):
        try:
            return await awaited(generator.__anext__())
        except StopAsyncIteration:
            return _END
    if not hasattr(generator, "__next__"):
        raise TypeError(f"a generator function must return a generator, not {type(generator).__name__}")
    return next(generator, _END)


async def _close(generator: Any) -> None:
    if hasattr(generator, "aclose"):
        await generator.aclose()
    elif hasattr(generator, "close"):
        generator.close()
