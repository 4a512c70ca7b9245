"""Text as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import BaseOutputAdapter, piece_bounds
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.wire.media_types import TEXT
from bentoml.types import HTTPHeaders, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceTask


class StringOutput(BaseOutputAdapter):
    """Writes the `str` of each value as plain text, in UTF-8; a line per row where a request had several rows.

    Args:
        content_type: another kind of text, such as `text/html`; without charset.
        **base_config: kept in `config`.
    """

    def __init__(self, content_type: str = TEXT, **base_config: Any) -> None:
        super().__init__(**base_config)
        self.content_type = content_type
        self._headers = HTTPHeaders([("Content-Type", f"{content_type}; charset=utf-8")])

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "content_type": self.content_type}

    @property
    def response_schema(self) -> dict[str, Any]:
        """Text."""
        return {self.content_type: {"schema": {"type": "string"}}}

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Write each task's piece of a list, tuple, array or series."""
        values = return_result
        if not isinstance(values, (str, bytes, dict)) and hasattr(values, "tolist"):
            values = values.tolist()
        if not isinstance(values, (list, tuple)):
            raise ReturnLengthError(f"the API function returned {type(return_result).__name__}, not a list")
        bounds = piece_bounds(len(values), tasks)
        return [
            InferenceResult.of_data(
                str(values[start]) if task.batch is None else "\n".join(map(str, values[start:end])), self._headers
            )
            for task, start, end in zip(tasks, bounds, bounds[1:], strict=False)
        ]
