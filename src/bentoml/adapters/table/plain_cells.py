"""Cells that pandas cannot write as JSON, as what JSON can hold."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from bentoml.adapters.wire.json_encoder import bytes_value

if TYPE_CHECKING:
    import pandas as pd

_DAY_ONE = dt.date(1970, 1, 1)
_START = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - times without a zone count from here as well
_MILLISECOND = dt.timedelta(milliseconds=1)


def with_plain_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with bytes as `ResultEncoder` writes them, and dates of any year as milliseconds since 1970.

    Only columns of Python objects are looked at, and categories of them.
    """
    plain = frame.copy(deep=False)
    plain.columns = range(len(frame.columns))  # type: ignore[assignment]  # positions, for names may repeat
    for position, dtype in enumerate(frame.dtypes):
        categories: Any = getattr(dtype, "categories", None)
        if getattr(dtype if categories is None else categories.dtype, "kind", None) == "O":
            plain[position] = plain[position].astype(object).map(_plain_cell)
    plain.columns = frame.columns
    return plain


def _plain_cell(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes_value(bytes(value))
    if isinstance(value, dt.date):  # as times are as well
        return _milliseconds(value)
    if isinstance(value, dict):
        return {_plain_key(key): _plain_cell(item) for key, item in value.items()}
    if type(value).__module__ == "numpy" and hasattr(value, "tolist") and value.dtype.kind == "O":
        value = value.tolist()
    return [_plain_cell(item) for item in value] if isinstance(value, (list, tuple)) else value


def _plain_key(key: Any) -> Any:
    return key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else key


def _milliseconds(date: dt.date) -> int | None:
    """Without fractions, as pandas cuts them off."""
    if not isinstance(date, dt.datetime):
        return (date - _DAY_ONE) // _MILLISECOND
    if date != date:  # noqa: PLR0124 - `NaT` is not itself
        return None
    passed = date - _START.replace(tzinfo=None if date.tzinfo is None else dt.timezone.utc)
    return passed // _MILLISECOND if passed >= dt.timedelta(0) else -(-passed // _MILLISECOND)
