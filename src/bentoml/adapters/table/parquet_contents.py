"""What a Parquet file says about its contents at its end, read before Arrow reads it.

Arrow's own way of asking for it ends the process when some of it is damaged.

Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.thrift import BINARY, I32, I64, LIST, STRUCT, Fields, ThriftError, ThriftReader

# It takes many times its size once Arrow has read it.
MAX_BYTES = 1 << 20
BYTE_ARRAY = 6

_MARK = b"PAR1"
_MAX_VALUES = 300_000
# Fields of FileMetaData, KeyValue, SchemaElement, RowGroup, ColumnChunk and ColumnMetaData.
_SCHEMA, _GROUPS, _NOTES = (2, LIST), (4, LIST), (5, LIST)
_NOTE_NAME, _NOTE_TEXT = (1, BINARY), (2, BINARY)
_LENGTH, _CHILDREN = (2, I32), (5, I32)
_COLUMNS, _ROWS = (1, LIST), (3, I64)
_META = (3, STRUCT)
_TYPE, _PATH, _PACKED_BYTES, _DATA_OFFSET, _DICTIONARY_OFFSET = (1, I32), (3, LIST), (7, I64), (9, I64), (11, I64)


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """Some rows of a column.

    Attributes:
        path: its name, and before that those of what it lies in.
        is_bytes: whether values have lengths of their own, as text has.
        value_bytes: size of a value of a fixed length; 0 for all others.
        rows: how many there are.
        start: where its pages start in the file.
        end: where they end.
    """

    path: tuple[str, ...]
    is_bytes: bool
    value_bytes: int
    rows: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParquetContents:
    """A file.

    Attributes:
        chunks: of all columns.
        notes: what the writer says besides, by name.
    """

    chunks: list[ColumnChunk]
    notes: dict[bytes, bytes]


def read_contents(body: bytes) -> ParquetContents:
    """Read the end of a file.

    Raises:
        InputError: it is no Parquet file, or its end is damaged or too long.
    """
    if len(body) < 3 * len(_MARK) or not (body.startswith(_MARK) and body.endswith(_MARK)):
        raise InputError("the body is not a Parquet file")
    size_bytes = int.from_bytes(body[-8:-4], "little")
    if size_bytes > MAX_BYTES:
        raise InputError(f"the Parquet file lists its contents in {size_bytes} bytes, at most {MAX_BYTES} are read")
    start = len(body) - 8 - size_bytes
    if start < len(_MARK):
        raise InputError("the Parquet file is cut short")
    try:
        return _contents(ThriftReader(memoryview(body)[start:-8], 0, _MAX_VALUES).struct())
    # What is missing, or is something else than it should be.
    except (ThriftError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InputError("the contents of the Parquet file are damaged") from error


def _contents(fields: Fields) -> ParquetContents:
    lengths = [element.get(_LENGTH, 0) for element in fields[_SCHEMA] if not element.get(_CHILDREN)]
    chunks: list[ColumnChunk] = []
    for group in fields[_GROUPS]:
        columns = group[_COLUMNS]
        if len(columns) != len(lengths):
            raise ThriftError("a group of rows has other columns than the file")
        chunks.extend(
            _chunk(column[_META], length, group[_ROWS]) for column, length in zip(columns, lengths, strict=True)
        )
    notes = {bytes(note[_NOTE_NAME]): bytes(note.get(_NOTE_TEXT, b"")) for note in fields.get(_NOTES, [])}
    return ParquetContents(chunks, notes)


def _chunk(meta: Any, value_bytes: int, rows: int) -> ColumnChunk:
    start = meta[_DATA_OFFSET]
    dictionary = meta.get(_DICTIONARY_OFFSET, 0)
    if 0 < dictionary < start:
        start = dictionary
    if rows < 0 or value_bytes < 0:
        raise ThriftError("a number is negative")
    path = tuple(bytes(part).decode() for part in meta[_PATH])
    return ColumnChunk(path, meta[_TYPE] == BYTE_ARRAY, value_bytes, rows, start, start + meta[_PACKED_BYTES])
