"""Cutting CSV and JSON lines at the ends of records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from bentoml.batch.sources.open_text import OpenText, blocks
from bentoml.batch.sources.piece import CutSize

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = b"\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def cuts(file: BinaryIO, start: int, end: int, size: CutSize, *, is_csv: bool) -> Iterator[int]:
    """Where pieces end: offsets in rising order, the last of which is `end`; none when there is nothing.

    Args:
        file: to read.
        start: offset of the first record.
        end: offset after the last one, whether or not a line end stands there.
        size: of the pieces. A blank line counts as a record.
        is_csv: whether line ends in quotes belong to a field.
    """
    text = OpenText() if is_csv else None
    offset = last = start
    rows = 0
    for block in blocks(file, start, end):
        for begin, stop in [(0, len(block))] if text is None else text.spans(block):
            position = begin
            while True:
                found, rows = _cut(block, position, stop, last + size.max_bytes - 1 - offset, rows, size.max_rows)
                if found is None:
                    break
                last = offset + found
                position = found
                rows = 0
                yield last
        offset += len(block)
    if offset > last:
        yield offset


def _cut(block: bytes, start: int, end: int, due: int, rows: int, max_rows: int | None) -> tuple[int | None, int]:
    """Where the piece ends in a part of a block, or None, and the records that it has by then.

    Args:
        block: of text.
        start: of the part.
        end: of the part.
        due: the position from which on any record ends the piece.
        rows: that the piece has had before.
        max_rows: that it may have.
    """
    found = block.find(_LINE_END, max(start, due), end) + 1 if due < end else 0
    if max_rows is None:
        return found or None, 0
    stop = found or end
    count = block.count(_LINE_END, start, stop)
    if rows + count >= max_rows:
        return _after_line(block, start, stop, max_rows - rows), max_rows
    return found or None, rows + count


def _after_line(block: bytes, start: int, end: int, number: int) -> int:
    """The position after the line end of this number, counted from 1; there are so many."""
    low, high = start, end
    while high - low > 1:
        middle = (low + high) // 2
        count = block.count(_LINE_END, low, middle)
        if count >= number:
            high = middle
        else:
            number -= count
            low = middle
    return high


def header_of(file: BinaryIO) -> tuple[int, int]:
    """Where the header of a CSV file begins and ends: the first record that is not blank, after a byte order mark.

    Returns:
        Both offsets; the end of the file twice when there is no header.
    """
    end = file.seek(0, os.SEEK_END)
    start = text_start(file)
    for stop in cuts(file, start, end, CutSize(max_bytes=1), is_csv=True):
        file.seek(start)
        if file.read(stop - start).strip():
            return start, stop
        start = stop
    return end, end


def text_start(file: BinaryIO) -> int:
    """Where the text of a file begins: after its byte order mark, if it has one."""
    file.seek(0)
    return len(_BYTE_ORDER_MARK) if file.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK else 0
