"""Answers that are bytes: the part that outputs of files and images share."""

from __future__ import annotations

import base64
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import BaseOutputAdapter
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.wire.cli_args import read_output_dir, read_output_format
from bentoml.adapters.wire.json_encoder import json_writer
from bentoml.adapters.wire.lambda_event import event_from_response
from bentoml.adapters.wire.result_files import ResultFiles
from bentoml.adapters.wire.result_text import body_of, write_lines
from bentoml.types import InferenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bentoml.types import InferenceResult, InferenceTask

logger = logging.getLogger(__name__)


class BaseBinaryOutput(BaseOutputAdapter):
    """Makes one answer of bytes for each value of a list; `result_of` makes it.

    `bentoml run` prints bytes as JSON does, as text or `{"b64": "..."}`, and with `--output-dir DIR` writes them to
    files, whose names it prints. Lambda gets base64.
    """

    def result_of(self, value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:
        """Make the answer to one task.

        Raises:
            Exception: the value cannot be one.
        """
        raise NotImplementedError

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Make one answer of each element of a list, tuple or array."""
        is_list = isinstance(return_result, (list, tuple)) or bool(getattr(return_result, "shape", ()))
        if not is_list or len(return_result) != len(tasks):
            raise ReturnLengthError(
                f"the API function returned {type(return_result).__name__}, not a list of {len(tasks)} values"
            )
        return [self._try(value, task) for value, task in zip(return_result, tasks, strict=True)]

    def _try(self, value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:
        try:
            return self.result_of(value, task)
        except Exception:  # Files and encoders raise whatever they stumble over, and name paths.
            logger.exception("%s cannot send the return value for request %s", type(self).__name__, task.task_id)
            return InferenceError(err_msg=f"{type(self).__name__} cannot send the return value; the log says why")

    def cli_line(self, result: InferenceResult[Any]) -> str:
        """Bytes as one line of JSON; text as it is."""
        body = body_of(result)
        return json_writer(ensure_ascii=False)(body) if isinstance(body, bytes) else super().cli_line(result)

    def cli_writer(self, cli_args: Sequence[str]) -> Callable[[Iterable[InferenceResult[Any]]], int]:
        """Files for `--output-dir DIR`, lines otherwise."""
        directory = read_output_dir(cli_args)
        if directory is not None:
            return partial(write_lines, line_of=ResultFiles(Path(directory)).write)
        if read_output_format(cli_args) == "str":
            return partial(write_lines, line_of=lambda result: str(body_of(result)))
        return self.to_cli

    def to_aws_lambda_event(self, result: InferenceResult[Any]) -> dict[str, Any]:
        """Make the answer of a Lambda function; bytes are base64, whether they happen to be text or not."""
        response = self.to_http_response(result)
        event = event_from_response(response)
        if isinstance(result.data, bytes):
            event["body"] = base64.b64encode(response.body).decode()
            event["isBase64Encoded"] = True
        return event
