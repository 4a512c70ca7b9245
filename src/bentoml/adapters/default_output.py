"""The output adapter of an API that names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import BaseOutputAdapter
from bentoml.adapters.dataframe_output import DataframeOutput
from bentoml.adapters.frame_json import is_frame
from bentoml.adapters.json_output import JsonOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceResult, InferenceTask


class DefaultOutput(BaseOutputAdapter):
    """Chooses by the type of each return value: frames and series go to `DataframeOutput`, all else to `JsonOutput`."""

    def __init__(self, **base_config: Any) -> None:
        super().__init__(**base_config)
        self._json = JsonOutput()
        self._frame = DataframeOutput()

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> Sequence[InferenceResult[Any]]:
        """Pack with the adapter that fits this very value; nothing is remembered."""
        return self._adapter_for(return_result).pack_user_func_return_value(return_result, tasks)

    def _adapter_for(self, value: Any) -> BaseOutputAdapter:
        return self._frame if is_frame(value) else self._json
