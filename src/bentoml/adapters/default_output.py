"""The output adapter of an API that names none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import BaseOutputAdapter
from bentoml.adapters.dataframe_output import DataframeOutput
from bentoml.adapters.json_output import JsonOutput
from bentoml.adapters.table.frame_json import is_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceResult, InferenceTask


class DefaultOutput(BaseOutputAdapter):
    """Chooses by the type of each return value: frames and series go to `DataframeOutput`, all else to `JsonOutput`."""

    def __init__(self, **base_config: Any) -> None:
        super().__init__(**base_config)
        self._json = JsonOutput()
        self._frame = DataframeOutput()

    @property
    def response_schema(self) -> dict[str, Any]:
        """Any JSON value."""
        return self._json.response_schema

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> Sequence[InferenceResult[Any]]:
        """Pack with the adapter that fits this very value; nothing is remembered."""
        return self._adapter_for(return_result).pack_user_func_return_value(return_result, tasks)

    def _adapter_for(self, value: Any) -> BaseOutputAdapter:
        return self._frame if is_frame(value) or _holds_frames(value) else self._json


def _holds_frames(value: Any) -> bool:
    """Whether a list has a frame for a task, as it has for a function that takes one request at a time."""
    if not isinstance(value, (list, tuple)):
        return False
    pandas = sys.modules.get("pandas")
    return pandas is not None and any(
        issubclass(kind, (pandas.DataFrame, pandas.Series)) for kind in set(map(type, value))
    )
