"""Tables of one group of requests as one frame."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.table.dtypes import convert
from bentoml.adapters.table.json_table import BOOLEAN, FLOAT, INTEGER, OBJECT, TEXT, UNSIGNED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bentoml.adapters.table.json_table import JsonTable, Rows

_NUMPY_TYPES = {FLOAT: "float64", INTEGER: "int64", UNSIGNED: "uint64", BOOLEAN: "bool", OBJECT: "object"}


def build_frame(tables: Sequence[JsonTable], dtypes: Sequence[Any] | None = None) -> pd.DataFrame:
    """Put the rows of tables below each other.

    Args:
        tables: at least one; all have the same columns, and the same kind wherever no dtype is declared.
        dtypes: declared pandas dtype of each column, or None where it follows from the values.

    Returns:
        A frame (rows of all tables, columns) with a counted index. Without a declared dtype a column is float64, int64,
        uint64, bool, the text type of the pandas in use, or object; null is a missing value.

    Raises:
        ValueError: a value does not fit its declared dtype; also `TypeError` and `OverflowError`.
    """
    pandas = require("pandas")
    rows = tables[0].rows if len(tables) == 1 else list(chain.from_iterable(table.rows for table in tables))
    names, kinds = tables[0].group
    labels = None if isinstance(names, int) else pandas.Index(names)
    if dtypes is None and kinds in {FLOAT * len(kinds), INTEGER * len(kinds)}:
        return _frame_of_numbers(rows, kinds[0], labels)
    columns = {
        position: _typed_column(values, kind) if dtype is None else convert(values, dtype)
        for position, (values, kind, dtype) in enumerate(
            zip(zip(*rows, strict=True), kinds, dtypes or [None] * len(kinds), strict=True)
        )
    }
    frame: pd.DataFrame = pandas.DataFrame(columns, copy=False)
    if labels is not None:
        frame.columns = labels
    return frame


def _frame_of_numbers(rows: Rows, kind: str, labels: pd.Index[Any] | None) -> pd.DataFrame:
    """The common case: one block of memory, filled in one go."""
    import numpy as np
    import pandas as pd

    return pd.DataFrame(np.array(rows, dtype=_NUMPY_TYPES[kind]), columns=labels, copy=False)


def _typed_column(values: Sequence[Any], kind: str) -> Any:
    import numpy as np
    import pandas as pd

    if kind == TEXT:  # pandas 3 has a type for text, earlier ones use object: it knows which
        return pd.Series(list(values))
    if kind == OBJECT:
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return pd.Series(array, dtype=object)
    return np.array(values, dtype=_NUMPY_TYPES[kind])
