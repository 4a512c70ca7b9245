"""The answers of a piece as columns of all its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.batch.calls.columns import as_list

if TYPE_CHECKING:
    from bentoml.batch.calls.columns import Columns
    from bentoml.batch.calls.row_run import PieceAnswers


def whole_columns(found: PieceAnswers) -> Columns:
    """One value per row of the piece, None where there is none; no column at all when every row failed.

    A column that only some answers have is null in the others.
    """
    if len(found.answers) == 1 and len(found.answers[0][0]) == found.rows:
        return found.answers[0][1]
    whole: dict[str, list[Any]] = {}
    for positions, columns in found.answers:
        for name, values in columns.items():
            filled = whole.setdefault(name, [None] * found.rows)
            for position, value in zip(positions, as_list(values), strict=True):
                filled[position] = value
    return dict(whole)
