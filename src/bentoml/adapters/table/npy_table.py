"""Tables in the format of `numpy.save`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.adapters.array.npy import read_npy
from bentoml.adapters.array.npy_records import is_records, read_npy_records
from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import datatype_of
from bentoml.adapters.table.frame_table import FrameTable, frame_table
from bentoml.adapters.table.tensor_table import TensorTable, table_of_block

if TYPE_CHECKING:
    from bentoml.adapters.table.json_table import JsonTable
    from bentoml.adapters.table.layout import TableLayout


def parse_npy(body: bytes, layout: TableLayout) -> TensorTable | JsonTable | FrameTable:
    """Read an array of rows and columns, whose columns have no names, or one of records, whose fields are columns.

    Args:
        body: what `numpy.save` writes.
        layout: what the table must be. Its columns are the names of the columns of an array, from left to right.

    Raises:
        InputError: it is damaged or something else, is no table, or does not fit the layout.
    """
    if not body:
        raise InputError("the body is empty")
    return _table_of_records(body, layout) if is_records(body) else _table_of_array(body, layout)


def _table_of_records(body: bytes, layout: TableLayout) -> FrameTable:
    import pandas as pd

    records = read_npy_records(body)
    if records.ndim != 1:
        raise InputError(f"an array of records is a table when it has one axis; it has {records.ndim}")
    return frame_table(pd.DataFrame({name: records[name].copy() for name in records.dtype.names or ()}), layout)


def _table_of_array(body: bytes, layout: TableLayout) -> TensorTable | JsonTable:
    array = read_npy(body)
    datatype = datatype_of(array.dtype.newbyteorder("<").str)
    if array.ndim != 2 or datatype is None:
        raise InputError(
            f"an array is a table when it has two axes and numbers; it has {array.ndim}, and the type {array.dtype}"
        )
    table = table_of_block(array, datatype, layout.columns)
    # A declared type holds for values as JSON has them.
    return table if layout.dtype is None else table.as_json()
