"""Which rows an API takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.adapters.dataframe_input import DataframeInput
from bentoml.batch.calls.table_rows import table_rows
from bentoml.batch.calls.task_rows import task_rows
from bentoml.batch.sources.piece import Format

if TYPE_CHECKING:
    from bentoml.batch.calls.rows import Rows
    from bentoml.batch.sources.piece import Piece
    from bentoml.service.inference_api import InferenceAPI


def rows_of(api: InferenceAPI, piece: Piece, column: str | None) -> Rows:
    """The rows of a piece, for an API.

    Args:
        api: no stream.
        piece: of the input.
        column: of the text, for adapters of text; None for the only one.

    Raises:
        InvalidArgument: the file cannot be read.
    """
    adapter = api.input_adapter
    if isinstance(adapter, DataframeInput) and piece.format is not Format.WHOLE:
        return table_rows(adapter, piece, is_batch=api.batch)
    return task_rows(api, piece, column)
