"""Columns as lines of CSV or JSON; no library is imported for it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from typing import TYPE_CHECKING, Any

from bentoml.adapters.wire.json_encoder import json_writer
from bentoml.batch.calls.columns import as_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bentoml.batch.calls.columns import Columns

_CELL_TYPES = frozenset({type(None), bool, int, str, float})
_DATES = (dt.datetime, dt.date, dt.time)


def csv_line(names: Sequence[str]) -> bytes:
    """The header."""
    return csv_rows([list(names)])


def csv_of(columns: Columns) -> bytes:
    """Lines without a header; a missing value is empty, lists and objects are JSON."""
    if len(columns) == 1:
        (values,) = columns.values()
        if not isinstance(values, list) and values.dtype.kind in "iu":
            return "\n".join([*map(str, values.tolist()), ""]).encode()
    return csv_rows(zip(*(_cells(as_list(values)) for values in columns.values()), strict=True))


def csv_rows(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows of plain cells as lines."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()


def _cells(values: list[Any]) -> list[Any]:
    kinds = set(map(type, values))
    if kinds == {float} and not any(map(math.isnan, values)):
        return values
    if kinds <= _CELL_TYPES - {float}:
        return values
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if type(value) in _CELL_TYPES:
        return value
    return text_of(value)


def text_of(value: Any) -> str:
    """A value that is no number as text: text and dates as they are, lists and objects as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, _DATES) else json_writer(ensure_ascii=False)(value)


def json_lines_of(columns: Columns) -> bytes:
    """An object for each row; a missing value is null, dates are ISO 8601."""
    write = json_writer(ensure_ascii=False)
    names = list(columns)
    rows = zip(*(map(_json_value, as_list(values)) for values in columns.values()), strict=True)
    return "".join(f"{write(dict(zip(names, row, strict=True)))}\n" for row in rows).encode("utf-8", "surrogatepass")


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, _DATES) else value
