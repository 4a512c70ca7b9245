"""Whoever watches what an API answers, such as the log of predictions."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Protocol

from bentoml.service.batch_run import UNEXPECTED_ERROR
from bentoml.service.stream_run import OpenStream
from bentoml.service.stream_tap import StreamTap
from bentoml.types import InferenceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bentoml.types import HTTPRequest, InferenceResult, InferenceTask

logger = logging.getLogger(__name__)

# After the first failure, the log says again how many there were when they are this many.
_SAID_AGAIN = frozenset(10**power for power in range(1, 13))


class PredictionObserver(Protocol):
    """Is told of answers before they go out, by the thread that made them: threads may call it at the same time.

    Attributes:
        kept_stream_bytes: how much of an answer in pieces it wants to see.
    """

    kept_stream_bytes: int

    def answered(self, tasks: Sequence[InferenceTask[Any]], results: Sequence[InferenceResult[Any]]) -> None:
        """A batch has its results.

        Args:
            tasks: all of the batch, discarded ones included. They are to be read, not changed.
            results: one per task, in order.
        """

    def streamed(self, task: InferenceTask[Any], result: InferenceResult[Any], size_bytes: int) -> None:
        """An answer in pieces has come to its end.

        Args:
            task: what was answered.
            result: its data are the first `kept_stream_bytes` that were sent, as bytes; `err_msg` says why it has ended
                too soon, if it has.
            size_bytes: how much was sent in all.
        """


class GuardedObserver:
    """An observer whose failures cost no answer: the first is logged with its traceback, all are counted.

    Args:
        observer: may raise.
        api_name: for the log.

    Attributes:
        failures: how often it has raised.
    """

    def __init__(self, observer: PredictionObserver, api_name: str) -> None:
        self._observer = observer
        self._api_name = api_name
        self.kept_stream_bytes = observer.kept_stream_bytes
        self.failures = 0

    async def watch(
        self,
        requests: Sequence[HTTPRequest],
        tasks: Sequence[InferenceTask[Any]],
        inferring: Awaitable[list[InferenceResult[Any]]],
    ) -> list[InferenceResult[Any]]:
        """Wait for the results of a batch, and tell them.

        Args:
            requests: of which the tasks were made, one each; what could not be read is told as it came in.
            tasks: of the batch.
            inferring: gives the results.

        Raises:
            BaseException: what the user function has left the pipeline with, as `sys.exit()` does.
        """
        for request, task in zip(requests, tasks, strict=True):
            if task.is_discarded:
                _keep_body(request, task)
        try:
            results = await inferring
        except BaseException as error:
            self._tell_failed(tasks, error)
            raise
        self._tell(self._observer.answered, tasks, results)
        return results

    async def watch_stream(
        self, request: HTTPRequest, task: InferenceTask[Any], opening: Awaitable[InferenceResult[Any] | OpenStream]
    ) -> InferenceResult[Any] | OpenStream:
        """Wait for the beginning of an answer in pieces; tell a whole one at once, any other when it has ended.

        Raises:
            BaseException: see `watch`.
        """
        if task.is_discarded:
            _keep_body(request, task)
        try:
            opened = await opening
        except BaseException as error:
            self._tell_failed([task], error)
            raise
        if isinstance(opened, OpenStream):
            opened.tap = StreamTap(self, task, opened.status, opened.headers)
        else:
            self._tell(self._observer.answered, [task], [opened])
        return opened

    def streamed(self, task: InferenceTask[Any], result: InferenceResult[Any], size_bytes: int) -> None:
        """See `PredictionObserver`."""
        self._tell(self._observer.streamed, task, result, size_bytes)

    def _tell_failed(self, tasks: Sequence[InferenceTask[Any]], error: BaseException) -> None:
        """The worker answers each request 500; but nobody waits for the answer of a call that was cancelled."""
        asyncio = sys.modules.get("asyncio")
        if asyncio is not None and isinstance(error, asyncio.CancelledError):
            return
        results: list[InferenceResult[Any]] = [InferenceError(UNEXPECTED_ERROR, task_id=task.task_id) for task in tasks]
        self._tell(self._observer.answered, tasks, results)

    def _tell(self, method: Callable[..., None], *arguments: Any) -> None:
        try:
            method(*arguments)
        except Exception:
            # A door: what watches must not cost an answer.
            self.failures += 1
            if self.failures == 1:
                logger.exception(
                    "API '%s': an answer could not be recorded; further failures are counted", self._api_name
                )
            elif self.failures in _SAID_AGAIN:
                logger.warning("API '%s': answers could not be recorded %d times", self._api_name, self.failures)


def _keep_body(request: HTTPRequest, task: InferenceTask[Any]) -> None:
    """For whoever wants to know what it was that could not be read; nothing else looks at a discarded task."""
    if task.data is None:
        task.data = request.body
