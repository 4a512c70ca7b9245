"""Rows for all other adapters: a task for each, made as if the row had come over HTTP."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.string_input import StringInput
from bentoml.adapters.text_input import decode_text
from bentoml.adapters.wire.json_encoder import json_writer
from bentoml.adapters.wire.json_text import parse_json
from bentoml.adapters.wire.media_types import JSON
from bentoml.batch.calls.records import csv_records, json_records, json_value
from bentoml.batch.sources.arrow_files import read_parts
from bentoml.batch.sources.piece import Format
from bentoml.batch.sources.plan import read_text
from bentoml.service.http_steps import task_of
from bentoml.types import HTTPRequest, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bentoml.batch.sources.piece import Piece
    from bentoml.service.inference_api import InferenceAPI

    Body = bytes | InputError

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, Any] = {"": None, "true": True, "false": False}
_TEXT = "text/plain; charset=utf-8"


class TaskRows:
    """See `Rows`.

    Args:
        count: of the rows.
        tasks_of: makes the tasks of some of them.
        rows_per_call: see `Rows`.
    """

    def __init__(
        self, count: int, tasks_of: Callable[[int, int], list[InferenceTask[Any]]], rows_per_call: int
    ) -> None:
        self.positions: Sequence[int] = range(count)
        self.unreadable: Mapping[int, str] = {}
        self.rows_per_call: int | None = rows_per_call
        self.tasks = tasks_of


def task_rows(api: InferenceAPI, piece: Piece, column: str | None) -> TaskRows:
    """The rows of a piece.

    A row of a table is an object with the names of the columns as keys. A cell of CSV is a number where JSON would
    have one, `true` or `false`, null where it is empty, and text otherwise. For adapters of arrays a row is the list of
    its values, for adapters of text the text of a column.

    Args:
        api: whose input adapter reads them.
        piece: of a file, or of whole files.
        column: of which the text is taken, for adapters of text; None for the only one.

    Raises:
        InvalidArgument: the file cannot be read.
    """
    per_call = api.mb_max_batch_size
    if piece.format is Format.WHOLE:
        adapter = api.input_adapter

        def opened(start: int, end: int) -> list[InferenceTask[Any]]:
            return list(adapter.from_cli(["--input-file", *piece.paths[start:end]]))

        return TaskRows(len(piece.paths), opened, per_call)
    is_text = isinstance(api.input_adapter, StringInput)
    wraps = api.input_adapter.JOINS_REQUESTS
    bodies = list(_text_bodies(piece, column) if is_text else _json_bodies(piece, as_lists=wraps))
    kind = _TEXT if is_text else JSON

    def asked(start: int, end: int) -> list[InferenceTask[Any]]:
        return [_task(api, body, kind, wraps=wraps) for body in bodies[start:end]]

    return TaskRows(len(bodies), asked, per_call)


def _task(api: InferenceAPI, body: Body, kind: str, *, wraps: bool) -> InferenceTask[Any]:
    task: InferenceTask[Any]
    if isinstance(body, InputError):
        task = InferenceTask()
        return task.discard(err_msg=str(body), http_status=body.status_code)
    content = b"[%b]" % body if wraps and api.batch else body
    request = HTTPRequest(path=f"/{api.route}", headers=[("Content-Type", kind)], body=content)
    return task_of(api, request, InferenceTask().task_id)


def _json_bodies(piece: Piece, *, as_lists: bool) -> Iterator[Body]:
    if piece.format is Format.JSON_LINES:
        yield from json_records(read_text(piece)[1])
        return
    write = json_writer(ensure_ascii=False)
    for row in _table_rows(piece):
        yield row if isinstance(row, InputError) else write(list(row.values()) if as_lists else row).encode()


def _table_rows(piece: Piece) -> Iterator[dict[str, Any] | InputError]:
    """The rows of CSV, Parquet or Arrow as objects."""
    if piece.format is not Format.CSV:
        yield from read_parts(piece).to_pylist()
        return
    for row in _csv_rows(piece):
        yield row if isinstance(row, InputError) else {name: _cell(text) for name, text in row.items()}


def _csv_rows(piece: Piece) -> Iterator[dict[str, str] | InputError]:
    header, content = read_text(piece)
    names = _fields(header)
    for record in csv_records(content):
        try:
            fields = _fields(record)
        except InputError as error:
            yield error
            continue
        if len(fields) > len(names):
            yield InputError(f"not valid CSV: the row has {len(fields)} values, the header {len(names)}")
        else:
            yield dict(zip(names, [*fields, *[""] * (len(names) - len(fields))], strict=True))


def _fields(record: bytes) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(decode_text(record, None), newline="")), [])
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}") from error


def _cell(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    return parse_json(text) if _NUMBER.fullmatch(text) else text


def _text_bodies(piece: Piece, column: str | None) -> Iterator[Body]:
    rows: Iterator[Any]
    if piece.format is Format.JSON_LINES:
        rows = map(json_value, json_records(read_text(piece)[1]))
    elif piece.format is Format.CSV:
        rows = _csv_rows(piece)
    else:
        rows = _table_rows(piece)
    for row in rows:
        text = row if isinstance(row, InputError) else _text_of(row, column)
        yield text if isinstance(text, InputError) else text.encode()


def _text_of(row: Any, column: str | None) -> str | InputError:
    if isinstance(row, dict):
        if column is None and len(row) != 1:
            return InputError(f"the row has {len(row)} columns; say with --column which of them is the text")
        name = next(iter(row)) if column is None else column
        if name not in row:
            return InputError(f"the column {name!r} is missing")
        row = row[name]
    return row if isinstance(row, str) else InputError(f"text is expected, not {type(row).__name__}")
