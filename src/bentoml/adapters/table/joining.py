"""Which tables share a frame, and how they become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.build import build_frame
from bentoml.adapters.table.dtypes import converts_alone, declared_dtypes, depends_on_column
from bentoml.adapters.table.frame_table import FrameTable, join_frames
from bentoml.adapters.table.json_table import JsonTable
from bentoml.adapters.table.tensor_table import TensorTable, join_tensors

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd

    from bentoml.adapters.table.formats import Table


def declared_group(table: Table, dtype: Any) -> Hashable:
    """What tables that share a frame have in common where types are declared.

    Tables of JSON need not agree in columns whose declared type makes them alike.

    Args:
        table: of one request.
        dtype: the declared types, by column or by position.

    Returns:
        The group; None for a table that has to be alone.
    """
    if not isinstance(table, JsonTable):
        return table.group
    names, all_kinds = table.group
    dtypes = declared_dtypes(dtype, names)
    if any(map(depends_on_column, dtypes)):
        return None
    kinds = ["" if converts_alone(dtype) else kind for kind, dtype in zip(all_kinds, dtypes, strict=True)]
    return (names, *kinds)


def join_tables(tables: Sequence[Table], dtype: Any) -> pd.DataFrame:
    """Put the rows of tables of one group below each other.

    Args:
        tables: at least one.
        dtype: the declared types of tables of JSON, by column or by position; others have theirs already.

    Raises:
        InputError: a value does not fit its type.
        ValueError: the tables are not of one group.
    """
    if set(map(type, tables)) == {JsonTable} and len({id(table.group) for table in tables}) == 1:
        return _frame_of_rows(tables, dtype)  # type: ignore[arg-type]  # all are of JSON
    first = tables[0]
    if any(table.group[0] != first.group[0] for table in tables):
        raise ValueError("these tasks cannot share a frame; group_tasks parts them")
    frames = [table for table in tables if isinstance(table, FrameTable)]
    if frames:
        if any(table.group != first.group for table in tables):
            raise ValueError("these tasks cannot share a frame; group_tasks parts them")
        return join_frames([table.frame for table in frames])
    tensors = [table for table in tables if isinstance(table, TensorTable)]
    if len(tensors) == len(tables):
        return _frame_of_tensors(tensors)
    rows = [table for table in tables if isinstance(table, JsonTable)]
    if tensors:
        rows = [table.as_json() if isinstance(table, TensorTable) else table for table in tables]  # type: ignore[misc]  # none is a frame
    return _frame_of_rows(rows, dtype)


def _frame_of_rows(rows: Sequence[JsonTable], dtype: Any) -> pd.DataFrame:
    dtypes = None if dtype is None else declared_dtypes(dtype, rows[0].group[0])
    try:
        return build_frame(rows, dtypes)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"a value does not fit its column: {error}") from error


def _frame_of_tensors(tensors: Sequence[TensorTable]) -> pd.DataFrame:
    try:
        return join_tensors(tensors)
    except ValueError as error:  # half of a surrogate pair, which pandas cannot hold as text
        raise InputError(f"a value does not fit its column: {error}") from error
