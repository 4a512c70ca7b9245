"""Parquet and Arrow files: the parts that they are made of, and the rows of some of those parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.table.arrow_table import arrow
from bentoml.batch.sources.piece import Format
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.batch.sources.piece import CutSize, Piece

_SPAN = tuple[int, int, int]


def part_spans(path: str, kind: Format, size: CutSize) -> Iterator[_SPAN]:
    """Neighbouring row groups or record batches that make a piece together: the first, the one after the last, bytes.

    Args:
        path: of the file.
        kind: Parquet or Arrow.
        size: of the pieces; a part is never cut, however large it is.

    Raises:
        InvalidArgument: the file cannot be read.
        MissingDependencyException: pyarrow is not installed.
    """
    start = total_bytes = total_rows = 0
    number = -1
    for number, (rows, size_bytes) in enumerate(_parts(path, kind)):
        is_full = size.max_rows is not None and total_rows + rows > size.max_rows
        if number > start and (is_full or total_bytes + size_bytes > size.max_bytes):
            yield start, number, total_bytes
            start, total_bytes, total_rows = number, 0, 0
        total_bytes += size_bytes
        total_rows += rows
    if number >= 0:
        yield start, number + 1, total_bytes


def _parts(path: str, kind: Format) -> list[tuple[int, int]]:
    """Rows and bytes of each part of a file."""
    pyarrow = arrow()
    try:
        if kind is Format.PARQUET:
            metadata = require("pyarrow.parquet", "pyarrow").read_metadata(path)
            groups = map(metadata.row_group, range(metadata.num_row_groups))
            return [(group.num_rows, group.total_byte_size) for group in groups]
        with pyarrow.memory_map(path) as file, _open_arrow(file) as reader:
            batches = map(reader.get_batch, range(reader.num_record_batches))
            return [(batch.num_rows, batch.nbytes) for batch in batches]
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InvalidArgument(f"{path} is not a valid {kind.value} file: {str(error)[:200]}") from error


def read_parts(piece: Piece) -> Any:
    """The rows of a piece as an Arrow table.

    Raises:
        InvalidArgument: the file cannot be read.
        MissingDependencyException: pyarrow is not installed.
    """
    pyarrow = arrow()
    (path,) = piece.paths
    numbers = range(piece.start, piece.end)
    try:
        if piece.format is Format.PARQUET:
            with require("pyarrow.parquet", "pyarrow").ParquetFile(path) as file:
                return file.read_row_groups(list(numbers), use_threads=False)
        with pyarrow.OSFile(path) as file, _open_arrow(file) as reader:
            return pyarrow.Table.from_batches([reader.get_batch(number) for number in numbers], reader.schema)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InvalidArgument(f"{path} cannot be read: {str(error)[:200]}") from error


def _open_arrow(file: Any) -> Any:
    pyarrow = arrow()
    try:
        return pyarrow.ipc.open_file(file)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(
            f"{error}; a stream of Arrow has to be written as a file first (pyarrow.ipc.new_file)"
        ) from error
