"""Return values of any type as JSON or MessagePack."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import piece_bounds
from bentoml.adapters.json_output import JsonOutput
from bentoml.adapters.typed.definitions import DEFINITIONS
from bentoml.adapters.typed.encoding import to_json, to_msgpack
from bentoml.adapters.wire.cli_args import read_output_format
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.media_types import JSON, MSGPACK
from bentoml.adapters.wire.negotiation import VARY, wanted_types
from bentoml.types import HTTPHeaders, InferenceError, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bentoml.adapters.typed.values import OneValue
    from bentoml.types import InferenceTask

logger = logging.getLogger(__name__)

_HEADERS = {media_type: HTTPHeaders([("Content-Type", media_type), VARY]) for media_type in (JSON, MSGPACK)}
# The first is written when a client does not care.
_WRITERS: dict[str, Callable[[Any], bytes]] = {JSON: to_json, MSGPACK: to_msgpack}


class TypedOutput(JsonOutput):
    """Writes one value per request as JSON, or as MessagePack where its `Accept` asks for that.

    Dataclasses, models, dates, arrays and whatever else a request may hold become what a request would have for them.
    NaN and infinity become null, as JSON has no other word for them.

    Args:
        values: what the function returns for one request.
        is_rows: the function takes the rows of all requests at once and returns one value per row.
    """

    def __init__(self, values: OneValue, *, is_rows: bool = False) -> None:
        super().__init__()
        self.values = values
        self._is_rows = is_rows

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, **self.values.description}

    @property
    def response_schema(self) -> dict[str, Any]:
        """The schema of the value, or of a list of them."""
        schema = self.values.schema()
        if self._is_rows:
            definitions = schema.pop(DEFINITIONS, None)
            schema = {"type": "array", "items": schema}
            if definitions:
                schema[DEFINITIONS] = definitions
        return {media_type: binary_body() if media_type == MSGPACK else {"schema": schema} for media_type in _WRITERS}

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Write each task's piece of a list, tuple or array."""
        values = self._as_sequence(return_result)
        bounds = piece_bounds(len(values), tasks)
        writers: Mapping[str, Callable[[Any], str | bytes]] = _WRITERS
        offered = tuple(_WRITERS)
        # All tasks of one command line run carry the same arguments.
        cli_args = tasks[0].cli_args if tasks else None
        if cli_args is not None and read_output_format(cli_args) == "str":
            writers = dict.fromkeys(offered, str)
        results = []
        for task, media_type, start, end in zip(tasks, wanted_types(tasks, offered), bounds, bounds[1:], strict=False):
            value = values[start] if task.batch is None else values[start:end]
            results.append(_result(writers[media_type], value, media_type, task))
        return results


def _result(
    write: Callable[[Any], str | bytes], value: Any, media_type: str, task: InferenceTask[Any]
) -> InferenceResult[Any]:
    try:
        body = write(value)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        logger.exception("The return value for request %s cannot be written as %s", task.task_id, media_type)
        return InferenceError(err_msg=f"the return value cannot be written as {media_type}: {error}")
    return InferenceResult.of_data(body, _HEADERS[media_type])
