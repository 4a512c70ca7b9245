"""Arrays as answers: JSON, npy or MessagePack, as each client asks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.json_texts import array_text, row_texts
from bentoml.adapters.array.npy import PLAIN_KINDS, npy_bytes, npy_writer
from bentoml.adapters.array.tensors import as_array, is_array_type, is_tensor_type
from bentoml.adapters.base import piece_bounds
from bentoml.adapters.json_output import JsonOutput
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.media_types import JSON, MSGPACK, NPY
from bentoml.adapters.wire.negotiation import VARY, wanted_types
from bentoml.types import HTTPHeaders, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.adapters.array.npy import Array
    from bentoml.types import InferenceTask

# What an array can be written as; the first for clients that do not say.
ARRAY_TYPES = (JSON, NPY, MSGPACK)

# Complex numbers, durations, dates: kinds that lists of JSON and MessagePack have as text only.
_TEXT_KINDS = frozenset("cmM")


class NumpyNdarrayOutput(JsonOutput):
    """Writes each request's rows of an array as JSON, or as npy or MessagePack where its `Accept` header prefers that.

    A tensor of PyTorch or TensorFlow counts as the array of its values. In place of one array for the batch, a list may
    hold one array, or one value, per request. What no array can hold, such as ragged lists, is always written as JSON.

    Args:
        ensure_ascii: in JSON, write non-ASCII text as escapes.
        charset: added to the content type of JSON.
        **base_config: kept in `config`.
    """

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["numpy"]

    @property
    def response_schema(self) -> dict[str, Any]:
        """Any JSON value, or the same as npy or MessagePack."""
        return {**super().response_schema, NPY: binary_body(), MSGPACK: binary_body()}

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> list[InferenceResult[Any]]:
        """Cut an array into each task's rows; a list may hold one array per task."""
        value = _without_tensors(return_result)
        wanted = wanted_types(tasks, ARRAY_TYPES)
        if wanted.count(NPY) == len(wanted) and _has_rows(value) and value.dtype.kind in PLAIN_KINDS:
            return self._npy_pieces(value, tasks)
        if wanted.count(JSON) < len(wanted) and (_has_rows(value) or isinstance(value, (list, tuple))):
            bounds = pairwise(piece_bounds(len(value), tasks))
            return [
                self._packed(value[start] if task.batch is None else value[start:end], media_type, task)
                for task, media_type, (start, end) in zip(tasks, wanted, bounds, strict=True)
            ]
        texts = row_texts(value) if _has_rows(value) and self._writer(tasks) is not str else None
        if texts is None:
            return super().pack_user_func_return_value(value, tasks)
        return [self._written(body) for body in _bodies(texts, tasks)]

    def _npy_pieces(self, array: Array, tasks: Sequence[InferenceTask[Any]]) -> list[InferenceResult[Any]]:
        bounds = pairwise(piece_bounds(len(array), tasks))
        write, headers = npy_writer(array), _HEADERS[NPY]
        return [
            InferenceResult.of_data(write(start, None if task.batch is None else end), headers)
            for task, (start, end) in zip(tasks, bounds, strict=True)
        ]

    def _packed(self, piece: Any, media_type: str, task: InferenceTask[Any]) -> InferenceResult[Any]:
        array = None if media_type == JSON else _plain_array(piece)
        if array is None:
            return self._result(self._writer([task]), piece, task)
        return InferenceResult.of_data(_WRITERS[media_type](array), _HEADERS[media_type])

    def _as_sequence(self, value: Any) -> Sequence[Any]:
        return super()._as_sequence(_for_json(value))

    def _writer(self, tasks: Sequence[InferenceTask[Any]]) -> Callable[[Any], str]:
        write = super()._writer(tasks)
        if write is str:
            return write

        def write_array(value: Any) -> str:
            text = array_text(value) if is_array_type(type(value)) else None
            return write(_for_json(value)) if text is None else text

        return write_array


def _has_rows(value: Any) -> bool:
    return is_array_type(type(value)) and value.ndim > 0


def _bodies(texts: Sequence[str], tasks: Sequence[InferenceTask[Any]]) -> list[str]:
    """The JSON of each task's rows, from that of each row."""
    rows = [task.batch for task in tasks]
    if len(rows) == len(texts) == rows.count(1):
        return [f"[{text}]" for text in texts]
    bounds = pairwise(piece_bounds(len(texts), tasks))
    return [
        texts[start] if count is None else f"[{', '.join(texts[start:end])}]"
        for count, (start, end) in zip(rows, bounds, strict=True)
    ]


def _without_tensors(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        has_tensors = any(map(is_tensor_type, set(map(type, value))))
        return [as_array(one) for one in value] if has_tensors else value
    return as_array(value)


def _for_json(value: Any) -> Any:
    """Dates, durations and complex numbers as text."""
    return value.astype(str) if getattr(getattr(value, "dtype", None), "kind", "") in _TEXT_KINDS else value


def _plain_array(value: Any) -> Array | None:
    """The value as an array of numbers, text or dates; None when it cannot be one."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:  # ragged lists
        return None
    return array if array.dtype.kind in PLAIN_KINDS else None


def _msgpack_bytes(array: Array) -> bytes:
    import msgpack

    body: bytes = msgpack.packb(_for_json(array).tolist())
    return body


_HEADERS = {media_type: HTTPHeaders([("Content-Type", media_type), VARY]) for media_type in ARRAY_TYPES}
_WRITERS: dict[str, Callable[[Array], bytes]] = {NPY: npy_bytes, MSGPACK: _msgpack_bytes}
