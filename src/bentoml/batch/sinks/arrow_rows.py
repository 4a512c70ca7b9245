"""Columns as Arrow tables, and tables of many parts as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.table.arrow_table import arrow
from bentoml.batch.calls.columns import RESULT
from bentoml.batch.sinks.output_format import OutputFormat
from bentoml.batch.sinks.text_rows import text_of
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bentoml.batch.calls.columns import Columns, Values


def write_part(path: Path, columns: Columns) -> None:
    """Write columns as a file of Arrow.

    Raises:
        MissingDependencyException: pyarrow is not installed.
    """
    pyarrow = arrow()
    table = pyarrow.table({name: _array(pyarrow, values) for name, values in columns.items()})
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _array(pyarrow: Any, values: Values) -> Any:
    if not isinstance(values, list):
        return pyarrow.array(values)
    if not any(isinstance(value, (list, tuple, dict)) for value in values):
        try:
            return pyarrow.array(values)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):  # values of several types
            pass
    return pyarrow.array([None if value is None else text_of(value) for value in values], pyarrow.string())


def common_schema(paths: Iterable[Path]) -> Any:
    """The schema that the tables of all parts fit into.

    Raises:
        BentoMLException: a column has types in them that have nothing in common.
    """
    pyarrow = arrow()
    schemas = []
    for path in paths:
        with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_file(file) as reader:
            schemas.append(reader.schema)
    if not schemas:  # no row has an answer
        return pyarrow.schema([(RESULT, pyarrow.null())])
    try:
        return pyarrow.unify_schemas(schemas, promote_options="permissive")
    except pyarrow.ArrowException as error:
        raise BentoMLException(
            f"the answers do not have the same types everywhere: {error}; "
            "return values of one type for each column, or write to .jsonl"
        ) from error


class TableWriter:
    """Writes the tables of parts into one file.

    Args:
        path: of the file.
        kind: Arrow or Parquet.
        schema: of the file.
    """

    def __init__(self, path: Path, kind: OutputFormat, schema: Any) -> None:
        self._schema = schema
        pyarrow = arrow()
        if kind is OutputFormat.PARQUET:
            self._writer = require("pyarrow.parquet", "pyarrow").ParquetWriter(str(path), schema)
        else:
            self._writer = pyarrow.ipc.new_file(str(path), schema)

    def write_part(self, path: Path) -> None:
        """Add the rows of a part."""
        pyarrow = arrow()
        with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_file(file) as reader:
            table = reader.read_all()
        columns = [
            table.column(field.name).cast(field.type)
            if field.name in table.column_names
            else pyarrow.nulls(len(table), field.type)
            for field in self._schema
        ]
        self._writer.write_table(pyarrow.table(columns, schema=self._schema))

    def write_nulls(self, rows: int) -> None:
        """Add rows without any value."""
        pyarrow = arrow()
        columns: Sequence[Any] = [pyarrow.nulls(rows, field.type) for field in self._schema]
        self._writer.write_table(pyarrow.table(columns, schema=self._schema))

    def close(self) -> None:
        """End the file."""
        self._writer.close()
