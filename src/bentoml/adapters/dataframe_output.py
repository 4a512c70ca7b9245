"""Frames as JSON bodies."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import piece_bounds
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.json_output import JsonOutput
from bentoml.adapters.table.frame_json import ORIENTS, as_frame, frame_text, is_frame, piece_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceResult, InferenceTask


class DataframeOutput(JsonOutput):
    """Writes each request's rows of a frame as `DataFrame.to_json` does; other values as `JsonOutput` does.

    A series counts as a frame of one column. Dates are written as milliseconds since 1970.

    Args:
        output_orient: orient of the JSON text.
        ensure_ascii: for values that are not frames, write non-ASCII text as escapes.
        charset: added to the content type.
        **base_config: kept in `config`.
    """

    def __init__(
        self,
        output_orient: str = "records",
        ensure_ascii: bool = False,
        charset: str | None = None,
        **base_config: Any,
    ) -> None:
        super().__init__(ensure_ascii, charset, **base_config)
        assert output_orient in ORIENTS, f"output_orient must be one of {', '.join(ORIENTS)}, not {output_orient!r}"
        self.output_orient = output_orient

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "output_orient": self.output_orient}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["pandas"]

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Cut a frame into each task's rows; a list may hold one frame per task."""
        write = self._writer(tasks)
        if is_frame(return_result):
            frame = as_frame(return_result)
            bounds = piece_bounds(len(frame), tasks)
            if write is str:
                return [
                    self._result(str, frame.iloc[a:b], task)
                    for task, (a, b) in zip(tasks, pairwise(bounds), strict=True)
                ]
            return [self._written(text) for text in piece_texts(frame, bounds, self.output_orient)]
        if isinstance(return_result, (list, tuple)) and any(map(is_frame, return_result)):
            if len(return_result) != len(tasks):
                raise ReturnLengthError(f"the API function returned {len(return_result)} frames for {len(tasks)} tasks")
            return [
                self._result(lambda frame: frame_text(frame, self.output_orient), as_frame(value), task)
                if is_frame(value) and write is not str
                else self._result(write, value, task)
                for value, task in zip(return_result, tasks, strict=True)
            ]
        return super().pack_user_func_return_value(return_result, tasks)
