"""CSV text as a frame."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError
from bentoml.adapters.table.frame_table import FrameTable, pick_columns, typed_table

if TYPE_CHECKING:
    import pandas as pd

    from bentoml.adapters.table.json_table import Label, Names
    from bentoml.adapters.table.layout import TableLayout


def parse_csv(text: str, layout: TableLayout) -> FrameTable:
    """Read CSV text with a header row; types are what `pandas.read_csv` makes of it, with the declared ones.

    Args:
        text: lines ending in LF or CRLF, quoted as RFC 4180 says; blank lines are skipped.
        layout: what the table must be.

    Raises:
        InputError: it is not CSV, has no row, lacks a column, or a value does not fit its type.
    """
    pandas = require("pandas")
    if not text.strip():
        raise InputError("the body is empty")
    try:
        header = _header(text)
        frame: pd.DataFrame = pandas.read_csv(
            io.StringIO(text), dtype=_by_name(layout.dtype, layout.columns or header), low_memory=False
        )
    except (ValueError, TypeError, OverflowError) as error:  # pandas parser errors are ValueErrors
        raise InputError(f"not valid CSV: {error}") from error
    return typed_table(frame if layout.columns is None else pick_columns(frame, layout.columns))


def _header(text: str) -> Names:
    """The names in the first row; the row after it may not be longer.

    pandas would take the surplus for an index. It refuses later rows that are longer by itself.
    """
    rows = require("pandas").read_csv(io.StringIO(text), header=None, nrows=2, dtype=str, keep_default_na=False)
    return tuple(rows.iloc[0])


def _by_name(dtype: Mapping[Label, Any] | Sequence[Any] | None, names: Names) -> dict[Label, Any] | None:
    if dtype is None or isinstance(dtype, Mapping):
        return None if dtype is None else dict(dtype)
    return {name: one for name, one in zip(names, dtype, strict=False) if one is not None}
