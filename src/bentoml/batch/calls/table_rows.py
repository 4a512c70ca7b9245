"""Rows for an adapter of frames: a single task for many of them, never JSON on the way.

A table is parsed whole, so that the types of its columns are those of the whole piece, also for the parts of it that
are asked for when some of its rows fail.
"""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.csv_text import parse_csv
from bentoml.adapters.table.frame_table import FrameTable
from bentoml.adapters.table.json_table import JsonTable, table_of_value
from bentoml.adapters.text_input import decode_text
from bentoml.batch.calls.records import csv_records, json_records, json_value
from bentoml.batch.sources.arrow_files import read_parts
from bentoml.batch.sources.piece import TARGET_BYTES, Format
from bentoml.batch.sources.plan import read_text
from bentoml.types import InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bentoml.adapters.dataframe_input import DataframeInput
    from bentoml.adapters.table.formats import Table
    from bentoml.batch.sources.piece import Piece


def table_rows(adapter: DataframeInput, piece: Piece, *, is_batch: bool) -> TableRows:
    """The rows of a piece of CSV, JSON lines, Parquet or Arrow.

    Args:
        adapter: whose layout they get.
        piece: of a file.
        is_batch: whether the function takes many rows.

    Raises:
        InvalidArgument: the file cannot be read.
    """
    make = _MAKERS[piece.format]
    rows: TableRows = make(adapter, piece)
    if not is_batch:
        rows.rows_per_call = 1
    return rows


class TableRows:
    """See `Rows`.

    Args:
        adapter: of the tasks.
        count: of the rows that can be asked for.
        table_of: makes the table of some of them.
        positions: where they are among all rows; None when all can be asked for.
        unreadable: the others.
        rows_per_call: see `Rows`.
    """

    def __init__(
        self,
        adapter: DataframeInput,
        count: int,
        table_of: Callable[[int, int], Table],
        *,
        positions: Sequence[int] | None = None,
        unreadable: Mapping[int, str] | None = None,
        rows_per_call: int | None = None,
    ) -> None:
        self._adapter = adapter
        self._table_of = table_of
        self.positions = range(count) if positions is None else positions
        self.unreadable = unreadable or {}
        self.rows_per_call = rows_per_call

    def tasks(self, start: int, end: int) -> list[InferenceTask[Any]]:
        """A single task."""
        task: InferenceTask[Any] = InferenceTask()
        self._adapter.fill_from_table(task, self._table_of(start, end))
        return [task]


def _of_csv(adapter: DataframeInput, piece: Piece) -> TableRows:
    header, content = read_text(piece)
    if not content.strip():
        return TableRows(adapter, 0, _no_table)
    try:
        slices = _FrameSlices(lambda: parse_csv(decode_text(header + content, None), adapter.layout))
    except InputError:
        return _of_damaged_csv(adapter, header, content)
    return TableRows(adapter, len(slices), slices)


def _of_damaged_csv(adapter: DataframeInput, header: bytes, content: bytes) -> TableRows:
    """Leave out the records that are too long or no text; those that fail for other reasons are found by halving."""
    records = csv_records(content)
    width = len(next(csv.reader(io.StringIO(decode_text(header, None), newline="")), []))
    good: list[bytes] = []
    positions: list[int] = []
    unreadable: dict[int, str] = {}
    for position, record in enumerate(records):
        problem = _problem_of(record, width)
        if problem:
            unreadable[position] = problem
        else:
            good.append(record)
            positions.append(position)

    def parsed(start: int, end: int) -> FrameTable:
        return parse_csv(decode_text(header + b"".join(good[start:end]), None), adapter.layout)

    table_of: Callable[[int, int], Table] = parsed
    with suppress(InputError):
        table_of = _FrameSlices(lambda: parsed(0, len(good)))
    return TableRows(adapter, len(good), table_of, positions=positions, unreadable=unreadable)


def _problem_of(record: bytes, width: int) -> str:
    """What is wrong with a record by itself; empty when nothing is."""
    try:
        fields = len(next(csv.reader(io.StringIO(decode_text(record, None), newline=""), strict=False), []))
    except InputError as error:
        return str(error)
    except csv.Error as error:
        return f"not valid CSV: {error}"
    return f"not valid CSV: the row has {fields} values, the header {width}" if fields > width else ""


class _FrameSlices:
    """Parts of a frame, made anew when it is asked again: the user function may change what it is given.

    Args:
        parse: makes the table.
    """

    def __init__(self, parse: Callable[[], FrameTable]) -> None:
        self._parse = parse
        self._fresh: FrameTable | None = parse()
        self._kept: FrameTable | None = None
        self._count = len(self._fresh)

    def __len__(self) -> int:
        return self._count

    def __call__(self, start: int, end: int) -> FrameTable:
        """The rows of a part."""
        if start == 0 and end == self._count:
            table, self._fresh = self._fresh or self._parse(), None
            return table
        if self._kept is None:
            self._kept, self._fresh = self._fresh or self._parse(), None
        frame = self._kept.frame.iloc[start:end].copy().reset_index(drop=True)
        return FrameTable(frame, self._kept.group)


def _of_json_lines(adapter: DataframeInput, piece: Piece) -> TableRows:
    values: list[Any] = []
    positions: list[int] = []
    unreadable: dict[int, str] = {}
    for position, line in enumerate(json_records(read_text(piece)[1])):
        value = json_value(line)
        if isinstance(value, InputError):
            unreadable[position] = str(value)
        else:
            values.append(value)
            positions.append(position)
    return TableRows(adapter, len(values), _json_slices(adapter, values), positions=positions, unreadable=unreadable)


def _json_slices(adapter: DataframeInput, values: list[Any]) -> Callable[[int, int], Table]:
    def table_of(start: int, end: int) -> JsonTable:
        part = values[start:end]
        orient = "values" if part and isinstance(part[0], list) else "records"
        return table_of_value(part, orient, adapter.layout.columns)

    try:
        whole = table_of(0, len(values))
    except InputError:
        return table_of
    return lambda start, end: JsonTable(whole.rows[start:end], whole.group)


def _no_table(start: int, end: int) -> Table:
    raise AssertionError(f"rows {start} to {end} of none are asked for")


def _of_arrow(adapter: DataframeInput, piece: Piece) -> TableRows:
    from bentoml.adapters.table.arrow_table import table_of_arrow

    table = read_parts(piece)
    count = table.num_rows
    per_call = max(1, count * TARGET_BYTES // max(1, table.nbytes)) if count else None

    def table_of(start: int, end: int) -> FrameTable:
        return table_of_arrow(table.slice(start, end - start), adapter.layout)

    return TableRows(adapter, count, table_of, rows_per_call=per_call)


_MAKERS: dict[Format, Callable[[DataframeInput, Piece], TableRows]] = {
    Format.CSV: _of_csv,
    Format.JSON_LINES: _of_json_lines,
    Format.PARQUET: _of_arrow,
    Format.ARROW: _of_arrow,
}
