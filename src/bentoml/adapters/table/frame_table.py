"""Tables of formats that have types of their own, as frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError
from bentoml.adapters.table.dtypes import convert, declared_dtypes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bentoml.adapters.table.json_table import Names
    from bentoml.adapters.table.layout import TableLayout


@dataclass(frozen=True, slots=True)
class FrameTable:
    """The rows of one request, already typed.

    Attributes:
        frame: rows and columns, with a counted index; the user function may write to it.
        group: what tables that share a frame have in common: their columns and types.
    """

    frame: pd.DataFrame
    group: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.frame)


def frame_table(frame: pd.DataFrame, layout: TableLayout) -> FrameTable:
    """Bring a frame into the layout.

    Args:
        frame: belongs to the table from now on.
        layout: its columns are picked, its types converted to, with nothing cut off or wrapped around.

    Raises:
        InputError: the frame has no cell or two columns of one name, lacks a column, or a value does not fit its type.
    """
    if not frame.columns.is_unique:
        raise InputError("a column name occurs twice")
    if layout.columns is not None:
        frame = pick_columns(frame, layout.columns)
    if layout.dtype is not None:
        frame = _converted(frame, declared_dtypes(layout.dtype, tuple(frame.columns)))
    return typed_table(frame)


def typed_table(frame: pd.DataFrame) -> FrameTable:
    """A frame whose columns and types are as they are wanted.

    Raises:
        InputError: it has no cell.
    """
    if frame.empty:
        raise InputError("the table is empty")
    return FrameTable(frame, ("frame", tuple(frame.columns), tuple(map(_type_key, frame.dtypes))))


def pick_columns(frame: pd.DataFrame, columns: Names) -> pd.DataFrame:
    """The columns of these names in this order.

    Raises:
        InputError: one is missing.
    """
    for name in columns:
        if name not in frame.columns:
            raise InputError(f"the column {name!r} is missing")
    return frame if list(frame.columns) == list(columns) else frame[list(columns)]


def _converted(frame: pd.DataFrame, dtypes: Sequence[Any]) -> pd.DataFrame:
    try:
        columns = {
            name: column if dtype is None or column.dtype == dtype else _converted_column(column, dtype)
            for (name, column), dtype in zip(frame.items(), dtypes, strict=True)
        }
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"a value does not fit its column: {error}") from error
    converted: pd.DataFrame = require("pandas").DataFrame(columns)
    return converted


def _converted_column(column: pd.Series[Any], dtype: Any) -> Any:
    import numpy as np

    if isinstance(column.dtype, np.dtype) and isinstance(dtype, np.dtype) and np.can_cast(column.dtype, dtype, "safe"):
        return column.astype(dtype)
    return convert(column.astype(object).where(column.notna(), None).tolist(), dtype)


def _type_key(dtype: Any) -> Any:
    """What two columns of the same type have in common: for categories also their order, which equality overlooks."""
    categories = getattr(dtype, "categories", None)
    return dtype if categories is None else (tuple(categories), categories.dtype, dtype.ordered)


def join_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of the same columns and types below each other."""
    if len(frames) == 1:
        return frames[0]
    joined: pd.DataFrame = require("pandas").concat(frames, ignore_index=True)
    return joined
