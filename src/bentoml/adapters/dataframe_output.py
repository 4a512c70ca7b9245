"""Frames as answers, in the format that each client asks for."""

from __future__ import annotations

import logging
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bentoml.adapters.base import piece_bounds
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.json_output import JSON_TYPES, JsonOutput
from bentoml.adapters.table.frame_bodies import UnwritableFrameError, frame_pieces, missing_library
from bentoml.adapters.table.frame_json import ORIENTS, as_frame, frame_text, is_frame, piece_texts
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.media_types import ARROW_STREAM, CSV, JSON, MSGPACK, PARQUET
from bentoml.adapters.wire.missing_library import log_missing
from bentoml.adapters.wire.negotiation import VARY, accepted_type, wanted_type, wanted_types
from bentoml.types import HTTPHeaders, InferenceError, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bentoml.adapters.table.frame_bodies import Span
    from bentoml.types import InferenceTask

# What a frame can be written as; the first for clients that do not say.
FRAME_TYPES = (JSON, CSV, ARROW_STREAM, PARQUET, MSGPACK)
PLAIN_FRAME_TYPES = (JSON, CSV, MSGPACK)

logger = logging.getLogger(__name__)


class DataframeOutput(JsonOutput):
    """Writes each request's rows of a frame as JSON, CSV, Arrow, Parquet or MessagePack; other values as `JsonOutput`.

    The client chooses in its `Accept` header. JSON is what `DataFrame.to_json` writes, with dates as milliseconds since
    1970; MessagePack is a list of one map per row with the same values. A series counts as a frame of one column. Arrow
    and Parquet need pyarrow; without it, and for a frame that a format has no place for, the answer is 406.

    Args:
        output_orient: orient of the JSON text; that of all other formats is theirs.
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

    @property
    def response_schema(self) -> dict[str, Any]:
        """Any JSON value, or a table in another format."""
        return {
            **super().response_schema,
            CSV: {"schema": {"type": "string"}},
            ARROW_STREAM: binary_body(),
            PARQUET: binary_body(),
        }

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Cut a frame into each task's rows; a list may hold one frame per task."""
        if is_frame(return_result):
            frame = as_frame(return_result)
            bounds = piece_bounds(len(frame), tasks)
            if self._writer(tasks) is str:
                return [
                    self._result(str, frame.iloc[a:b], task)
                    for task, (a, b) in zip(tasks, pairwise(bounds), strict=True)
                ]
            wanted = wanted_types(tasks, FRAME_TYPES)
            if wanted.count(JSON) < len(wanted):
                return self._in_many_forms(frame, list(pairwise(bounds)), wanted, tasks)
            return [self._written(text) for text in piece_texts(frame, bounds, self.output_orient)]
        if isinstance(return_result, (list, tuple)) and any(map(is_frame, return_result)):
            if len(return_result) != len(tasks):
                raise ReturnLengthError(f"the API function returned {len(return_result)} frames for {len(tasks)} tasks")
            return [self._one(value, task) for value, task in zip(return_result, tasks, strict=True)]
        return super().pack_user_func_return_value(return_result, tasks)

    def _one(self, value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:
        """The answer to a task that has a value for itself, a frame or anything else."""
        write = self._writer([task])
        if not is_frame(value) and write is not str:
            return self._result_as(wanted_type(task, JSON_TYPES), value, task)
        if write is str:
            return self._result(write, value if not is_frame(value) else as_frame(value), task)
        frame = as_frame(value)
        media_type = wanted_type(task, FRAME_TYPES)
        if media_type != JSON:
            return self._in_many_forms(frame, [(0, len(frame))], [media_type], [task])[0]
        return self._result(lambda frame: frame_text(frame, self.output_orient), frame, task)

    def _in_many_forms(
        self, frame: pd.DataFrame, spans: Sequence[Span], wanted: Sequence[str], tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """The rows of each task as it wants them; those of the same form are written together."""
        positions: dict[str, list[int]] = {}
        results: dict[int, InferenceResult[Any]] = {}
        for position, media_type in enumerate(wanted):
            writable = _writable_type(media_type, tasks[position])
            if writable is None:
                results[position] = _not_acceptable(f"Answers as {media_type} are not supported here")
            else:
                positions.setdefault(writable, []).append(position)
        for media_type, places in positions.items():
            bodies = self._bodies(frame, [spans[place] for place in places], media_type)
            results.update(zip(places, bodies, strict=True))
        return [results[position] for position in range(len(tasks))]

    def _bodies(self, frame: pd.DataFrame, spans: Sequence[Span], media_type: str) -> list[InferenceResult[Any]]:
        if media_type == JSON:
            return [self._written(text) for a, b in spans for text in piece_texts(frame, (a, b), self.output_orient)]
        try:
            bodies = frame_pieces(frame, spans, media_type)
        except UnwritableFrameError as error:
            if len(spans) > 1:
                return [result for span in spans for result in self._bodies(frame, [span], media_type)]
            logger.warning("A frame cannot be answered as %s: %s", media_type, error)
            return [_not_acceptable(f"The answer cannot be written as {media_type}; it can as {JSON}")]
        return [InferenceResult.of_data(body, _HEADERS[media_type]) for body in bodies]


def _writable_type(media_type: str, task: InferenceTask[Any]) -> str | None:
    """What to write for a client that prefers a format whose library may be missing; None when it accepts no other."""
    missing = missing_library(media_type)
    if missing is None:
        return media_type
    log_missing(f"Answers as {media_type} are not supported here", missing)
    return accepted_type(task, PLAIN_FRAME_TYPES)


def _not_acceptable(text: str) -> InferenceResult[Any]:
    return InferenceError(text, http_status=HTTPStatus.NOT_ACCEPTABLE, http_headers=HTTPHeaders([VARY]))


_HEADERS = {
    media_type: HTTPHeaders([("Content-Type", f"{CSV}; charset=utf-8" if media_type == CSV else media_type), VARY])
    for media_type in FRAME_TYPES
}
