"""Return values as JSON, or as MessagePack."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import BaseOutputAdapter, piece_bounds
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.wire.cli_args import read_output_format
from bentoml.adapters.wire.json_encoder import json_writer, number_texts
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.media_types import JSON, MSGPACK
from bentoml.adapters.wire.msgpack_body import write_msgpack
from bentoml.adapters.wire.negotiation import VARY, wanted_types
from bentoml.exceptions import APIDeprecated
from bentoml.types import HTTPHeaders, InferenceError, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.types import InferenceTask

# What any value can be written as; the first for clients that do not say.
JSON_TYPES = (JSON, MSGPACK)

_MSGPACK_HEADERS = HTTPHeaders([("Content-Type", MSGPACK), VARY])

logger = logging.getLogger(__name__)


class JsonOutput(BaseOutputAdapter):
    """Writes one JSON value per request; a JSON array where the request had several rows in a joined frame.

    A client that prefers MessagePack in its `Accept` header gets that.

    Args:
        ensure_ascii: write non-ASCII text as escapes.
        charset: added to the content type.
        **base_config: kept in `config`.

    Raises:
        APIDeprecated: `cors` is given; cross-origin rules are server configuration.
    """

    def __init__(self, ensure_ascii: bool = False, charset: str | None = None, **base_config: Any) -> None:
        if "cors" in base_config:
            raise APIDeprecated(
                "the argument cors of output adapters does nothing any more; set bento_server.cors in the configuration"
            )
        super().__init__(**base_config)
        self.ensure_ascii = ensure_ascii
        self.charset = charset
        content_type = f"{JSON}; charset={charset}" if charset else JSON
        self._headers = HTTPHeaders([("Content-Type", content_type), VARY])

    @property
    def response_schema(self) -> dict[str, Any]:
        """Any JSON value, also as MessagePack."""
        return {JSON: {"schema": {}}, MSGPACK: binary_body()}

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Write each task's piece of a list, tuple or array."""
        values = self._as_sequence(return_result)
        bounds = piece_bounds(len(values), tasks)
        wanted = wanted_types(tasks, JSON_TYPES)
        if wanted.count(JSON) < len(wanted):
            return [
                self._result_as(media_type, values[start] if task.batch is None else values[start:end], task)
                for media_type, task, start, end in zip(wanted, tasks, bounds, bounds[1:], strict=False)
            ]
        write = self._writer(tasks)
        if write is not str and (texts := number_texts(values)) is not None:
            return [
                self._written(texts[start] if task.batch is None else f"[{', '.join(texts[start:end])}]")
                for task, start, end in zip(tasks, bounds, bounds[1:], strict=False)
            ]
        return [
            self._result(write, values[start] if task.batch is None else values[start:end], task)
            for task, start, end in zip(tasks, bounds, bounds[1:], strict=False)
        ]

    def _as_sequence(self, value: Any) -> Sequence[Any]:
        """The value as something with a length that can be cut.

        Arrays and series become lists at once: their elements one by one are slow.
        """
        if isinstance(value, (list, tuple)):
            return value
        if not isinstance(value, (str, bytes, dict)) and hasattr(value, "tolist"):
            values = value.tolist()
            if isinstance(values, list):
                return values
        raise ReturnLengthError(f"the API function returned {type(value).__name__}, not a list")

    def _writer(self, tasks: Sequence[InferenceTask[Any]]) -> Callable[[Any], str]:
        # All tasks of one command line run carry the same arguments.
        cli_args = tasks[0].cli_args if tasks else None
        if cli_args is not None and read_output_format(cli_args) == "str":
            return str
        return json_writer(ensure_ascii=self.ensure_ascii)

    def _result_as(self, media_type: str, value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:
        if media_type != MSGPACK:
            return self._result(self._writer([task]), value, task)
        try:
            body = write_msgpack(value)
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            logger.exception("The return value for request %s cannot be written as MessagePack", task.task_id)
            return InferenceError(err_msg=f"the return value cannot be written as MessagePack: {error}")
        return InferenceResult.of_data(body, _MSGPACK_HEADERS)

    def _result(self, write: Callable[[Any], str], value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:
        try:
            body = write(value)
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            logger.exception("The return value for request %s cannot be written as JSON", task.task_id)
            return InferenceError(err_msg=f"the return value cannot be written as JSON: {error}")
        return self._written(body)

    def _written(self, body: str) -> InferenceResult[Any]:
        return InferenceResult.of_data(body, self._headers)
