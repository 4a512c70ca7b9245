"""Batches whose every request is one row of numbers: read with one call of the JSON parser, into one array.

Joining bodies before they are parsed is safe only when no body can reach into its neighbour. Here each is known to be
`[[` and `]]` around characters that are neither brackets nor quotes: written one a line, all lines are of that form,
and there are as many as bodies, so none has a line end in it. Without the brackets the bodies are one list, in which
the parser allows nothing but numbers with one comma between two: each body has one number more than commas, and those
of one body stay together. A batch with any other body is not read here.
"""

from __future__ import annotations

import re
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.nested_lists import array_of_leaves
from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bentoml.adapters.array.npy import Array

_are_rows = re.compile(rb"(?:\[\[[-+.0-9eE, ]+\]\]\n)+").fullmatch
_COMMAS_BETWEEN = bytes.maketrans(b"\n", b",")
_count_commas = methodcaller("count", b",")


def parse_single_rows(bodies: Sequence[bytes], dtype: np.dtype[Any] | None) -> list[tuple[list[int], Array]] | None:
    """The rows of requests that all hold one row of the same number of numbers.

    Args:
        bodies: the JSON bodies.
        dtype: declared type; None to tell it from the values of each row.

    Returns:
        For each type the positions of the rows that have it, in order, and the array of them (rows, width); the same
        values as each body alone gives. None when a body is anything else, or cannot be read.
    """
    lines = b"\n".join([*bodies, b""])
    if lines.count(b"\n") != len(bodies) or not _are_rows(lines):
        return None
    commas = set(map(_count_commas, bodies))
    if len(commas) > 1:
        return None
    width = commas.pop() + 1
    try:
        numbers = parse_json(f"[{lines[:-1].translate(_COMMAS_BETWEEN, b'[]').decode()}]")
        if len(numbers) != len(bodies) * width:  # one row of blanks
            return None
        kinds = set(map(type, numbers))
        if dtype is not None or len(kinds) == 1:
            return [(list(range(len(bodies))), array_of_leaves(numbers, dtype, kinds).reshape(-1, width))]
        return [
            (positions, array_of_leaves(part, None).reshape(-1, width)) for positions, part in _parts(numbers, width)
        ]
    except (ValueError, InputError):
        return None


def _parts(numbers: list[Any], width: int) -> list[tuple[list[int], list[Any]]]:
    """The rows of integers alone, and those with a fraction: the positions and the numbers of each part."""
    parts: dict[bool, tuple[list[int], list[Any]]] = {}
    for position, start in enumerate(range(0, len(numbers), width)):
        row = numbers[start : start + width]
        positions, part = parts.setdefault(float in map(type, row), ([], []))
        positions.append(position)
        part.extend(row)
    return list(parts.values())
