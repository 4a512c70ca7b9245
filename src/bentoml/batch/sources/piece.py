"""A part of the input that is read, answered and written as one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TARGET_BYTES = 8 * 2**20


class Format(str, Enum):
    """What an input file holds."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"
    ARROW = "arrow"
    WHOLE = "file"  # the file is one row, whatever is in it


@dataclass(frozen=True)
class CutSize:
    """How large pieces become; a record is never cut.

    Attributes:
        max_bytes: a piece ends with the first record that reaches so many bytes.
        max_rows: most records of a piece; None for any number.
    """

    max_bytes: int = TARGET_BYTES
    max_rows: int | None = None


@dataclass(frozen=True)
class Piece:
    """Where some rows are.

    Attributes:
        number: counts all pieces of a job from 0, in the order of the output.
        format: of the file or files.
        paths: of the file; of `WHOLE` files, of all that belong to the piece.
        start: where it begins: an offset in bytes for text, a row group for Parquet, a record batch for Arrow.
        end: where the next one begins.
        header_start: where the header of CSV begins, after a byte order mark and blank lines.
        header_end: where the record after the header of CSV begins.
        size_bytes: what it has of its file, at least about.
    """

    number: int
    format: Format
    paths: tuple[str, ...]
    start: int = 0
    end: int = 0
    header_start: int = 0
    header_end: int = 0
    size_bytes: int = 0
