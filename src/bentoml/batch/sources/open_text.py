"""Which parts of CSV text lie outside of quotes, told block by block at the speed of memory.

As for pandas and the `csv` module, a quote opens a field only where the field begins; anywhere else it is a character
like others. Inside of quotes, two of them stand for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK_BYTES = 2**20
_QUOTE = b'"'
_OPENING = re.compile(rb'(?<=[,\r\n])"')
_QUOTES = re.compile(rb'"+')


class OpenText:
    """Follows CSV text from the beginning of a record on."""

    def __init__(self) -> None:
        self._last = b"\n"
        self._is_quoted = False

    def spans(self, block: bytes) -> list[tuple[int, int]]:
        """The parts of the next block that are not quoted, in order.

        Args:
            block: goes on where the one before ended. It ends with no quote, unless the text does.
        """
        if not block:
            return []
        if _QUOTE not in block:
            self._last = block[-1:]
            return [] if self._is_quoted else [(0, len(block))]
        # With the byte before it, which says whether a field begins with the block.
        text = self._last + block
        self._last = block[-1:]
        spans = []
        position = 1
        while position < len(text):
            if self._is_quoted:
                position = self._end_of_quotes(text, position)
                continue
            found = _OPENING.search(text, position)
            end = len(text) if found is None else found.start()
            if end > position:
                spans.append((position - 1, end - 1))
            self._is_quoted = found is not None
            position = end + 1
        return spans

    def _end_of_quotes(self, text: bytes, position: int) -> int:
        """Where the text goes on outside of quotes; its end when it does not."""
        for run in _QUOTES.finditer(text, position):
            if (run.end() - run.start()) % 2:
                self._is_quoted = False
                return run.end()
        return len(text)


def blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a file between two offsets, none of the blocks cut between two quotes.

    The file may be read elsewhere in between.
    """
    while start < end:
        file.seek(start)
        block = file.read(min(BLOCK_BYTES, end - start))
        while block.endswith(_QUOTE) and (more := file.read(min(BLOCK_BYTES, end - start - len(block)))):
            block += more
        if not block:  # the file has become shorter
            return
        start += len(block)
        yield block
