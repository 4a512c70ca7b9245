"""Tensors of TensorFlow as arguments, from the row format of TensorFlow Serving."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bentoml._models.tensorflow_device import tensorflow_distribution
from bentoml._util.optional import require
from bentoml.adapters.array.nested_lists import array_of_leaves, as_type, complaint, flattened
from bentoml.adapters.array.tensor_input import array_spec, only_tensor
from bentoml.adapters.array_input import BaseArrayInput
from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import BYTES
from bentoml.adapters.text_input import decode_text, file_charset
from bentoml.adapters.wire.json_text import parse_json
from bentoml.adapters.wire.media_objects import one_file_form
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE, JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.array.npy import Array
    from bentoml.adapters.open_inference.tensor import Tensor, TensorSpec
    from bentoml.types import InferenceTask

    Task = InferenceTask[Any]

NOT_IMPLEMENTED = "input format is not implemented"
NOT_JSON = "Not a valid JSON format"

_BASE64_KEYS = {"b64"}
# What `tf.constant` makes of numbers of Python, by what these are.
_CONSTANT_TYPES = {"FP64": "FP32", "INT64": "INT32"}
_INT32_BOUNDS = (-(2**31), 2**31 - 1)


class TfTensorInput(BaseArrayInput):
    """One constant tensor with the rows of all requests of a batch; without batches, the tensor of one request.

    A body is JSON, `{"instances": [...]}` with one element per row; `{"b64": "..."}` in it stands for bytes. With the
    header `Bentoml-Is-Batch-Request: false`, `instances` is one instance, and the answer is no list. The values become
    what `tf.constant` makes of them: float32, int32 (int64 where a value is too large), bool or string.

    Args:
        method: only `predict`.
        **base_config: see `BaseInputAdapter`.

    Raises:
        NotImplementedError: another method.
    """

    def __init__(self, method: str = "predict", **base_config: Any) -> None:
        super().__init__(**base_config)
        if method != "predict":
            raise NotImplementedError(f"TfTensorInput has the method predict only; {method!r} is not supported")
        self.method = method

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**self._config, "method": self.method}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return [tensorflow_distribution()]

    def prepare(self) -> None:
        """Import TensorFlow."""
        require("tensorflow")

    @property
    def request_schema(self) -> dict[str, Any]:
        """JSON with the rows under `instances`, or a form with a file of it."""
        instances = {"type": "object", "required": ["instances"], "properties": {"instances": {"type": "array"}}}
        return {JSON: {"schema": instances, "example": {"instances": [[1.5, 2.5]]}}, FORM_CONTENT_TYPE: one_file_form()}

    def argument(self, array: Array) -> Any:
        """A constant tensor of the same type."""
        return require("tensorflow").constant(array)

    def of_lists(self, array: Array) -> Array:
        """The type that `tf.constant` gives to plain values."""
        import numpy as np

        if array.dtype == np.float64:
            return as_type(array, np.dtype(np.float32))
        if array.dtype == np.int64 and array.size:
            low, high = _INT32_BOUNDS
            return array.astype(np.int32) if low <= array.min() and array.max() <= high else array
        return array

    def fill(self, task: Task, content: bytes, charset: str | None, file_name: str | None) -> None:
        """Keep the text; the content type is not looked at, apart from its charset."""
        charset = charset or file_charset(task, content, file_name)
        task.data = content if charset is None else decode_text(content, charset)

    @property
    def tensor_specs(self) -> list[TensorSpec]:
        """The only one."""
        example = self.http_input_example
        instances = example.get("instances") if isinstance(example, dict) else None
        spec = array_spec(None, None, instances)
        return [replace(spec, datatype=_CONSTANT_TYPES.get(spec.datatype, spec.datatype))]

    def fill_from_tensors(self, task: Task, tensors: Sequence[Tensor]) -> None:
        """Take the only tensor, of its own type; elements of `BYTES` as they are."""
        tensor = only_tensor(tensors)
        if tensor.datatype == BYTES:
            task.data = _array_of_bytes(tensor.array.ravel().tolist()).reshape(tensor.shape)
        else:
            task.data = tensor.array

    def array_of(self, task: Task, *, is_rows: bool) -> Array:
        """The array of the instances; one instance alone gets an axis of rows where there have to be rows."""
        if not isinstance(task.data, (bytes, str)):
            return super().array_of(task, is_rows=is_rows)
        data: Any = task.data
        text = decode_text(data, None) if isinstance(data, bytes) else data
        try:
            body = parse_json(text)
        except ValueError as error:
            raise InputError(NOT_JSON) from error
        instances = body.get("instances") if isinstance(body, dict) else None
        if instances is None:
            raise InputError(NOT_IMPLEMENTED)
        array = self.of_lists(_array_of_instances(instances, has_bytes="b64" in text))
        return array[None] if is_rows and _is_one_instance(task) else array

    def _joined_rows(self, tasks: Sequence[Task]) -> None:
        """None: a body is never a row alone."""

    def _read(self, task: Task, *, is_rows: bool) -> Array | None:
        array = super()._read(task, is_rows=is_rows)
        if _is_one_instance(task):
            task.batch = None
        return array


def _is_one_instance(task: Task) -> bool:
    # Tensors have their own shape, and no need for the header.
    return task.http_headers.is_batch_input is False and isinstance(task.data, (bytes, str))


def _array_of_instances(instances: Any, *, has_bytes: bool) -> Array:
    leaves, shape = flattened(_with_bytes(instances) if has_bytes else instances)
    kinds = set(map(type, leaves))
    if kinds and kinds <= {str, bytes}:
        return _array_of_bytes(leaves).reshape(shape)
    if dict in kinds:
        raise InputError(complaint(kinds))
    return array_of_leaves(leaves, None).reshape(shape)


def _array_of_bytes(leaves: Sequence[str | bytes]) -> Array:
    """Text as UTF-8, as in tensors. The array holds objects: those of bytes would lose zeros at the end."""
    import numpy as np

    array: Array = np.empty(len(leaves), object)
    array[:] = [leaf.encode("utf-8", "replace") if isinstance(leaf, str) else leaf for leaf in leaves]
    return array


def _with_bytes(value: Any) -> Any:
    """The value with the bytes that `{"b64": "..."}` stands for."""
    if isinstance(value, list):
        return [_with_bytes(one) for one in value]
    if not isinstance(value, dict) or value.keys() != _BASE64_KEYS:
        return value
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InputError("a value of b64 is not valid base64") from error
