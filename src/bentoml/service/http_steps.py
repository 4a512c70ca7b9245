"""The first and the last step of an HTTP request in the pipeline of its API, whatever adapters do in them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import TEXT_CONTENT_TYPE
from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.content_encoding import decompressed
from bentoml.service.batch_run import UNEXPECTED_ERROR, refuse
from bentoml.service.failure_notes import note_failure
from bentoml.types import HTTPResponse, InferenceTask

if TYPE_CHECKING:
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import HTTPRequest, InferenceResult

logger = logging.getLogger("bentoml.service.inference_api")


def task_of(api: InferenceAPI, request: HTTPRequest, task_id: str) -> InferenceTask[Any]:
    """The task of a request; it is discarded when the request cannot be read."""
    try:
        task = api.input_adapter.from_http_request(decompressed(request))
    except Exception as error:  # noqa: BLE001 - adapters are user code as well
        task = InferenceTask(task_id=task_id, http_method=request.method, http_headers=request.headers)
        refuse_unread(api, task, error)
    task.task_id = task_id
    return task


def refuse_unread(api: InferenceAPI, task: InferenceTask[Any], error: Exception) -> None:
    """Discard the task of a request that could not be read; the log says so unless it is the client's fault."""
    refuse(task, error)
    if not isinstance(error, InputError):
        logger.error("API '%s' could not read request %s", api.name, task.task_id, exc_info=error)


def response_of(api: InferenceAPI, result: InferenceResult[Any]) -> HTTPResponse:
    """The response that the output adapter makes of a result, or 500."""
    try:
        return api.output_adapter.to_http_response(result)
    except Exception as error:  # noqa: BLE001 - adapters are user code as well
        note_unwritten(api, result, error)
        return HTTPResponse(500, [("Content-Type", TEXT_CONTENT_TYPE)], UNEXPECTED_ERROR)


def note_unwritten(api: InferenceAPI, result: InferenceResult[Any], error: Exception) -> None:
    """Log that a result could not be written."""
    logger.error("API '%s' could not write the answer to request %s", api.name, result.task_id, exc_info=error)
    note_failure(result.task_id, error)
