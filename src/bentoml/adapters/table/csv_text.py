"""CSV text as a frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError
from bentoml.adapters.table.dtypes import convert, declared_dtypes
from bentoml.adapters.table.frame_table import FrameTable, pick_columns, typed_table

if TYPE_CHECKING:
    import pandas as pd

    from bentoml.adapters.table.json_table import Label, Names
    from bentoml.adapters.table.layout import TableLayout

MAX_COLUMNS = 10_000
# Of a number of 64 bits.
_MAX_DIGITS = 19
_HEAD_CHARACTERS = 2**16


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
        head = _head(text)
        _check_width(head)
        header = _header(head)
        dtypes = _by_name(layout.dtype, layout.columns or header) or {}
        times = _declared_times(dtypes, header)
        frame: pd.DataFrame = pandas.read_csv(
            io.StringIO(text), dtype={**dtypes, **dict.fromkeys(times, str)} or None, low_memory=False
        )
        for name, dtype in times.items():
            frame[name] = convert([_cell(text) for text in frame[name].astype(object)], dtype)
    except (ValueError, TypeError, OverflowError) as error:  # pandas parser errors are ValueErrors
        raise InputError(f"not valid CSV: {error}") from error
    return typed_table(frame if layout.columns is None else pick_columns(frame, layout.columns))


def _head(text: str) -> str:
    """The beginning of a long text, with its first two rows whole: a copy of all of it takes as long as reading it."""
    head = text[:_HEAD_CHARACTERS]
    try:
        rows = list(islice((row for row in csv.reader(io.StringIO(head, newline="")) if row), 3))
    except csv.Error:
        return text
    return head if len(rows) == 3 else text


def _check_width(text: str) -> None:
    """Refuse what pandas would spend minutes on: it looks for another name for each one that occurs twice."""
    try:
        # Lines may end in CR alone: nothing is translated before the reader sees it.
        width = len(next((row for row in csv.reader(io.StringIO(text, newline="")) if row), []))
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}") from error
    if width > MAX_COLUMNS:
        raise InputError(f"the table has more than {MAX_COLUMNS} columns; send it in another format")


def _header(text: str) -> Names:
    """The names in the first row; the row after it may not be longer.

    pandas would take the surplus for an index. It refuses later rows that are longer by itself.
    """
    rows = require("pandas").read_csv(io.StringIO(text), header=None, nrows=2, dtype=str, keep_default_na=False)
    return tuple(rows.iloc[0])


def _declared_times(dtypes: Mapping[Label, Any], header: Names) -> dict[Label, Any]:
    """The columns of dates and durations, whose types `read_csv` does not take."""
    found = zip(header, declared_dtypes(dtypes, header), strict=True)
    return {name: dtype for name, dtype in found if getattr(dtype, "kind", "") in {"m", "M"}}


def _cell(text: Any) -> Any:
    """A cell as the value that JSON would have: a number where it is one, None where it is missing."""
    if not isinstance(text, str):
        return None
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS else text


def _by_name(dtype: Mapping[Label, Any] | Sequence[Any] | None, names: Names) -> dict[Label, Any] | None:
    if dtype is None or isinstance(dtype, Mapping):
        return None if dtype is None else dict(dtype)
    return {name: one for name, one in zip(names, dtype, strict=False) if one is not None}
