"""JSON text as rows and columns, with the Python values that JSON has.

A table is parsed without looking at any other: which frame it may join is decided by its own `group`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How many columns may hold other things than numbers and booleans.
MAX_OTHER_COLUMNS = 20_000
# How many cells a table may have for each value that is given, unless it is small.
MAX_CELLS_PER_VALUE = 16
_SMALL_CELLS = 100_000
ORIENTS = ("records", "columns", "values", "split", "index")

Label = str | int
Names = tuple[Label, ...]
Rows = list[list[Any]]

# What a column of a request holds. Columns of the same kind can be joined without changing the value or type of any
# cell; columns of different kinds cannot.
FLOAT = "f"  # numbers with a fraction, null; integers beside them that a float holds exactly
INTEGER = "i"  # integers of 64 bits
UNSIGNED = "u"  # integers that need the 64th bit
BOOLEAN = "b"
TEXT = "s"  # text, null
OBJECT = "o"  # anything else: lists, objects, larger integers, mixtures

# Of one value; of an integer by its size. What is not here, such as bytes of MessagePack, is an object.
KIND_OF_TYPE = {
    float: FLOAT,
    int: INTEGER,
    bool: BOOLEAN,
    str: TEXT,
    NoneType: FLOAT,
    list: OBJECT,
    dict: OBJECT,
}
_NUMBER_TYPES = {int, float, NoneType}
_EXACT_IN_FLOAT = 2**53


@dataclass(slots=True)
class JsonTable:
    """The rows of one request.

    Attributes:
        rows: values by row, each as long as there are columns; at least one row and one column.
        group: what tables that share a frame have in common: the column names from left to right (their number where
            the format has no names), and the kinds of the columns, one letter each.
    """

    rows: Rows
    group: tuple[Names | int, str]

    def __len__(self) -> int:
        return len(self.rows)

    def log_record(self, max_values: int) -> Any:
        """The rows as JSON would have them, for logs of what was not JSON; None when they have more values."""
        names, kinds = self.group
        if len(self.rows) * len(kinds) > max_values:
            return None
        return self.rows if isinstance(names, int) else {"columns": list(names), "data": self.rows}


def parse_table(text: str, orient: str | None, columns: Names | None) -> JsonTable:
    """Read JSON text.

    Args:
        text: one JSON value.
        orient: one of `ORIENTS`, or None to tell it from the value.
        columns: names that the table must have; it is brought into their order, and others are left out.

    Raises:
        InputError: it is not JSON, not a table of that orient, has no cell, or lacks a column.
    """
    try:
        value = parse_json(text)
    except ValueError as error:
        raise InputError(f"not valid JSON: {error}" if text.strip() else "the body is empty") from error
    return table_of_value(value, orient, columns)


def table_of_value(value: Any, orient: str | None, columns: Names | None) -> JsonTable:
    """Read a value of JSON, or of a format with the same structures; see `parse_table`.

    Raises:
        InputError: it is not a table of that orient, has no cell, or lacks a column.
    """
    names, rows = _READERS[orient or guess_orient(value)](value, columns)
    if not rows or not rows[0]:
        raise InputError("the table is empty")
    kinds = kinds_of(rows)
    check_kinds(kinds)
    return JsonTable(rows, (len(rows[0]) if names is None else names, kinds))


def check_kinds(kinds: str) -> None:
    """Refuse a table whose columns would take pandas minutes: it makes each one that is not of numbers by itself.

    Raises:
        InputError: there are more than `MAX_OTHER_COLUMNS` of them.
    """
    if len(kinds) > MAX_OTHER_COLUMNS and kinds.count(TEXT) + kinds.count(OBJECT) > MAX_OTHER_COLUMNS:
        raise InputError(f"the table has more than {MAX_OTHER_COLUMNS} columns of other things than numbers")


def guess_orient(value: Any) -> str:
    """Tell the orient from the structure; `index` looks like `columns` and has to be named.

    Raises:
        InputError: the value is neither a list nor an object.
    """
    if isinstance(value, list):
        return "records" if value and isinstance(value[0], dict) else "values"
    if isinstance(value, dict):
        return "split" if value.keys() == {"columns", "index", "data"} else "columns"
    raise InputError("a table is a JSON list or object")


def kinds_of(rows: Sequence[Sequence[Any]]) -> str:
    """The kind of each column, one letter each."""
    if len(rows) > 1:
        return "".join([_kind_of_column(column) for column in zip(*rows, strict=True)])
    row = rows[0]
    types = set(map(type, row))
    if len(types) == 1 and int not in types:
        return KIND_OF_TYPE.get(types.pop(), OBJECT) * len(row)
    return "".join(
        [
            KIND_OF_TYPE.get(type(value), OBJECT) if type(value) is not int else _kind_of_integers(value, value)
            for value in row
        ]
    )


def _kind_of_column(values: Sequence[Any]) -> str:
    types = set(map(type, values))
    if len(types) == 1:
        (only,) = types
        return KIND_OF_TYPE.get(only, OBJECT) if only is not int else _kind_of_integers(min(values), max(values))
    if types <= _NUMBER_TYPES:
        is_exact = all(-_EXACT_IN_FLOAT <= value <= _EXACT_IN_FLOAT for value in values if type(value) is int)
        return FLOAT if is_exact else OBJECT
    return TEXT if types == {str, NoneType} else OBJECT


def _kind_of_integers(low: int, high: int) -> str:
    if low >= -(2**63) and high < 2**63:
        return INTEGER
    return UNSIGNED if low >= 0 and high < 2**64 else OBJECT


def _read_values(value: Any, columns: Names | None) -> tuple[Names | None, Rows]:
    if not isinstance(value, list):
        raise InputError("orient values needs a list of rows")
    _check_rows(value, len(value[0]) if value and isinstance(value[0], list) else 0)
    if columns is None or not value:
        return columns, value
    width = len(columns)
    if len(value[0]) < width:
        raise InputError(f"rows have {len(value[0])} values, but there are {width} columns")
    return columns, value if len(value[0]) == width else [row[:width] for row in value]


def _read_records(value: Any, columns: Names | None) -> tuple[Names, Rows]:
    if not isinstance(value, list):
        raise InputError("orient records needs a list of objects")
    return _rows_of_records(value, columns)


def _read_index(value: Any, columns: Names | None) -> tuple[Names, Rows]:
    if not isinstance(value, dict):
        raise InputError("orient index needs an object of objects")
    return _rows_of_records(list(value.values()), columns)


def _rows_of_records(records: list[Any], columns: Names | None) -> tuple[Names, Rows]:
    for record in records:
        if not isinstance(record, dict):
            raise InputError(f"each row must be an object with the column names as keys, not {_json_type(record)}")
    if columns is not None:
        try:
            return columns, [[record[name] for name in columns] for record in records]
        except KeyError as error:
            raise InputError(f"the column {error.args[0]!r} is missing") from error
    if len(records) == 1:
        return tuple(records[0]), [list(records[0].values())]
    names = dict.fromkeys(name for record in records for name in record)
    _check_gaps(len(records) * len(names), sum(map(len, records)))
    return tuple(names), [[record.get(name) for name in names] for record in records]


def _read_columns(value: Any, columns: Names | None) -> tuple[Names, Rows]:
    if not isinstance(value, dict):
        raise InputError("orient columns needs an object with the column names as keys")
    try:
        names = tuple(value) if columns is None else columns
        cells = [value[name] for name in names]
    except KeyError as error:
        raise InputError(f"the column {error.args[0]!r} is missing") from error
    if all(isinstance(column, list) for column in cells):
        if len({len(column) for column in cells}) > 1:
            raise InputError("the columns have different lengths")
    elif all(isinstance(column, dict) for column in cells):
        index = dict.fromkeys(key for column in cells for key in column)
        if columns is not None and any(len(column) < len(index) for column in cells):
            raise InputError("a column lacks the value of a row")
        _check_gaps(len(index) * len(names), sum(map(len, cells)))
        cells = [[column.get(key) for key in index] for column in cells]
    else:
        raise InputError("orient columns needs an object of objects, or of lists")
    return names, [list(row) for row in zip(*cells, strict=True)]


def _check_gaps(cells: int, given: int) -> None:
    """Refuse a table that is nearly all gaps: it grows with the square of its text."""
    if cells > _SMALL_CELLS and cells > MAX_CELLS_PER_VALUE * given:
        raise InputError(f"the table has {given} values for {cells} cells; send rows of the same columns")


def _read_split(value: Any, columns: Names | None) -> tuple[Names, Rows]:
    if not isinstance(value, dict) or not {"columns", "data"} <= value.keys() <= {"columns", "index", "data"}:
        raise InputError('orient split needs an object with the keys "columns", "index" and "data"')
    names, rows = value["columns"], value["data"]
    if not isinstance(names, list) or not all(type(name) in {str, int} for name in names):
        raise InputError('"columns" must be a list of names')
    if len(set(names)) < len(names):
        raise InputError("a column name occurs twice")
    if not isinstance(rows, list):
        raise InputError('"data" must be a list of rows')
    _check_rows(rows, len(names))
    if columns is None or columns == tuple(names):
        return tuple(names), rows
    try:
        positions = [names.index(name) for name in columns]
    except ValueError as error:
        missing = next(name for name in columns if name not in names)
        raise InputError(f"the column {missing!r} is missing") from error
    return columns, [[row[position] for position in positions] for row in rows]


def _check_rows(rows: list[Any], width: int) -> None:
    for row in rows:
        if not isinstance(row, list):
            raise InputError(f"each row must be a list of values, not {_json_type(row)}")
        if len(row) != width:
            raise InputError(f"a row has {len(row)} values where {width} are expected")


def _json_type(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value, default=repr)[:40]


_READERS: dict[str, Callable[[Any, Names | None], tuple[Names | None, Rows]]] = {
    "records": _read_records,
    "columns": _read_columns,
    "values": _read_values,
    "split": _read_split,
    "index": _read_index,
}
