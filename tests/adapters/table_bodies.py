"""Tables as bodies, in the formats that are no text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bentoml.adapters.wire.media_types import ARROW_FILE, ARROW_STREAM, MSGPACK, NPY, PARQUET

if TYPE_CHECKING:
    from collections.abc import Callable


def arrow_body(table: Any, *, is_file: bool = False, compression: str | None = None) -> bytes:
    """An Arrow table, or a frame, as a stream or a file."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table)
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet_body(table: Any, **options: Any) -> bytes:
    """An Arrow table, or a frame, as a Parquet file."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table)
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def npy_body(array: Any) -> bytes:
    """An array as `numpy.save` writes it."""
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def npy_of_frame(frame: pd.DataFrame) -> bytes:
    """A frame as an array of records, with text of a fixed length."""
    text = pd.Series(["a"]).dtype
    columns = {
        str(name): column.to_numpy(str) if column.dtype == text else column.to_numpy() for name, column in frame.items()
    }
    records = np.empty(len(frame), dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        records[name] = column
    return npy_body(records)


BODY_OF_FRAME: dict[str, Callable[[pd.DataFrame], bytes]] = {
    ARROW_STREAM: arrow_body,
    ARROW_FILE: lambda frame: arrow_body(frame, is_file=True, compression="lz4"),
    PARQUET: parquet_body,
    NPY: npy_of_frame,
    MSGPACK: lambda frame: msgpack.packb(frame.to_dict("records")),
}
