"""Bodies that are arrays: the part that the inputs of arrays and tensors share."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._util.optional import require
from bentoml.adapters.array.alike import read_together
from bentoml.adapters.array.join import join_rows
from bentoml.adapters.array.json_lists import array_of_json
from bentoml.adapters.array.msgpack_lists import parse_msgpack_lists
from bentoml.adapters.array.nested_lists import array_of_lists, as_type
from bentoml.adapters.array.npy import PLAIN_KINDS, is_npy, read_npy
from bentoml.adapters.array.schema import array_example, array_schema, shape_problem
from bentoml.adapters.array.tensor_input import array_spec, only_array
from bentoml.adapters.body_input import BaseBodyInput
from bentoml.adapters.errors import InputError
from bentoml.adapters.text_input import decode_text, file_charset
from bentoml.adapters.wire.media_objects import binary_body, one_file_form
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE, JSON, MSGPACK, NPY, canonical, type_of_file
from bentoml.exceptions import InvalidArgument
from bentoml.types import HTTPHeaders, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from bentoml.adapters.array.npy import Array
    from bentoml.adapters.open_inference.tensor import Tensor, TensorSpec
    from bentoml.types import HTTPRequest

    Task = InferenceTask[Any]
    Shape = tuple[int | None, ...]

# Under these names an array rides from `group_tasks` to `extract_user_func_args`: on each task its own, or on the first
# task of a group that of them all.
_ARRAY = "_bentoml_array"
_JOINED = "_bentoml_joined"
_PLAIN_JSON = (JSON, None)


class BaseArrayInput(BaseBodyInput):
    """Reads one array per request and joins those of a batch along their first axis, the rows.

    `task.data` is a body of JSON or npy, or the array of one in MessagePack. Only arrays of the same type and the
    same shape of a row are joined: no request sees its neighbours. While it is read, a body of JSON takes up to thirty
    times its size in memory, one of MessagePack forty; one of npy nothing, or its size where several are joined.

    Args:
        dtype: numpy type that the values must fit, or its name; None to tell it from the values.
        shape: length of each axis, None where any will do; None for any shape.
        **base_config: see `BaseInputAdapter`.

    Raises:
        InvalidArgument: the type is none, or is an object or a record; or the shape is not one.
    """

    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True
    JOINS_REQUESTS: ClassVar[bool] = True
    TAKES_TENSORS: ClassVar[bool] = True

    def __init__(self, dtype: Any = None, shape: Sequence[int | None] | None = None, **base_config: Any) -> None:
        super().__init__(**base_config)
        self.dtype = None if dtype is None else _checked_dtype(dtype)
        self.shape: Shape | None = None if shape is None else _checked_shape(shape)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        dtype = None if self.dtype is None else str(self.dtype)
        return {**super().config, "dtype": dtype, "shape": None if self.shape is None else list(self.shape)}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["numpy"]

    def prepare(self) -> None:
        """Import numpy."""
        require("numpy")

    @property
    def request_schema(self) -> dict[str, Any]:
        """Nested JSON lists, npy, MessagePack, or a form with a file of one of them."""
        of_json: dict[str, Any] = {"schema": array_schema(self.dtype, self.shape)}
        example = array_example(self.dtype, self.shape)
        if example is not None:
            of_json["example"] = example
        return {JSON: of_json, NPY: binary_body(), MSGPACK: binary_body(), FORM_CONTENT_TYPE: one_file_form()}

    def argument(self, array: Array) -> Any:
        """What the user function gets for an array that is not to be written to."""
        raise NotImplementedError

    def of_lists(self, array: Array) -> Array:
        """The array of JSON or MessagePack lists, as the type that such lists become without a declared one.

        Raises:
            InputError: a value does not fit that type.
        """
        return array

    def from_http_request(self, req: HTTPRequest) -> Task:
        """Read the body, or the one file in it when it is a form."""
        kind = req.headers.content_type_and_charset
        if kind != _PLAIN_JSON and (kind[0] == FORM_CONTENT_TYPE or not is_npy(req.body)):
            return super().from_http_request(req)
        # The most common of all, which take no more than this.
        task: Task = InferenceTask.of_request(req)
        task.data = req.body
        return task

    def fill(self, task: Task, content: bytes, charset: str | None, file_name: str | None) -> None:
        """Keep JSON and npy as they are, so that those of a batch can be read together; read MessagePack."""
        if is_npy(content):
            task.data = content
            return
        media_type = canonical(task.http_headers.content_type)
        if media_type == NPY:
            raise InputError("the body is not in npy format")
        if media_type == MSGPACK:
            task.data = self.of_lists(array_of_lists(parse_msgpack_lists(content), self.dtype))
            return
        charset = charset or file_charset(task, content, file_name)
        task.data = content if charset is None else decode_text(content, charset)

    @property
    def tensor_specs(self) -> list[TensorSpec]:
        """The only one."""
        return [array_spec(self.dtype, self.shape, self.http_input_example)]

    def fill_from_tensors(self, task: Task, tensors: Sequence[Tensor]) -> None:
        """Take the only tensor; its values keep their type, as those of npy do."""
        task.data = only_array(tensors, self.dtype)

    def file_content_type(self, file_name: str, given: str) -> str:
        """The format that the client names, or else that of the extension of the file."""
        return given if canonical(given) in {JSON, NPY, MSGPACK} else type_of_file(file_name) or given

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[Task]:
        """Make one task per value or file; the extensions `.npy` and `.msgpack` say what a file is, others are JSON."""

        def headers(file_name: str | None) -> HTTPHeaders:
            media_type = type_of_file(file_name or "")
            return HTTPHeaders([("Content-Type", media_type)] if media_type else [])

        return self._cli_tasks(cli_args, headers)

    def group_tasks(self, tasks: Sequence[Task]) -> list[list[Task]]:
        """Read each array; those that fail are discarded with status 400, the others parted by type and row shape."""
        joined = self._joined_rows(tasks)
        if joined is not None:
            return joined
        groups: dict[Any, list[Task]] = {}
        for task in tasks:
            array = self._read(task, is_rows=True)
            if array is not None:
                vars(task)[_ARRAY] = array
                groups.setdefault((array.dtype, array.shape[1:]), []).append(task)
        return list(groups.values())

    def extract_user_func_args(self, tasks: Sequence[Task]) -> tuple[Any, ...]:
        """Join the arrays of one group, `task.batch` rows for each task.

        Raises:
            ValueError: the tasks are not of one group.
        """
        joined = vars(tasks[0]).pop(_JOINED, None)
        if joined is not None and len(joined[0]) == len(tasks) and all(map(is_, joined[0], tasks)):
            return (self.argument(joined[1]),)
        arrays = [array for array in map(self._taken, tasks) if array is not None]
        return (self.argument(join_rows(arrays)),) if arrays else ()

    def extract_single_args(self, task: Task) -> tuple[Any, ...]:
        """The array of one request, with any number of axes; it is answered as a whole."""
        array = self._read(task, is_rows=False)
        if array is None:
            return ()
        task.batch = None
        return (self.argument(array),)

    def _joined_rows(self, tasks: Sequence[Task]) -> list[list[Task]] | None:
        """The groups of a batch whose bodies are alike; None for any other batch."""
        bodies: list[Any] = [task.data for task in tasks]
        if len(tasks) < 2 or set(map(type, bodies)) != {bytes}:
            return None
        together = read_together(bodies, self.dtype, self.of_lists)
        if together is None:
            return None
        parts, rows = together
        if any(self._misfit(array[:rows]) for _, array in parts):
            return None
        groups = []
        for positions, array in parts:
            group = list(tasks) if len(positions) == len(tasks) else [tasks[position] for position in positions]
            array.flags.writeable = False
            vars(group[0])[_JOINED] = (group, array)
            groups.append(group)
        for task in tasks:
            task.batch = rows
        return groups

    def _taken(self, task: Task) -> Array | None:
        array: Array | None = vars(task).pop(_ARRAY, None)
        return self._read(task, is_rows=True) if array is None else array

    def _read(self, task: Task, *, is_rows: bool) -> Array | None:
        """The array of a task, not to be written to; None when the task is discarded for what is wrong with it."""
        try:
            array = as_type(self.array_of(task, is_rows=is_rows), self.dtype)
        except InputError as error:
            self._refuse(task, str(error))
            return None
        problem = self._misfit(array) or (_row_problem(array) if is_rows else "")
        if problem:
            self._refuse(task, problem)
            return None
        task.batch = len(array) if is_rows else None
        array.flags.writeable = False
        return array

    def _refuse(self, task: Task, problem: str) -> None:
        task.discard(http_status=400, err_msg=f"{self.ERROR_PREFIX}{problem}")

    def array_of(self, task: Task, *, is_rows: bool) -> Array:  # noqa: ARG002 - for subclasses
        """The array that a task holds.

        Args:
            task: `fill` has put its data in.
            is_rows: whether the first axis has to be that of the rows.

        Raises:
            InputError: the data is not what it should be.
        """
        data: Any = task.data
        if isinstance(data, bytes) and is_npy(data):
            return read_npy(data)
        if isinstance(data, (bytes, str)):
            return self.of_lists(array_of_json(data, self.dtype))
        array: Array = data
        return array

    def _misfit(self, array: Array) -> str:
        """What is wrong with an array; empty when nothing is."""
        return "" if self.shape is None else shape_problem(array.shape, self.shape)


def _row_problem(array: Array) -> str:
    if not array.ndim:
        return "one value is no array of rows; put it into a list"
    return "" if len(array) else "the array has no rows"


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    numpy = require("numpy")
    try:
        checked: np.dtype[Any] = numpy.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{dtype!r} is no numpy type") from error
    if checked.kind not in PLAIN_KINDS:
        raise InvalidArgument(f"dtype {dtype!r} is an object or a record; arrays of numbers, text or dates can be read")
    return checked


def _checked_shape(shape: Sequence[int | None]) -> Shape:
    checked = tuple(shape)
    for length in checked:
        if length is not None and (not isinstance(length, int) or isinstance(length, bool) or length < 0):
            raise InvalidArgument(f"shape {checked!r} must have whole numbers, or None where any length will do")
    return checked
