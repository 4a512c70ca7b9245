"""Batches whose bodies are alike, as those of one client are: read together, in a fraction of the time."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.nested_lists import as_type
from bentoml.adapters.array.npy import check_characters, header_bounds, is_npy, known_header
from bentoml.adapters.array.single_rows import parse_single_rows
from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from bentoml.adapters.array.npy import Array

    # Positions of the bodies whose rows are in an array, in order.
    Part = tuple[list[int], Array]

MAX_JOINED_BYTES = 65536


def read_together(
    bodies: Sequence[bytes], dtype: np.dtype[Any] | None, of_lists: Callable[[Array], Array]
) -> tuple[list[Part], int] | None:
    """The arrays of a batch whose bodies are all single rows in JSON, or all npy with the same header.

    Args:
        bodies: JSON or npy.
        dtype: declared type; None to tell it from the values.
        of_lists: makes what JSON gives the type that it is to have.

    Returns:
        For each type the positions of the bodies that have it and the array of their rows, the same values as each body
        alone gives; and how many rows each body has. None when the bodies are not alike, or one is refused.
    """
    try:
        if is_npy(bodies[0]):
            alike = read_alike(bodies)
            return None if alike is None else ([(list(range(len(bodies))), as_type(alike[0], dtype))], alike[1])
        parts = parse_single_rows(bodies, dtype)
        return None if parts is None else ([(positions, of_lists(array)) for positions, array in parts], 1)
    except InputError:
        return None


def read_alike(bodies: Sequence[bytes]) -> tuple[Array, int] | None:
    """The arrays of several bodies below each other, read with one call where all have the same header.

    Args:
        bodies: at least one; the first is npy.

    Returns:
        The array, and how many of its rows come from each body; None when the headers differ, or the arrays have no
        rows, do not lie in memory row by row, or are so large that one more copy would cost what this saves.

    Raises:
        InputError: the header is damaged, or it or a text has what is not read.
    """
    import numpy as np

    first = bodies[0]
    if len(first) > MAX_JOINED_BYTES:
        return None
    start, end = header_bounds(first)
    header = known_header(first[start:end])
    is_by_row = len(header.shape) == 1 or not header.is_fortran
    if not is_by_row or not header.shape or not header.size_bytes or len(first) - end != header.size_bytes:
        return None
    if set(map(len, bodies)) != {len(first)} or not all(map(methodcaller("startswith", first[:end]), bodies)):
        return None
    bytes_of_bodies = np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), len(first))
    values = np.ascontiguousarray(bytes_of_bodies[:, end:]).view(header.dtype)
    array = values.reshape(len(bodies) * header.shape[0], *header.shape[1:])
    if not header.dtype.isnative:
        array = array.astype(header.dtype.newbyteorder("="))
    if header.dtype.kind == "U":
        check_characters(array)
    return array, header.shape[0]
