"""Frames and pieces of frames as JSON text."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bentoml.adapters.table.plain_cells import with_plain_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

ORIENTS = ("records", "columns", "values", "split", "index", "table")


def is_frame(value: Any) -> bool:
    """Whether a value is a frame or a series; pandas is not imported for it."""
    return is_frame_type(type(value))


def is_frame_type(kind: type) -> bool:
    """Whether values of a type are frames or series."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and issubclass(kind, (pandas.DataFrame, pandas.Series))


def as_frame(value: Any) -> pd.DataFrame:
    """A frame as it is; a series as a frame of one column."""
    frame: pd.DataFrame = value.to_frame() if hasattr(value, "to_frame") else value
    return frame


def frame_text(frame: pd.DataFrame, orient: str) -> str:
    """One frame as `DataFrame.to_json` writes it; dates as milliseconds since 1970."""
    if orient == "table":  # its dates are ISO text
        return _json_of(frame, orient="table")
    return _json_of(dates_as_milliseconds(frame), orient=orient)


def piece_texts(frame: pd.DataFrame, bounds: Sequence[int], orient: str) -> list[str]:
    """The rows `bounds[i]:bounds[i + 1]` for each i, each as if they were a frame of their own.

    The default index is counted from 0 in each piece; an index that the user function made is kept.
    """
    if orient == "records":
        return _record_pieces(frame, bounds)
    is_counted = has_default_index(frame)
    texts = []
    for start, end in pairwise(bounds):
        piece = frame.iloc[start:end]
        texts.append(frame_text(piece.reset_index(drop=True) if is_counted else piece, orient))
    return texts


def _record_pieces(frame: pd.DataFrame, bounds: Sequence[int]) -> list[str]:
    """Write the frame once, a row per line: a call of `to_json` for each piece would cost more than the model."""
    lines = _json_of(dates_as_milliseconds(frame), orient="records", lines=True).split("\n")
    return [f"[{','.join(lines[start:end])}]" for start, end in pairwise(bounds)]


def _json_of(frame: pd.DataFrame, **options: Any) -> str:
    try:
        text: str = frame.to_json(**options)
    except (UnicodeDecodeError, OverflowError):
        # Bytes that are no text, or dates in years that pandas does not know; rare, so nobody looks for them before.
        text = with_plain_cells(frame).to_json(**options)
    return text


def has_default_index(frame: pd.DataFrame | pd.Series[Any]) -> bool:
    """Whether the index only counts the rows."""
    import pandas as pd

    return frame.index.equals(pd.RangeIndex(len(frame)))


def dates_as_milliseconds(frame: pd.DataFrame) -> pd.DataFrame:
    """Replace dates and durations by numbers, which `to_json` of pandas 2 does by itself and later ones will not."""
    positions = [i for i, dtype in enumerate(frame.dtypes) if getattr(dtype, "kind", "") in "mM"]
    if not positions and frame.index.dtype.kind not in "mM":
        return frame
    frame = frame.copy(deep=False)
    names = frame.columns
    frame.columns = range(len(names))  # type: ignore[assignment]  # positions, for names may repeat
    for position in positions:
        frame[position] = _milliseconds(frame[position])
    frame.columns = names
    if frame.index.dtype.kind in "mM":
        frame.index = type(names)(_milliseconds(frame.index.to_series()).to_numpy(), name=frame.index.name)
    return frame


def _milliseconds(values: pd.Series[Any]) -> pd.Series[Any]:
    """Whole milliseconds since 1970, or of a duration; missing where the value is missing."""
    kind = "datetime64" if values.dtype.kind == "M" else "timedelta64"
    numbers = values.to_numpy(dtype=f"{kind}[ns]").astype(f"{kind}[ms]").astype("int64")
    result: pd.Series[Any] = values.isna().astype("Int64")
    result[:] = numbers
    return result.mask(values.isna().to_numpy())
