"""What requests with tables look like in OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.multipart import FORM_CONTENT_TYPE
from bentoml.adapters.table.dtypes import openapi_type
from bentoml.adapters.table.formats import BINARY_TYPES
from bentoml.adapters.wire.media_objects import binary_body, one_file_form
from bentoml.adapters.wire.media_types import CSV, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.adapters.table.json_table import Names

# Of a value of each type. Any type has missing values, save for numbers and booleans.
_EXAMPLES = {"integer": 1, "number": 1.5, "string": "text", "boolean": True}
_UNNAMED = ("a", "b")


def table_schema(dtypes: Mapping[Any, str], columns: Names | None, orient: str | None) -> dict[str, Any]:
    """Content type -> OpenAPI media object.

    Args:
        dtypes: names of the declared types by column, or by position.
        columns: the declared columns.
        orient: the declared orient.
    """
    properties = {
        str(column): {"type": "array", "items": {"type": openapi_type(name)}} for column, name in dtypes.items()
    }
    of_json: dict[str, Any] = {"type": "object"}
    if properties:
        of_json["properties"] = properties
    names = columns or tuple(dtypes) or _UNNAMED
    row = [_EXAMPLES.get(openapi_type(dtypes[name])) if name in dtypes else 1.5 for name in names]
    return {
        JSON: {"schema": of_json, "example": _example([str(name) for name in names], row, orient)},
        CSV: {"schema": {"type": "string"}},
        **{media_type: binary_body() for media_type in BINARY_TYPES},
        FORM_CONTENT_TYPE: one_file_form(),
    }


def _example(names: list[str], row: list[Any], orient: str | None) -> Any:
    """A table of one row."""
    record = dict(zip(names, row, strict=True))
    if orient == "values":
        return [row]
    if orient == "split":
        return {"columns": names, "index": [0], "data": [row]}
    if orient == "index":
        return {"0": record}
    if orient == "records":
        return [record]
    return {name: [value] for name, value in record.items()}
