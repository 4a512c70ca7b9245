"""Parquet bodies."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError
from bentoml.adapters.table.arrow_messages import decoded_bytes
from bentoml.adapters.table.arrow_table import arrow, is_text, table_of_arrow
from bentoml.adapters.table.layout import check_decoded_size, max_decoded_bytes
from bentoml.adapters.table.parquet_contents import read_contents
from bentoml.adapters.table.parquet_pages import MAX_PAGES, page_sizes

if TYPE_CHECKING:
    from collections.abc import Container

    from bentoml.adapters.table.frame_table import FrameTable
    from bentoml.adapters.table.layout import TableLayout
    from bentoml.adapters.table.parquet_contents import ParquetContents

_ARROW_SCHEMA = b"ARROW:schema"
_PREFIX_BYTES = 8
_VALUE_BYTES = 8


def parse_parquet(body: bytes, layout: TableLayout) -> FrameTable:
    """Read a Parquet file.

    Raises:
        InputError: it is none, is damaged, would be too large, or does not fit the layout.
        MissingDependencyException: pyarrow is not installed.
    """
    pyarrow = arrow()
    if not body:
        raise InputError("the body is empty")
    contents = read_contents(body)
    _check_arrow_schema(contents.notes.get(_ARROW_SCHEMA, b""))
    parquet = require("pyarrow.parquet", "pyarrow")
    try:
        texts = _text_columns(parquet, pyarrow.BufferReader(body))
        repeated = _check_pages(contents, memoryview(body), texts)
        with parquet.ParquetFile(pyarrow.BufferReader(body), read_dictionary=repeated) as file:
            table = file.read(use_threads=False)
        table.validate(full=True)
        table = _without_dictionaries(table, texts)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"not a valid Parquet file: {str(error)[:200]}") from error
    return table_of_arrow(table, layout)


def _check_arrow_schema(text: bytes) -> None:
    """Arrow keeps its own types in the file, as the first message of a stream."""
    try:
        message = base64.b64decode(text)
    except binascii.Error as error:
        raise InputError("the schema in the Parquet file is damaged") from error
    if message:
        decoded_bytes(memoryview(message)[_PREFIX_BYTES:], memoryview(b""))


def _text_columns(parquet: Any, source: Any) -> dict[str, bool]:
    """The columns of text or bytes outside of lists and structs, and whether they were text before they were written.

    Where they have a dictionary, they are read as one: a file may have one long text, and repeat it without end.
    """
    types = arrow().types
    with parquet.ParquetFile(source) as file:
        fields = {field.name: field.type for field in file.schema_arrow}
    texts = {}
    for name, kind in fields.items():
        plain = kind.value_type if types.is_dictionary(kind) else kind
        if is_text(plain):
            texts[name] = plain is kind
    return texts


def _check_pages(contents: ParquetContents, body: memoryview, texts: Container[str]) -> list[str]:
    """Add up what all pages announce, before any is unpacked.

    A value takes eight bytes, more where its type is of a fixed size. Where it may stand for an entry of a dictionary
    that is not kept as one, it takes what the whole dictionary has, as nothing says which of it is repeated.

    Returns:
        Those of the columns of text that have a dictionary.
    """
    limit_bytes = max_decoded_bytes()
    size_bytes = pages = 0
    repeated: dict[str, None] = {}
    for chunk in contents.chunks:
        sizes = page_sizes(body, chunk.start, chunk.end, MAX_PAGES - pages)
        pages += sizes.pages
        value_bytes = max(_VALUE_BYTES, chunk.value_bytes)
        if chunk.is_bytes and sizes.dictionary_bytes:
            if len(chunk.path) == 1 and chunk.path[0] in texts:
                repeated[chunk.path[0]] = None
            else:
                value_bytes += sizes.dictionary_bytes
        size_bytes += sizes.unpacked_bytes + max(sizes.values, chunk.rows) * value_bytes
        check_decoded_size(size_bytes, limit_bytes)
    return list(repeated)


def _without_dictionaries(table: Any, texts: dict[str, bool]) -> Any:
    """The table with its text as text again, unless it was a dictionary before it was written."""
    pyarrow = arrow()
    limit_bytes = max_decoded_bytes()
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if not texts.get(name) or not pyarrow.types.is_dictionary(column.type):
            continue
        limit_bytes -= sum(map(_text_bytes, column.chunks))
        check_decoded_size(0, limit_bytes)
        chunks = [chunk.dictionary_decode() for chunk in column.chunks]
        table = table.set_column(position, name, pyarrow.chunked_array(chunks, column.type.value_type))
    return table


def _text_bytes(chunk: Any) -> int:
    lengths = require("pyarrow.compute", "pyarrow").binary_length(chunk.dictionary).to_numpy(zero_copy_only=False)
    return int(lengths[chunk.indices.drop_null().to_numpy(zero_copy_only=False)].sum())
