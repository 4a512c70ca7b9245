"""CSV text as a frame."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from bentoml.adapters.table.json_table import Label, Names


@dataclass(frozen=True)
class CsvTable:
    """The rows of one request, already typed.

    Attributes:
        frame: rows and columns.
        group: what tables that share a frame have in common: their columns and types.
    """

    frame: pd.DataFrame
    group: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.frame)


def parse_csv(text: str, columns: Names | None, dtype: Mapping[Label, Any] | Sequence[Any] | None) -> CsvTable:
    """Read CSV text with a header row; types are what `pandas.read_csv` makes of it, with `dtype`.

    Args:
        text: lines ending in LF or CRLF, quoted as RFC 4180 says; blank lines are skipped.
        columns: names that the table must have; it is brought into their order, and others are left out.
        dtype: declared types by name, or by position.

    Raises:
        InputError: it is not CSV, has no row, lacks a column, or a value does not fit its type.
    """
    pandas = require("pandas")
    if not text.strip():
        raise InputError("the body is empty")
    try:
        header = _header(text)
        frame: pd.DataFrame = pandas.read_csv(
            io.StringIO(text), dtype=_by_name(dtype, columns or header), low_memory=False
        )
    except (ValueError, TypeError, OverflowError) as error:  # pandas parser errors are ValueErrors
        raise InputError(f"not valid CSV: {error}") from error
    if frame.empty:
        raise InputError("the table is empty")
    if columns is not None:
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            raise InputError(f"the column {missing[0]!r} is missing")
        frame = frame[list(columns)]
    return CsvTable(frame, ("csv", tuple(frame.columns), tuple(frame.dtypes)))


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


def join_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of the same columns and types below each other."""
    if len(frames) == 1:
        return frames[0]
    joined: pd.DataFrame = require("pandas").concat(frames, ignore_index=True)
    return joined
