"""Batches of requests that are one row each, the most common of all: what rows have in common is worked out once.

Each body is parsed by itself, so that none can reach into its neighbour; only what a row of certain types in certain
columns means is looked up among the other rows of the batch.
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from bentoml.adapters.table.json_table import INTEGER, KIND_OF_TYPE, MAX_OTHER_COLUMNS, OBJECT, JsonTable, kinds_of
from bentoml.adapters.wire.msgpack_body import parse_msgpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.adapters.table.json_table import Names

    # (names or None, types of the values) -> positions of the tasks, and their rows.
    Layouts = dict[tuple[Names | None, tuple[type, ...]], tuple[list[int], list[list[Any]]]]

SINGLE_ROW_ORIENTS = (None, "values", "records")

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # what raw_decode calls
_MIN_INTEGER = -(2**63)
_MAX_INTEGER = 2**63 - 1

_PLAIN_TYPES = frozenset({int, float, bool, type(None)})


def parse_single_rows(bodies: Sequence[Any], orient: str | None, columns: Names | None) -> list[JsonTable | None]:
    """The tables of requests that are a list of one row: `values` or `records`.

    Args:
        bodies: text of JSON, bytes of MessagePack; what is neither is not read here.
        orient: `values`, `records`, or None for both.
        columns: see `parse_table`.

    Returns:
        One table of one row per body, the same as `parse_table` or `parse_msgpack_table` gives; None for a body that is
        anything else.
    """
    rows_of_value = columns is None and orient != "records"
    names_of_record = (lambda _: columns) if columns is not None else tuple
    values_of_record: Callable[[Any], Any] = _picker(columns) if columns is not None else dict.values
    takes_records = orient != "values"
    layouts: Layouts = {}
    for position, body in enumerate(bodies):
        try:
            value, end = (parse_msgpack(body), len(body)) if type(body) is bytes else _scan(body, 0)
            if end != len(body) or type(value) is not list or len(value) != 1:
                continue
            (row,) = value
            names = None
            if type(row) is dict and takes_records:
                names = names_of_record(row)
                row = list(values_of_record(row))
                if type(body) is bytes and not all(type(name) is str for name in names):
                    continue
            elif type(row) is not list or not rows_of_value:
                continue
            key = (names, tuple(map(type, row)))
        except (ValueError, TypeError, KeyError, StopIteration, RecursionError):
            continue
        known = layouts.get(key)
        if known is None:
            known = layouts[key] = ([], [])
        known[0].append(position)
        known[1].append(row)
    return _tables_of(layouts, len(bodies))


def _picker(columns: Names) -> Callable[[Any], Sequence[Any]]:
    if len(columns) < 2:
        return lambda record: [record[name] for name in columns]
    return itemgetter(*columns)


def _tables_of(layouts: Layouts, count: int) -> list[JsonTable | None]:
    tables: list[JsonTable | None] = [None] * count
    for (names, types), (positions, rows) in layouts.items():
        if not types:
            continue
        layout = len(types) if names is None else names
        kinds = _kinds_of_all(types, rows)
        if len(types) > MAX_OTHER_COLUMNS and (kinds is None or not _PLAIN_TYPES.issuperset(types)):
            continue  # it may have too many columns, and is looked at by itself
        group = (layout, kinds or "")
        for position, row in zip(positions, rows, strict=True):
            tables[position] = JsonTable([row], group if kinds else (layout, kinds_of([row])))
    return tables


def _kinds_of_all(types: tuple[type, ...], rows: list[list[Any]]) -> str | None:
    """The kinds of the columns; None when they differ, for there are integers of more than 64 bits."""
    for position, kind in enumerate(types):
        if kind is int:
            column = [row[position] for row in rows]
            if min(column) < _MIN_INTEGER or max(column) > _MAX_INTEGER:
                return None
    return "".join([INTEGER if kind is int else KIND_OF_TYPE.get(kind, OBJECT) for kind in types])
