"""Frames, and pieces of frames, in the formats in which they can be answered.

A piece is written as if it were a frame of its own: nothing in it tells of the rows around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.table.arrow_table import arrow
from bentoml.adapters.table.frame_json import dates_as_milliseconds
from bentoml.adapters.wire.json_encoder import plain_key
from bentoml.adapters.wire.media_types import ARROW_STREAM, CSV, MSGPACK, PARQUET
from bentoml.adapters.wire.msgpack_body import write_msgpack
from bentoml.exceptions import MissingDependencyException

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    # Where a piece starts, and where it ends.
    Span = tuple[int, int]
    Body = str | bytes


class UnwritableFrameError(ValueError):
    """The format has no place for what is in the frame."""


def missing_library(media_type: str) -> MissingDependencyException | None:
    """What has to be installed for a format, if anything."""
    if media_type in {ARROW_STREAM, PARQUET}:
        try:
            arrow()
        except MissingDependencyException as error:
            return error
    return None


def frame_pieces(frame: pd.DataFrame, spans: Sequence[Span], media_type: str) -> Sequence[Body]:
    """Write pieces of a frame, without its index.

    Args:
        frame: of which they are.
        spans: of the pieces.
        media_type: CSV, a stream of Arrow, Parquet or MessagePack.

    Raises:
        UnwritableFrameError: one of them cannot be written.
    """
    try:
        return _WRITERS[media_type](frame, spans)
    # What the libraries say to values of which they know nothing; all of pyarrow's errors are among these.
    except (ValueError, TypeError, OverflowError, NotImplementedError, LookupError, RecursionError) as error:
        raise UnwritableFrameError(str(error)) from error


def _csv_pieces(frame: pd.DataFrame, spans: Sequence[Span]) -> list[Body]:
    head, *lines = frame.to_csv(index=False, lineterminator="\n").split("\n")
    if len(lines) == len(frame) + 1:  # a line per row, and what follows the last: no cell has a line break
        return ["\n".join([head, *lines[start:end], ""]) for start, end in spans]
    return [frame.iloc[start:end].to_csv(index=False, lineterminator="\n") for start, end in spans]


def _msgpack_pieces(frame: pd.DataFrame, spans: Sequence[Span]) -> list[Body]:
    frame = _with_text_names(dates_as_milliseconds(frame))
    plain = frame.astype(object)
    records = plain.where(plain.notna(), None).to_dict("records")
    return [write_msgpack(records[start:end]) for start, end in spans]


def _arrow_pieces(frame: pd.DataFrame, spans: Sequence[Span]) -> list[Body]:
    return [_stream_of(table) for table in _tables(frame, spans)]


def _parquet_pieces(frame: pd.DataFrame, spans: Sequence[Span]) -> list[Body]:
    return [_file_of(table) for table in _tables(frame, spans)]


def _stream_of(table: Any) -> bytes:
    pyarrow = arrow()
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _file_of(table: Any) -> bytes:
    sink = arrow().BufferOutputStream()
    require("pyarrow.parquet", "pyarrow").write_table(table, sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _tables(frame: pd.DataFrame, spans: Sequence[Span]) -> list[Any]:
    """The pieces as Arrow tables, with memory of their own: a slice could end in bits of the rows after it."""
    pyarrow = arrow()
    frame = _with_text_names(frame)

    def table_of(piece: pd.DataFrame) -> Any:
        return pyarrow.Table.from_pandas(piece, preserve_index=False, nthreads=1)

    if any(dtype.kind == "O" for dtype in frame.dtypes):  # its type depends on all values
        pieces = [table_of(frame.iloc[start:end]) for start, end in spans]
    else:
        whole = table_of(frame)
        pieces = [whole.slice(start, end - start) for start, end in spans]
    return [piece.take(pyarrow.array(range(len(piece)), pyarrow.int64())) for piece in pieces]


def _with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    names = [str(plain_key(name)) for name in frame.columns]
    if len(set(names)) < len(names):
        raise UnwritableFrameError("two columns have the same name")
    return frame.set_axis(names, axis=1)


_WRITERS: dict[str, Callable[[pd.DataFrame, Sequence[Span]], Sequence[Body]]] = {
    CSV: _csv_pieces,
    ARROW_STREAM: _arrow_pieces,
    PARQUET: _parquet_pieces,
    MSGPACK: _msgpack_pieces,
}
