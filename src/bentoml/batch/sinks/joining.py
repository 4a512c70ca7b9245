"""All parts of a job as one file, in the order of the pieces."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

from bentoml._util.files import replaced_file
from bentoml.batch.sinks.arrow_rows import TableWriter, common_schema
from bentoml.batch.sinks.output_format import OutputFormat
from bentoml.batch.sinks.text_rows import csv_line, csv_rows
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bentoml.batch.sinks.parts import PartFiles, PartRecord
    from bentoml.batch.sources.piece import Piece

    Parts = Sequence[tuple[Piece, PartFiles, PartRecord]]

_NULL_ROWS = 10_000


def join_parts(parts: Parts, kind: OutputFormat, output: Path) -> None:
    """Write the answers of all parts into one file, which appears whole or not at all.

    A row without an answer is a row of nulls.

    Args:
        parts: of all pieces, in their order.
        kind: of the output.
        output: replaced if it exists.

    Raises:
        BentoMLException: the answers of the parts do not fit together.
    """
    with replaced_file(output) as path:
        if kind.needs_arrow:
            _join_tables(parts, kind, path)
        else:
            _join_text(parts, kind, path)
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _join_text(parts: Parts, kind: OutputFormat, path: Path) -> None:
    names = _csv_names(parts) if kind is OutputFormat.CSV else _all_names(parts)
    null_row = (
        csv_rows([[None] * len(names)])
        if kind is OutputFormat.CSV
        else f"{json.dumps(dict.fromkeys(names), ensure_ascii=False)}\n".encode()
    )
    with path.open("wb") as joined:
        if kind is OutputFormat.CSV and names:
            joined.write(csv_line(names))
        for _, files, record in parts:
            if record.columns:
                with files.data.open("rb") as data:
                    shutil.copyfileobj(data, joined, 2**20)
            else:
                for start in range(0, record.rows, _NULL_ROWS):
                    joined.write(null_row * min(_NULL_ROWS, record.rows - start))


def _csv_names(parts: Parts) -> Sequence[str]:
    """The header, which is the same for all parts."""
    names: Sequence[str] = ()
    for piece, _, record in parts:
        if names and record.columns and record.columns != names:
            raise BentoMLException(
                f"the answers do not have the same columns everywhere: first {', '.join(names)}, "
                f"then {', '.join(record.columns)} for {piece.paths[0]}; return the same ones, or write to .jsonl"
            )
        names = names or record.columns
    # Rows that all failed still are rows.
    return names or (("result",) if any(record.rows for _, _, record in parts) else ())


def _all_names(parts: Parts) -> Sequence[str]:
    names = dict.fromkeys(name for _, _, record in parts for name in record.columns)
    return list(names) or ["result"]


def _join_tables(parts: Parts, kind: OutputFormat, path: Path) -> None:
    schema = common_schema(files.data for _, files, record in parts if record.columns)
    with closing(TableWriter(path, kind, schema)) as writer:
        for _, files, record in parts:
            if record.columns:
                writer.write_part(files.data)
            elif record.rows:
                writer.write_nulls(record.rows)


def join_errors(parts: Parts, path: Path) -> int:
    """Write the errors of all parts into one file, if there are any; else there is no such file.

    A line has the `file`, the `row` in it and the `output_row`, both counted from 0, and the `reason`.

    Returns:
        How many there are.
    """
    if not any(record.failed for _, _, record in parts):
        path.unlink(missing_ok=True)
        return 0
    count = before = in_file = 0
    last = ""
    with replaced_file(path) as temporary, temporary.open("w", encoding="utf-8") as joined:
        for piece, files, record in parts:
            is_whole = len(piece.paths) > 1 or piece.format == "file"
            in_file = 0 if piece.paths[0] != last else in_file
            last = piece.paths[0]
            with files.errors.open(encoding="utf-8") as lines:
                for line in lines:
                    error = json.loads(line)
                    row = error["row"]
                    joined.write(
                        json.dumps(
                            {
                                "file": piece.paths[row] if is_whole else last,
                                "row": 0 if is_whole else in_file + row,
                                "output_row": before + row,
                                "reason": error["reason"],
                            },
                            ensure_ascii=False,
                        )
                        + "\n"
                    )
                    count += 1
            before += record.rows
            in_file += record.rows
    return count
