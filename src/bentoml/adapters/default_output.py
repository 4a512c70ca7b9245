"""The output adapter of an API that names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.tensors import is_array_type
from bentoml.adapters.base import BaseOutputAdapter
from bentoml.adapters.dataframe_output import DataframeOutput
from bentoml.adapters.json_output import JsonOutput
from bentoml.adapters.numpy_ndarray_output import NumpyNdarrayOutput
from bentoml.adapters.table.frame_json import is_frame_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceResult, InferenceTask


class DefaultOutput(BaseOutputAdapter):
    """Chooses by the type of each return value.

    Frames and series go to `DataframeOutput`, arrays and tensors to the output of their library, all else to
    `JsonOutput`.
    """

    def __init__(self, **base_config: Any) -> None:
        super().__init__(**base_config)
        self._json = JsonOutput()
        self._frame = DataframeOutput()
        self._array = NumpyNdarrayOutput()

    @property
    def response_schema(self) -> dict[str, Any]:
        """Any JSON value, or a table or an array in another format."""
        return {**self._frame.response_schema, **self._array.response_schema}

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> Sequence[InferenceResult[Any]]:
        """Pack with the adapter that fits this very value; nothing is remembered."""
        return self._adapter_for(return_result).pack_user_func_return_value(return_result, tasks)

    def _adapter_for(self, value: Any) -> BaseOutputAdapter:
        # A list has a frame or an array for each task, as it has for a function that takes one request at a time.
        kinds = set(map(type, value)) if isinstance(value, (list, tuple)) else {type(value)}
        if any(map(is_frame_type, kinds)):
            return self._frame
        return self._array if any(map(is_array_type, kinds)) else self._json
