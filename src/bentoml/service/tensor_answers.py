"""Requests of the Open Inference Protocol on their way through the pipeline of an API, beside all others.

Such a request is a task like any other: its tensors are what its input adapter would have read from a body. What the
user function returns is cut for it before any output adapter has seen it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import body_of
from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.answer import TensorAnswer, error_response
from bentoml.adapters.open_inference.answer_form import AnswerForm, form_of, keep_form
from bentoml.adapters.open_inference.model_paths import model_in
from bentoml.adapters.open_inference.pieces import cut, select
from bentoml.adapters.open_inference.request_body import read_request
from bentoml.adapters.wire.content_encoding import decompressed
from bentoml.types import InferenceError, InferenceResult, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.adapters.base import BaseInputAdapter
    from bentoml.types import HTTPRequest, HTTPResponse

    Results = Sequence[InferenceResult[Any]]
    Tasks = Sequence[InferenceTask[Any]]

logger = logging.getLogger(__name__)


def new_task(request: HTTPRequest, version: str) -> InferenceTask[Any]:
    """A task for a request to a model, which `fill` is to fill.

    Args:
        request: its path is one of `infer_paths`.
        version: of the service.
    """
    task: InferenceTask[Any] = InferenceTask(task_id="", http_method=request.method, http_headers=request.headers)
    keep_form(task, AnswerForm(model_in(request.path), version))
    return task


def fill(task: InferenceTask[Any], request: HTTPRequest, adapter: BaseInputAdapter) -> None:
    """Put what a request holds into its task; the adapter may discard it.

    Raises:
        InputError: it is no such request, or the API takes other tensors.
    """
    form = form_of(task)
    assert form is not None
    tensors, form = read_request(decompressed(request), form)
    keep_form(task, form)
    adapter.fill_from_tensors(task, tensors)


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


def tensor_response(result: InferenceResult[Any], form: AnswerForm) -> HTTPResponse:
    """The HTTP answer to a task that wants tensors in some form.

    A result that the user function has made itself is one tensor of `BYTES`, or an error.
    """
    if isinstance(result.data, TensorAnswer):
        return result.data.response(result)
    if result.data is None or result.http_status >= 400:
        return error_response(_as_error(result))
    return TensorAnswer(body_of(result), form).response(result)


def _as_error(result: InferenceResult[Any]) -> InferenceResult[Any]:
    body = body_of(result)
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return InferenceError(text, http_status=result.http_status, http_headers=result.http_headers)
