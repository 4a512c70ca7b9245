"""Arrays of several requests as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.array.npy import Array


def join_rows(arrays: Sequence[Array]) -> Array:
    """Put arrays below each other.

    Args:
        arrays: at least one, all of the same type and the same shape of a row.

    Returns:
        An array (rows of all, *shape of a row) that is not to be written to; one alone is returned as it is.

    Raises:
        ValueError: the types or shapes differ.
    """
    import numpy as np

    if len({(array.dtype, array.shape[1:]) for array in arrays}) > 1:
        raise ValueError("these tasks cannot share an array; group_tasks parts them")
    if len(arrays) == 1:
        return arrays[0]
    whole: Array = np.concatenate(arrays)
    whole.flags.writeable = False
    return whole
