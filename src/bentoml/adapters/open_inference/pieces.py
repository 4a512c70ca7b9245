"""Cutting what a user function returned for a batch, before any output adapter has seen it."""

from __future__ import annotations

import sys
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.tensors import as_array, is_tensor_type
from bentoml.adapters.base import piece_bounds
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.table.frame_json import has_default_index, is_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.types import InferenceTask


def cut(value: Any, tasks: Sequence[InferenceTask[Any]]) -> list[Any]:
    """What each task is answered with: its element of the value, or its rows of it.

    Args:
        value: for all tasks together: a list, an array, a tensor, a frame, or a dict of those.
        tasks: in the order of the value.

    Raises:
        ReturnLengthError: the value does not have one element per task, or `task.batch` rows.
    """
    if isinstance(value, dict) and value:
        columns = [cut(one, tasks) for one in value.values()]
        return [dict(zip(value, pieces, strict=True)) for pieces in zip(*columns, strict=True)]
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__getitem__"):
        raise ReturnLengthError(f"the API function returned {type(value).__name__}, not a list")
    if is_tensor_type(type(value)):
        value = as_array(value)
    rows = value.iloc if is_frame(value) else value
    if isinstance(value, (list, tuple)) and any(map(is_frame, value)):
        # One frame for each task, however many rows it stands for.
        if len(value) != len(tasks):
            raise ReturnLengthError(f"the API function returned {len(value)} frames for {len(tasks)} tasks")
        return list(value)
    bounds = piece_bounds(_length(value), tasks)
    return [
        rows[start:end] if task.batch is not None or is_frame(value) else rows[start]
        for task, (start, end) in zip(tasks, pairwise(bounds), strict=True)
    ]


def _length(value: Any) -> int:
    try:
        return len(value)
    except TypeError as error:  # an array without axes
        raise ReturnLengthError(f"the API function returned {type(value).__name__}, not a list") from error


def select(value: Any, tasks: Sequence[InferenceTask[Any]], is_wanted: Callable[[InferenceTask[Any]], bool]) -> Any:
    """The value as if the function had been asked by some of the tasks only.

    Args:
        value: for all tasks.
        tasks: in the order of the value.
        is_wanted: tells them.

    Returns:
        A value of the same type.

    Raises:
        ReturnLengthError: see `cut`.
        TypeError: it is of a type of which parts cannot be put together here.
    """
    if isinstance(value, (list, tuple)) and any(map(is_frame, value)):
        pieces = cut(value, tasks)
        return [piece for piece, task in zip(pieces, tasks, strict=True) if is_wanted(task)]
    bounds = piece_bounds(_length(value), tasks)
    places = list(
        chain.from_iterable(
            range(start, end) for task, (start, end) in zip(tasks, pairwise(bounds), strict=True) if is_wanted(task)
        )
    )
    if isinstance(value, (list, tuple)):
        return [value[place] for place in places]
    if is_frame(value):
        selected = value.iloc[places]
        # An index that the function made is part of the answer; one that only counts goes on counting.
        return selected.reset_index(drop=True) if has_default_index(value) else selected
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if (numpy is not None and isinstance(value, numpy.ndarray)) or (
        torch is not None and isinstance(value, torch.Tensor)
    ):
        return value[places]
    raise TypeError(f"parts of {type(value).__name__} cannot be put together")
