"""Secrets in JSON data and in headers, replaced before anything is written down.

Names are compared without regard to case. In JSON, what stands under such a name is replaced as a whole, however deep
it lies: in records, in columns, in tables with a list of columns (`{"columns": [...], "data": [[...], ...]}`), in
tensors of that name, and in bare rows whose columns are known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HIDDEN = "[redacted]"


class Redaction:
    """Writes JSON texts anew, without the values of some fields.

    Args:
        fields: their names.
        columns: the names of the columns of bare rows, `[[...], ...]`, where they are known.
    """

    def __init__(self, fields: Iterable[str], columns: Sequence[Any] = ()) -> None:
        self._names = frozenset(str(name).casefold() for name in fields)
        self._row_places = self._hidden_places(columns)
        self._decode = json.JSONDecoder(object_pairs_hook=self._object).decode
        self._encode = json.JSONEncoder(ensure_ascii=False).encode

    def redacted(self, text: str) -> str:
        """The text without secrets.

        Raises:
            ValueError, RecursionError: it is neither JSON nor lines of JSON objects.
        """
        try:
            value = self._decode(text)
        except ValueError:
            return "\n".join(map(self._redacted_line, text.removesuffix("\n").split("\n")))
        if self._row_places and isinstance(value, list):
            _hide(value, self._row_places)
        return self._encode(value)

    def _redacted_line(self, line: str) -> str:
        value = self._decode(line)
        if isinstance(value, dict):
            return self._encode(value)
        # Such as a number in a column of CSV.
        raise ValueError("a line is no JSON object")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Called for each object of a text, the inner ones first."""
        given = dict(pairs)
        columns, rows = given.get("columns"), given.get("data")
        if isinstance(columns, list) and isinstance(rows, list):
            _hide(rows, self._hidden_places(columns))
        if "data" in given and "name" in given and (self._row_places or self._is_secret(given["name"])):
            # A tensor, whose values are a column of its name, or rows of all columns.
            given["data"] = HIDDEN
        return {key: HIDDEN if key.casefold() in self._names else value for key, value in given.items()}

    def _hidden_places(self, columns: Sequence[Any]) -> list[int]:
        return [place for place, column in enumerate(columns) if self._is_secret(column)]

    def _is_secret(self, column: Any) -> bool:
        # The name of a column with several levels is a list.
        if isinstance(column, list):
            return any(map(self._is_secret, column))
        return isinstance(column, str) and column.casefold() in self._names


def _hide(rows: list[Any], places: list[int]) -> None:
    for row in rows:
        if isinstance(row, list):
            for place in places:
                if place < len(row):
                    row[place] = HIDDEN
