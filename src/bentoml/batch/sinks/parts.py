"""The answers and errors of one piece, on disk whole or not at all.

A part is there when its record is: the record is written last, and says how many bytes the other files have and what
they sum up to. What a worker had begun when it was killed is written over by the next one.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bentoml._util.files import write_atomic
from bentoml.batch.calls.whole_columns import whole_columns
from bentoml.batch.sinks import arrow_rows
from bentoml.batch.sinks.output_format import OutputFormat
from bentoml.batch.sinks.text_rows import csv_of, json_lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.batch.calls.row_run import PieceAnswers

_BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class PartRecord:
    """What is known of a part.

    Attributes:
        rows: of the piece, answered or not.
        failed: how many of them have no answer.
        columns: names of the columns; none when no row has an answer.
        data_sum: `checksum` of the answers.
        errors_sum: `checksum` of the errors.
        read_s: seconds that the rows took to be read.
        call_s: seconds that the API took.
        write_s: seconds until the answers and errors were written.
    """

    rows: int
    failed: int
    columns: tuple[str, ...]
    data_sum: str
    errors_sum: str
    read_s: float
    call_s: float
    write_s: float


class PartFiles:
    """The files of a part.

    Args:
        directory: of the parts of a job.
        number: of the piece.
    """

    def __init__(self, directory: Path, number: int) -> None:
        self.data = directory / f"{number:06}.data"
        self.errors = directory / f"{number:06}.errors.jsonl"
        self._record = directory / f"{number:06}.json"

    def write(self, kind: OutputFormat, found: PieceAnswers, *, read_s: float, call_s: float) -> PartRecord:
        """Write what became of a piece.

        Args:
            kind: of the output.
            found: the answers and errors.
            read_s: see `PartRecord`.
            call_s: see `PartRecord`.

        Raises:
            MissingDependencyException: pyarrow is not installed, and the format needs it.
        """
        began_s = time.monotonic()
        columns = whole_columns(found)
        lines = [json.dumps({"row": row, "reason": reason}) + "\n" for row, reason in sorted(found.errors.items())]
        self.errors.write_text("".join(lines), encoding="utf-8")
        if kind.needs_arrow and columns:
            arrow_rows.write_part(self.data, columns)
        else:
            write = csv_of if kind is OutputFormat.CSV else json_lines_of
            self.data.write_bytes(write(columns) if columns else b"")
        sums = checksum(self.data), checksum(self.errors)
        record = PartRecord(
            found.rows, len(found.errors), tuple(columns), *sums, read_s, call_s, time.monotonic() - began_s
        )
        write_atomic(self._record, json.dumps(asdict(record)))
        return record

    def read(self) -> PartRecord | None:
        """The record of the part; None when the part is not there, or damaged."""
        try:
            fields = json.loads(self._record.read_bytes())
            record = PartRecord(**{**fields, "columns": tuple(fields["columns"])})
            is_whole = (checksum(self.data), checksum(self.errors)) == (record.data_sum, record.errors_sum)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return record if is_whole else None


def checksum(path: Path) -> str:
    """The size of a file in bytes, and the CRC-32 of what it holds."""
    total = size_bytes = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            total = zlib.crc32(block, total)
            size_bytes += len(block)
    return f"{size_bytes}-{total:08x}"
