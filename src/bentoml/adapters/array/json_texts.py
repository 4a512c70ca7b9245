"""Arrays of numbers as JSON texts, written much faster than by an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.adapters.array.npy import Array

_NUMBER_KINDS = frozenset("iuf")


def array_text(array: Array) -> str | None:
    """What `json.dumps` makes of the nested lists of an array; None for anything but finite integers and floats.

    For these `repr` writes what JSON would. An `n` is in what it writes for others: `nan`, `inf`.
    """
    if array.dtype.kind not in _NUMBER_KINDS:
        return None
    text = repr(array.tolist())
    return None if "n" in text else text


def row_texts(array: Array) -> list[str] | None:
    """What `array_text` writes for each row of an array; None where it is None, and for arrays without values."""
    text = array_text(array) if array.size and array.ndim else None
    if text is None:
        return None
    # Between two rows as many lists end and begin as a row has axes; everywhere else there are fewer.
    start, end = "[" * (array.ndim - 1), "]" * (array.ndim - 1)
    rows = text[array.ndim : -array.ndim].split(f"{end}, {start}")
    return [f"{start}{row}{end}" for row in rows] if start else rows
