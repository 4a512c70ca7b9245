"""Tables as one DataFrame per batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError
from bentoml.adapters.table.dtypes import dtype_name
from bentoml.adapters.table.formats import FORMAT_NAMES, TEXT_TYPES, read_table, table_type
from bentoml.adapters.table.joining import declared_group, join_tables
from bentoml.adapters.table.json_table import ORIENTS
from bentoml.adapters.table.layout import TableLayout
from bentoml.adapters.table.schema import table_schema
from bentoml.adapters.table.single_rows import SINGLE_ROW_ORIENTS, parse_single_rows
from bentoml.adapters.table.tensor_specs import specs_of_columns
from bentoml.adapters.table.tensor_table import table_of_tensors
from bentoml.adapters.text_input import FORMAT, BaseTextInput
from bentoml.adapters.wire.cli_args import read_format
from bentoml.adapters.wire.media_types import JSON, MSGPACK, canonical, type_of_file
from bentoml.types import HTTPHeaders

if TYPE_CHECKING:
    import pandas as pd

    from bentoml.adapters.open_inference.tensor import Tensor, TensorSpec
    from bentoml.adapters.table.formats import Table
    from bentoml.adapters.table.json_table import Names
    from bentoml.types import InferenceTask

    Group = list[InferenceTask[Any]]

# Under this name a parsed table rides on its task from `group_tasks` to `extract_user_func_args`.
_TABLE = "_bentoml_table"
_ROW_TYPES = frozenset({JSON, MSGPACK})


class DataframeInput(BaseTextInput):
    """Joins the tables of all requests of a batch into one frame with a counted index; without batches, one each.

    The content type says what a body is: CSV, Arrow, Parquet, npy or MessagePack, and JSON when it is none of these.
    Values keep the types that they have there. Only tables of the same columns whose values have the same types share a
    frame: no request sees its neighbours.

    Args:
        typ: only `frame`.
        orient: of JSON and MessagePack: `records`, `columns`, `values`, `split` or `index`; by default each request may
            choose, except `index`.
        columns: the columns of the frame, in this order. Others are left out; a request without one of them is refused.
        dtype: type of each column, by name or as a list in the order of the columns; by default they follow the values.
            Columns declared as a numpy type are joined whatever values they hold.
        input_dtypes: old name of `dtype`.
        **base_config: see `BaseInputAdapter`.

    Raises:
        NotImplementedError: another `typ`.
        AssertionError: an unknown orient, or `columns` and `dtype` name different columns.
    """

    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True
    JOINS_REQUESTS: ClassVar[bool] = True
    TAKES_TENSORS: ClassVar[bool] = True
    ERROR_PREFIX: ClassVar[str] = "DataframeInput Wrong input format: "

    def __init__(
        self,
        typ: str = "frame",
        orient: str | None = None,
        columns: Sequence[str] | None = None,
        dtype: Mapping[Any, Any] | Sequence[Any] | None = None,
        input_dtypes: Mapping[Any, Any] | Sequence[Any] | None = None,
        **base_config: Any,
    ) -> None:
        super().__init__(**base_config)
        if typ != "frame":
            raise NotImplementedError(f"DataframeInput makes frames only; typ {typ!r} is not supported")
        if input_dtypes is not None:
            warnings.warn("input_dtypes is now called dtype", DeprecationWarning, stacklevel=2)
        assert orient is None or orient in ORIENTS, f"orient must be one of {', '.join(ORIENTS)}, not {orient!r}"
        self.typ = typ
        self.orient = orient
        self.columns: Names | None = None if columns is None else tuple(columns)
        self.dtype = _checked_dtype(input_dtypes if dtype is None else dtype, self.columns)
        self.layout = TableLayout(orient, self.columns, self.dtype)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "orient": self.orient, "typ": self.typ, "dtype": self._dtype_names()}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["pandas"]

    def prepare(self) -> None:
        """Import pandas."""
        require("pandas")

    @property
    def request_schema(self) -> dict[str, Any]:
        """JSON with the declared columns, all other formats, or a form with a file."""
        names = self._dtype_names()
        if not isinstance(names, dict):
            names = dict(zip(self.columns or range(len(names or [])), names or [], strict=False))
        return table_schema(names, self.columns, self.orient)

    def _dtype_names(self) -> dict[Any, str] | list[str] | None:
        if self.dtype is None:
            return None
        if isinstance(self.dtype, Mapping):
            return {column: dtype_name(dtype) for column, dtype in self.dtype.items()}
        return [dtype_name(dtype) for dtype in self.dtype]

    def file_content_type(self, file_name: str, given: str) -> str:
        """The format that the client names, or else that of the extension: browsers call `.csv` files by many names."""
        if table_type(given) != JSON or canonical(given) == JSON:
            return given
        return type_of_file(file_name) or given

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[Any]]:
        """Make one task per value or file; `--format` says what they are, else the extension does."""
        given = read_format(cli_args, tuple(FORMAT_NAMES))

        def headers(file_name: str | None) -> HTTPHeaders:
            media_type = FORMAT_NAMES[given] if given else type_of_file(file_name or "")
            return HTTPHeaders([("Content-Type", media_type)] if media_type else [])

        return self._cli_tasks(cli_args, headers)

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:
        """Decode JSON and CSV; keep the bytes of other formats."""
        media_type = table_type(task.http_headers.content_type_and_charset[0])
        vars(task)[FORMAT] = media_type
        if media_type in TEXT_TYPES:
            super().fill(task, content, charset, file_name)
        else:
            task.data = content

    @property
    def tensor_specs(self) -> list[TensorSpec]:
        """A column each, where they are known; else one tensor of (rows, columns)."""
        return specs_of_columns(self.columns, self._dtype_names(), self.http_input_example, self.orient)

    def fill_from_tensors(self, task: InferenceTask[Any], tensors: Sequence[Tensor]) -> None:
        """Take a tensor of shape (rows,) or (rows, 1) for each column, or a single one of (rows, columns)."""
        table = table_of_tensors(tensors, self.columns)
        # A declared type holds for values as JSON has them.
        task.data = table if self.dtype is None else table.as_json()

    def fill_from_table(self, task: InferenceTask[Any], table: Table) -> None:
        """Put a table that was read for `layout` into `task.data`, as if it had been read from a body."""
        task.data = table

    def group_tasks(self, tasks: Sequence[InferenceTask[Any]]) -> list[Group]:
        """Parse each table; those that fail are discarded with status 400, the others parted by columns and types."""
        groups: dict[Any, Group] = {}
        key: Any = None
        group: Group = []
        for task, table in zip(tasks, self._parse_all(tasks), strict=True):
            if table is not None:
                vars(task)[_TABLE] = table
                if table.group is not key:  # most have the very same one as the task before
                    key = table.group
                    group = groups.setdefault(key, [])
                group.append(task)
        return list(groups.values()) if self.dtype is None else self._regrouped(groups)

    def _regrouped(self, groups: dict[Any, Group]) -> list[Group]:
        """Join groups that differ only in columns whose declared type makes them alike."""
        merged: dict[Any, Group] = {}
        for group in groups.values():
            key = declared_group(vars(group[0])[_TABLE], self.dtype)
            if key is None:
                merged.update((id(task), [task]) for task in group)
            else:
                merged.setdefault(key, []).extend(group)
        return list(merged.values())

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[pd.DataFrame]:
        """Build the frame of one group, `task.batch` rows for each task.

        Raises:
            InputError: a value does not fit the declared type of its column.
            ValueError: the tasks are not of one group.
        """
        # A parsed table is used once: the user function may change the values in it.
        tables = []
        for task in tasks:
            table = vars(task).pop(_TABLE, None)
            tables.append(self._parse(task) if table is None else table)
        return (self._join([table for table in tables if table is not None]),)

    def extract_single_args(self, task: InferenceTask[Any]) -> tuple[Any, ...]:
        """Build the frame of one request, which is answered as a whole."""
        table = self._parse(task)
        if table is None:
            return ()
        task.batch = None
        return (self._join([table]),)

    def _parse_all(self, tasks: Sequence[InferenceTask[Any]]) -> Sequence[Table | None]:
        if len(tasks) == 1 or self.orient not in SINGLE_ROW_ORIENTS:
            return [self._parse(task) for task in tasks]
        bodies = [task.data if _format_of(task) in _ROW_TYPES else None for task in tasks]
        tables: list[Table | None] = list(parse_single_rows(bodies, self.orient, self.columns))
        for position, (task, table) in enumerate(zip(tasks, tables, strict=True)):
            if table is None:
                tables[position] = self._parse(task)
            else:
                task.batch = 1
        return tables

    def _parse(self, task: InferenceTask[Any]) -> Table | None:
        try:
            table = read_table(task.data, _format_of(task), self.layout)
        except InputError as error:
            task.discard(
                http_status=error.status_code,
                err_msg=f"{self.ERROR_PREFIX}{error}",
                http_headers=error.http_headers,
            )
            return None
        task.batch = len(table)
        return table

    def _join(self, tables: Sequence[Table]) -> pd.DataFrame:
        try:
            return join_tables(tables, self.dtype)
        except InputError as error:
            raise InputError(f"{self.ERROR_PREFIX}{error}") from error


def _format_of(task: InferenceTask[Any]) -> str:
    media_type: str | None = vars(task).get(FORMAT)
    return table_type(task.http_headers.content_type) if media_type is None else media_type


def _checked_dtype(dtype: Any, columns: Names | None) -> Mapping[Any, Any] | list[Any] | None:
    if dtype is None:
        return None
    assert isinstance(dtype, (Mapping, list, tuple)), f"dtype must be a dict or a list, not {dtype!r}"
    if columns is not None and isinstance(dtype, Mapping):
        assert set(dtype) == set(columns), "columns and the keys of dtype must be the same names"
    elif columns is not None:
        assert len(dtype) == len(columns), "columns and dtype must have the same length"
    return dtype if isinstance(dtype, Mapping) else list(dtype)
