"""The tensors that a table is made of, as far as that is known before there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import BYTES, datatype_of_dtype
from bentoml.adapters.open_inference.tensor import TensorSpec
from bentoml.adapters.table.json_table import BOOLEAN, FLOAT, INTEGER, UNSIGNED, parse_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.adapters.table.json_table import Names

_TABLE_NAME = "input-0"
_OF_KIND = {FLOAT: "FP64", INTEGER: "INT64", UNSIGNED: "UINT64", BOOLEAN: "BOOL"}
_UNKNOWN = "FP64"


def specs_of_columns(
    columns: Names | None, dtypes: Mapping[Any, str] | Sequence[str] | None, example: Any, orient: str | None
) -> list[TensorSpec]:
    """One tensor per column where their names are known, else a single one.

    Args:
        columns: the names, when they are declared.
        dtypes: names of the declared types, by column or by position.
        example: a table as JSON, or None.
        orient: of the example; None to tell it from the value.
    """
    names, kinds = _of_example(columns, example, orient)
    if isinstance(names, int) and isinstance(dtypes, dict) and all(isinstance(name, str) for name in dtypes):
        names, kinds = tuple(dtypes), ""
    if isinstance(names, int):
        width = names or (len(dtypes) if dtypes else -1)
        datatypes = {_OF_KIND.get(kind, BYTES) for kind in kinds}
        return [TensorSpec(_TABLE_NAME, datatypes.pop() if len(datatypes) == 1 else _UNKNOWN, (-1, width))]
    by_position = dtypes if isinstance(dtypes, list) else [(dtypes or {}).get(name) for name in names]  # type: ignore[union-attr]
    specs = []
    for i, name in enumerate(names):
        declared = by_position[i] if i < len(by_position) else None
        known = _OF_KIND.get(kinds[i], BYTES) if i < len(kinds) else _UNKNOWN
        specs.append(TensorSpec(str(name), known if declared is None else datatype_of_dtype(declared), (-1,)))
    return specs


def _of_example(columns: Names | None, example: Any, orient: str | None) -> tuple[Names | int, str]:
    """The names of columns, or their number, and the kinds of their values; 0 and none where nothing is known."""
    if example is not None:
        try:
            return parse_table(json.dumps(example), orient, columns).group
        except (InputError, TypeError, ValueError):  # such as an example of CSV
            pass
    return (0 if columns is None else columns), ""
