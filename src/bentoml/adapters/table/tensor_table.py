"""Tensors as a table: one column each, or the rows and columns of a single one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import BYTES
from bentoml.adapters.open_inference.tensor import shown
from bentoml.adapters.table.json_table import BOOLEAN, FLOAT, INTEGER, TEXT, JsonTable, check_kinds, kinds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    from bentoml.adapters.open_inference.tensor import Tensor
    from bentoml.adapters.table.json_table import Names

    Array = np.ndarray[Any, Any]

# Columns of these types are what a JSON table has, so that both can be joined.
_JSON_KINDS = {"FP64": FLOAT, "INT64": INTEGER, "BOOL": BOOLEAN, BYTES: TEXT}


@dataclass(slots=True)
class TensorTable:
    """The rows of one request.

    Attributes:
        block: (rows, columns), all of one type; or one array (rows,) per column.
        group: as that of a `JsonTable`, whose frame it may share when it has the same. In place of the kinds it has the
            datatypes, where JSON has no such columns.
    """

    block: Array | list[Array]
    group: tuple[Names | int, str | tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.block) if not isinstance(self.block, list) else len(self.block[0])

    def columns(self) -> list[Array]:
        """Each of (rows,)."""
        return self.block if isinstance(self.block, list) else list(self.block.T)

    def as_json(self) -> JsonTable:
        """The same rows as if they had come as JSON, with columns of the kinds that their values have."""
        rows = [list(row) for row in zip(*(column.tolist() for column in self.columns()), strict=True)]
        names, kinds = self.group
        return JsonTable(rows, (names, kinds if isinstance(kinds, str) else kinds_of(rows)))

    def log_record(self, max_values: int) -> Any:
        """See `JsonTable`."""
        return None if len(self) * len(self.group[1]) > max_values else self.as_json().log_record(max_values)


def table_of_tensors(tensors: Sequence[Tensor], names: Names | None) -> TensorTable:
    """Put tensors together.

    Args:
        tensors: at least one. Each is a column of its name, of shape (rows,) or (rows, 1); a single one may also be
            (rows, columns), and its columns have no names then.
        names: columns that the table must have; it is brought into their order, and others are left out. They are the
            names of the columns of a single tensor.

    Raises:
        InputError: they do not make a table, it has no cell, or it lacks a column.
    """
    first = tensors[0]
    labels = None if names is None else set(map(str, names))
    is_single = len(tensors) == 1 and len(first.shape) == 2
    if is_single and (first.shape[1] != 1 or (labels is not None and first.name not in labels)):
        table = table_of_block(first.values(), first.datatype, names)
    else:
        table = _table_of_columns(tensors, names)
    if not len(table):
        raise InputError("the table is empty")
    return table


def table_of_block(block: Array, datatype: str, names: Names | None) -> TensorTable:
    """Take an array for a table, whose columns have no names of their own.

    Args:
        block: (rows, columns).
        datatype: of its values.
        names: of the columns that the table must have, from left to right; others are left out.

    Raises:
        InputError: it has no cell, too few columns, or too many of text.
    """
    width = block.shape[1]
    if not block.size:
        raise InputError("the table is empty")
    if names is not None:
        if width < len(names):
            raise InputError(f"rows have {width} values, but there are {len(names)} columns")
        width = len(names)
        block = block[:, :width]
    kinds = _kinds([datatype] * width)
    if isinstance(kinds, str):
        check_kinds(kinds)
    return TensorTable(block, (width if names is None else names, kinds))


def _table_of_columns(tensors: Sequence[Tensor], names: Names | None) -> TensorTable:
    by_name = {tensor.name: tensor for tensor in tensors}
    for name in names or ():
        if str(name) not in by_name:
            raise InputError(f"the column {name!r} is missing")
    chosen = list(tensors) if names is None else [by_name[str(name)] for name in names]
    columns = [_column(tensor) for tensor in chosen]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise InputError(f"the columns have different lengths: {', '.join(map(str, sorted(lengths)))}")
    labels = tuple(tensor.name for tensor in chosen) if names is None else names
    return TensorTable(columns, (labels, _kinds([tensor.datatype for tensor in chosen])))


def _column(tensor: Tensor) -> Array:
    shape = tensor.shape
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return tensor.values().reshape(-1)
    raise InputError(
        f"input {shown(tensor.name)} has the shape {list(shape)}; a column has [rows] or [rows, 1], "
        "and a table of [rows, columns] is the only input"
    )


def _kinds(datatypes: list[str]) -> str | tuple[str, ...]:
    kinds = [_JSON_KINDS.get(datatype) for datatype in datatypes]
    return tuple(datatypes) if None in kinds else "".join(kind for kind in kinds if kind)


def join_tensors(tables: Sequence[TensorTable]) -> pd.DataFrame:
    """Put the rows of tables of one group below each other, in memory of their own."""
    import numpy as np
    import pandas as pd

    names = tables[0].group[0]
    labels = None if isinstance(names, int) else pd.Index(names)
    blocks = [table.block for table in tables if not isinstance(table.block, list)]
    if len(blocks) == len(tables) and blocks[0].dtype.kind != "O":
        return pd.DataFrame(np.concatenate(blocks), columns=labels, copy=False)
    columns = {
        position: _series(np.concatenate(pieces))
        for position, pieces in enumerate(zip(*(table.columns() for table in tables), strict=True))
    }
    frame = pd.DataFrame(columns, copy=False)
    if labels is not None:
        frame.columns = labels
    return frame


def _series(values: Array) -> Any:
    import pandas as pd

    # pandas 3 has a type for text, earlier ones use object: it knows which.
    return pd.Series(values.tolist()) if values.dtype.kind == "O" else values
