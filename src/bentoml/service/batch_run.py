"""One way of a batch through the pipeline: groups, the user function, one result per task.

Results are kept by task, never by position, so that nothing that happens to one task can shift the answer of another.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import BaseInputAdapter
from bentoml.adapters.errors import InputError, ReturnLengthError
from bentoml.exceptions import BentoMLException
from bentoml.service.failure_notes import note_failure
from bentoml.types import InferenceError, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.adapters.base import BaseOutputAdapter
    from bentoml.service.user_function import UserFunction
    from bentoml.types import InferenceTask

    Tasks = list[InferenceTask[Any]]

RETURN_MISMATCH = "The return values of Api Function doesn't match tasks"
UNEXPECTED_ERROR = (
    "An error has occurred in BentoML user code when handling this request, find the error details in server logs"
)

logger = logging.getLogger(__name__)


class UserFunctionError(Exception):
    """The user function raised; the cause is what it raised."""


class BatchRun:
    """Takes the tasks of one batch to their results. Used once.

    Args:
        api_name: for the log.
        input_adapter: makes the arguments.
        function: the user function.
        output_adapter: makes the results.
        is_batch: whether the function takes all tasks of a group at once, or one task.
    """

    def __init__(
        self,
        api_name: str,
        input_adapter: BaseInputAdapter,
        function: UserFunction,
        output_adapter: BaseOutputAdapter,
        *,
        is_batch: bool,
    ) -> None:
        self._api_name = api_name
        self._input_adapter = input_adapter
        self._function = function
        self._output_adapter = output_adapter
        self._is_batch = is_batch
        self._results: dict[int, InferenceResult[Any]] = {}
        self._logged: set[tuple[type, str]] = set()

    async def infer(self, tasks: Sequence[InferenceTask[Any]]) -> list[InferenceResult[Any]]:
        """One result per task, in the order of the tasks; discarded tasks yield their error."""
        groups = self._groups(self._valid(tasks))
        if self._function.is_async and len(groups) > 1:
            import asyncio

            await asyncio.gather(*map(self._run, groups))
        else:
            for group in groups:
                await self._run(group)
        return [self._result_of(task) for task in tasks]

    def _valid(self, tasks: Sequence[InferenceTask[Any]]) -> Tasks:
        pending = _pending(tasks)
        if type(self._input_adapter).validate_task is BaseInputAdapter.validate_task:
            return pending
        for task in pending:
            self._validate(task)
        return _pending(pending)

    def _validate(self, task: InferenceTask[Any]) -> None:
        try:
            self._input_adapter.validate_task(task)
        except AssertionError as error:
            task.discard(http_status=400, err_msg=str(error))
        except Exception as error:  # noqa: BLE001 - adapters are user code as well
            self._refuse(task, error)

    def _groups(self, tasks: Tasks) -> list[Tasks]:
        if not self._is_batch:
            return [[task] for task in tasks]
        try:
            return self._input_adapter.group_tasks(tasks) if tasks else []
        except Exception as error:  # noqa: BLE001 - adapters are user code as well
            if len(tasks) > 1:
                return [group for task in tasks for group in self._groups([task])]
            self._refuse(tasks[0], error)
            return []

    async def _run(self, tasks: Tasks) -> None:
        """Answer the tasks of one group; when they fail together, halve it until the guilty are alone."""
        failure: Exception | None = None
        try:
            await self._attempt(tasks)
        except Exception as error:  # noqa: BLE001 - user code may raise anything; what ends the process passes
            failure = error
        if failure is None:
            return
        # After the except clause, so that the next attempt does not drag this error along.
        pending = _pending(tasks)
        if len(pending) > 1:
            middle = len(pending) // 2
            await self._run(pending[:middle])
            await self._run(pending[middle:])
        elif pending:
            self._refuse(pending[0], failure)

    async def _attempt(self, tasks: Tasks) -> None:
        adapter = self._input_adapter
        args = adapter.extract_user_func_args(tasks) if self._is_batch else adapter.extract_single_args(tasks[0])
        pending = _pending(tasks)
        if not pending:
            return
        try:
            value = await self._function(args, pending if self._is_batch else pending[0])
        except Exception as error:
            raise UserFunctionError from error
        pending = _pending(pending)
        if pending:
            self._answer(value if self._is_batch else [value], pending)

    def _answer(self, values: Any, tasks: Tasks) -> None:
        """Keep the results of tasks that the function has returned something for."""
        if not isinstance(values, (list, tuple)) or not any(isinstance(one, InferenceResult) for one in values):
            self._answer_values(values, tasks)
        elif len(values) != len(tasks):
            self._mismatch(tasks, f"the API function returned {len(values)} results for {len(tasks)} tasks")
        else:
            for one, task in zip(values, tasks, strict=True):
                if isinstance(one, InferenceResult):
                    self._results[id(task)] = one
                else:
                    self._answer_values([one], [task])

    def _answer_values(self, values: Any, tasks: Tasks) -> None:
        """Keep the results of tasks for whom the function has returned no results of its own."""
        self._keep(tasks, self._packed, values, tasks)

    def _packed(self, values: Any, tasks: Sequence[InferenceTask[Any]]) -> Sequence[InferenceResult[Any]]:
        results = self._output_adapter.pack_user_func_return_value(values, tasks)
        if len(results) != len(tasks):
            raise ReturnLengthError(f"the output adapter made {len(results)} results for {len(tasks)} tasks")
        return results

    def _keep(self, tasks: Tasks, pack: Callable[..., Sequence[InferenceResult[Any]]], *arguments: Any) -> None:
        """Keep what `pack` makes for the tasks, or discard them when it cannot be cut."""
        try:
            results = pack(*arguments)
        except ReturnLengthError as error:
            self._mismatch(tasks, error)
        else:
            self._results.update((id(task), result) for task, result in zip(tasks, results, strict=True))

    def _mismatch(self, tasks: Tasks, reason: object) -> None:
        logger.error("API '%s' on request %s: %s", self._api_name, ", ".join(task.task_id for task in tasks), reason)
        for task in tasks:
            task.discard(http_status=500, err_msg=RETURN_MISMATCH)

    def _result_of(self, task: InferenceTask[Any]) -> InferenceResult[Any]:
        result = (task.error or InferenceError()) if task.is_discarded else self._results[id(task)]
        if result.task_id and result.task_id != task.task_id:
            # One object given for several tasks: each gets its own.
            return replace(result, task_id=task.task_id)
        result.task_id = task.task_id
        return result

    def _refuse(self, task: InferenceTask[Any], error: Exception) -> None:
        refuse(task, error)
        cause = error.__cause__ if isinstance(error, UserFunctionError) else error
        if cause is None or isinstance(error, InputError):
            return
        kind = (type(cause), str(cause))
        logger.error(
            "API '%s' failed on request %s: %r",
            self._api_name,
            task.task_id,
            cause,
            exc_info=None if kind in self._logged else cause,
        )
        self._logged.add(kind)


def refuse(task: InferenceTask[Any], error: BaseException) -> None:
    """Discard a task with the status and body that stand for an error.

    An error of the user function is named in the body, without traceback. Outside of it, our own errors that blame the
    client are named, and all others only say where to look.
    """
    note_failure(task.task_id, error.__cause__ or error if isinstance(error, UserFunctionError) else error)
    if isinstance(error, UserFunctionError):
        cause = error.__cause__
        is_clients_fault = isinstance(cause, BentoMLException) and 400 <= cause.status_code < 500
        status = cause.status_code if is_clients_fault and isinstance(cause, BentoMLException) else 500
        task.discard(http_status=status, err_msg=f"Exception happened in API function: {cause}")
    elif isinstance(error, InputError):
        task.discard(http_status=error.status_code, err_msg=str(error), http_headers=dict(error.http_headers))
    elif isinstance(error, BentoMLException) and 400 <= error.status_code < 500:
        message = json.dumps({"message": f"BentoService error handling API request: {error}"})
        headers = {"Content-Type": "application/json"}
        task.discard(http_status=error.status_code, err_msg=message, http_headers=headers)
    elif isinstance(error, BentoMLException):
        task.discard(http_status=error.status_code, err_msg="")
    else:
        task.discard(http_status=500, err_msg=UNEXPECTED_ERROR)


def _pending(tasks: Sequence[InferenceTask[Any]]) -> Tasks:
    return [task for task in tasks if not task.is_discarded]
