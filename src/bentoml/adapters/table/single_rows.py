"""Batches whose every request is one row of numbers, the most common of all: read with one call of the JSON parser.

Joining bodies before they are parsed is safe only when no body can reach into its neighbour. Here each is known to be
`[[` and `]]` around characters that are neither brackets nor quotes, so whatever the parser makes of them, the brackets
of one body belong together. A batch with any other body is not read here.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from bentoml.adapters.table.json_table import FLOAT, JsonTable
from bentoml.adapters.wire.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_is_row = re.compile(r"\[\[[-+.0-9eE, ]+\]\]").fullmatch


def parse_single_rows(texts: Sequence[str]) -> list[JsonTable] | None:
    """The tables of requests that all hold one row of the same number of floats.

    Args:
        texts: the bodies.

    Returns:
        One table of one row per text, the same as `parse_table` gives; None when a text is anything else.
    """
    if not all(map(_is_row, texts)):
        return None
    try:
        rows = list(chain.from_iterable(parse_json(f"[{','.join(texts)}]")))
    except ValueError:
        return None
    width = len(rows[0])
    if set(map(len, rows)) != {width} or set(map(type, chain.from_iterable(rows))) != {float}:
        return None
    group = (width, FLOAT * width)
    return [JsonTable([row], group) for row in rows]
