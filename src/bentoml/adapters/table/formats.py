"""The formats that tables come in, by media type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.csv_text import parse_csv
from bentoml.adapters.table.frame_table import FrameTable
from bentoml.adapters.table.json_table import JsonTable, parse_table, table_of_value
from bentoml.adapters.table.tensor_table import TensorTable
from bentoml.adapters.wire.media_types import (
    ARROW_FILE,
    ARROW_STREAM,
    CSV,
    JSON,
    MSGPACK,
    NPY,
    PARQUET,
    canonical,
)
from bentoml.adapters.wire.missing_library import unsupported
from bentoml.adapters.wire.msgpack_body import parse_msgpack
from bentoml.exceptions import MissingDependencyException

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.adapters.table.layout import TableLayout

Table = JsonTable | FrameTable | TensorTable
# As `--format` names them.
FORMAT_NAMES = {
    "json": JSON,
    "csv": CSV,
    "arrow": ARROW_STREAM,
    "parquet": PARQUET,
    "npy": NPY,
    "msgpack": MSGPACK,
}
TEXT_TYPES = frozenset({JSON, CSV})
BINARY_TYPES = (ARROW_STREAM, ARROW_FILE, PARQUET, NPY, MSGPACK)


def table_type(content_type: str) -> str:
    """The format that a content type stands for; one that is no format of tables stands for JSON.

    Args:
        content_type: lower case, without parameters.
    """
    media_type = canonical(content_type)
    return media_type if media_type == CSV or media_type in BINARY_TYPES else JSON


def read_table(content: Any, media_type: str, layout: TableLayout) -> Table:
    """Read the table of one request.

    Args:
        content: text for JSON and CSV, bytes for all others; also a table that is read already.
        media_type: its format.
        layout: what the table must be.

    Raises:
        InputError: the content cannot be used.
    """
    if isinstance(content, (JsonTable, TensorTable, FrameTable)):
        return content
    if media_type == CSV:
        return parse_csv(content or "", layout)
    parse = _BINARY_PARSERS.get(media_type)
    if parse is None:
        return parse_table(content or "", layout.orient, layout.columns)
    return parse(content or b"", layout)


def parse_msgpack_table(body: bytes, layout: TableLayout) -> JsonTable:
    """Read MessagePack with the structures that JSON has.

    Raises:
        InputError: it is no such table, has no cell, or lacks a column.
    """
    try:
        value = parse_msgpack(body)
    except ValueError as error:
        raise InputError(f"not valid MessagePack: {error}" if body else "the body is empty") from error
    table = table_of_value(value, layout.orient, layout.columns)
    names = table.group[0]
    if not isinstance(names, int) and any(isinstance(name, bytes) for name in names):
        raise InputError("the name of a column is not text")
    return table


def _parse_arrow(body: bytes, layout: TableLayout) -> FrameTable:
    from bentoml.adapters.table.arrow_stream import parse_arrow

    try:
        return parse_arrow(body, layout)
    except MissingDependencyException as error:
        raise unsupported("Arrow tables are not supported here", error) from error


def _parse_parquet(body: bytes, layout: TableLayout) -> FrameTable:
    from bentoml.adapters.table.parquet_file import parse_parquet

    try:
        return parse_parquet(body, layout)
    except MissingDependencyException as error:
        raise unsupported("Parquet files are not supported here", error) from error


def _parse_npy(body: bytes, layout: TableLayout) -> Table:
    from bentoml.adapters.table.npy_table import parse_npy

    return parse_npy(body, layout)


_BINARY_PARSERS: dict[str, Callable[[bytes, TableLayout], Table]] = {
    ARROW_STREAM: _parse_arrow,
    ARROW_FILE: _parse_arrow,
    PARQUET: _parse_parquet,
    NPY: _parse_npy,
    MSGPACK: parse_msgpack_table,
}
