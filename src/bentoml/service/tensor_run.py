"""Requests of the Open Inference Protocol on their way through the pipeline of an API, beside all others.

Such a request is a task like any other: its tensors are what its input adapter would have read from a body. What the
user function returns is cut for it before any output adapter has seen it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.answer import TensorAnswer, error_response
from bentoml.adapters.open_inference.answer_form import AnswerForm, form_of, keep_form
from bentoml.adapters.open_inference.model_paths import model_in
from bentoml.adapters.open_inference.pieces import cut, select
from bentoml.adapters.open_inference.request_body import read_request
from bentoml.adapters.wire.content_encoding import decompressed
from bentoml.adapters.wire.result_text import body_of
from bentoml.service.batch_run import UNEXPECTED_ERROR, BatchRun
from bentoml.service.http_steps import note_unwritten, refuse_unread, response_of
from bentoml.types import InferenceError, InferenceResult, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import HTTPRequest, HTTPResponse

    Results = Sequence[InferenceResult[Any]]
    Tasks = Sequence[InferenceTask[Any]]

logger = logging.getLogger(__name__)


class TensorRun(BatchRun):
    """A run of a batch in which some of the tasks want tensors; all others are answered as in any other batch."""

    def _answer_values(self, values: Any, tasks: list[InferenceTask[Any]]) -> None:
        wanting = [task for task in tasks if form_of(task) is not None]
        if wanting:
            self._keep(wanting, tensor_results, values, tasks)
        others = [task for task in tasks if form_of(task) is None]
        if others:
            self._keep(others, other_results, values, tasks, self._packed)


def tensor_task_of(api: InferenceAPI, request: HTTPRequest, task_id: str) -> InferenceTask[Any]:
    """The task of a request to a model; it is discarded when the request cannot be read.

    Args:
        api: which the model is.
        request: its path is one of `infer_paths`.
        task_id: its id.
    """
    task: InferenceTask[Any] = InferenceTask.of_request(request)
    task.task_id = task_id
    form = AnswerForm(model_in(request.path), getattr(api.service, "version", ""))
    keep_form(task, form)
    try:
        tensors, form = read_request(decompressed(request), form)
        keep_form(task, form)
        api.input_adapter.fill_from_tensors(task, tensors)
    except Exception as error:  # noqa: BLE001 - adapters are user code as well
        refuse_unread(api, task, error)
    return task


def tensor_results(values: Any, tasks: Tasks) -> Results:
    """The results of those tasks that want tensors, in order.

    Args:
        values: what the function returned for all tasks.
        tasks: all of them.

    Raises:
        ReturnLengthError: the value does not have one element per task, or `task.batch` rows.
    """
    pieces = zip(cut(values, tasks), tasks, strict=True)
    return [_result(piece, form, task) for piece, task in pieces if (form := form_of(task)) is not None]


def _result(value: Any, form: AnswerForm, task: InferenceTask[Any]) -> InferenceResult[Any]:
    try:
        return InferenceResult(data=TensorAnswer(value, form))
    except InputError as error:
        return InferenceError(str(error), http_status=error.status_code)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        logger.exception("The return value for request %s cannot be written as tensors", task.task_id)
        return InferenceError(f"the return value cannot be written as tensors: {error}")


def other_results(values: Any, tasks: Tasks, pack: Callable[[Any, Tasks], Results]) -> Results:
    """The results of those tasks that do not want tensors, in order.

    Args:
        values: what the function returned for all tasks.
        tasks: all of them.
        pack: makes one result per task.

    Raises:
        ReturnLengthError: the value does not have one element per task, or `task.batch` rows.
    """
    others = [task for task in tasks if form_of(task) is None]
    try:
        selected = select(values, tasks, lambda task: form_of(task) is None)
    except TypeError:
        # The output adapter knows what this value is.
        return [result for result, task in zip(pack(values, tasks), tasks, strict=True) if form_of(task) is None]
    return pack(selected, others)


def tensor_response_of(api: InferenceAPI, result: InferenceResult[Any], task: InferenceTask[Any]) -> HTTPResponse:
    """The response to any task of such a batch, in the form that it wants."""
    form = form_of(task)
    if form is None:
        return response_of(api, result)
    try:
        return _response(result, form)
    except Exception as error:  # noqa: BLE001 - a result may hold anything
        note_unwritten(api, result, error)
        return error_response(InferenceError(UNEXPECTED_ERROR))


def _response(result: InferenceResult[Any], form: AnswerForm) -> HTTPResponse:
    """A result that the user function has made itself is one tensor of `BYTES`, or an error."""
    if isinstance(result.data, TensorAnswer):
        return result.data.response(result)
    body = body_of(result)
    if result.data is not None and result.http_status < 400:
        return TensorAnswer(body, form).response(result)
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return error_response(InferenceError(text, http_status=result.http_status, http_headers=result.http_headers))
