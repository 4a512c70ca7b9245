"""Cutting return values, and putting the pieces of some tasks together again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.open_inference.pieces import cut, select
from bentoml.types import InferenceTask


def tasks_of(*rows: int | None) -> list[InferenceTask[Any]]:
    return [InferenceTask(batch=one) for one in rows]


def listed(value: Any) -> Any:
    return (
        value.values.tolist()
        if hasattr(value, "values") and not isinstance(value, dict)
        else np.asarray(value).tolist()
    )


ROWS: dict[str, Any] = {
    "list": [1, 2, 3, 4],
    "tuple": (1, 2, 3, 4),
    "array": np.array([1, 2, 3, 4]),
    "series": pd.Series([1, 2, 3, 4]),
}


@pytest.mark.parametrize("value", ROWS.values(), ids=ROWS)
def test_rows_are_cut_by_task(value: Any) -> None:
    assert [listed(piece) for piece in cut(value, tasks_of(1, 2, 1))] == [[1], [2, 3], [4]]


@pytest.mark.parametrize("value", [[1, 2], (1, 2), np.array([1, 2])], ids=type)
def test_elements_are_cut_by_task(value: Any) -> None:
    assert cut(value, tasks_of(None, None)) == [1, 2]


def test_frame_is_cut_by_rows() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]})
    assert [piece["a"].tolist() for piece in cut(frame, tasks_of(2, 1))] == [[1, 2], [3]]


def test_frames_in_a_list_are_one_for_each_task() -> None:
    frames = [pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": []})]
    assert [len(piece) for piece in cut(frames, tasks_of(2, None))] == [2, 0]
    with pytest.raises(ReturnLengthError):
        cut(frames, tasks_of(2))


def test_dict_of_columns_is_cut_in_each() -> None:
    pieces = cut({"a": [1, 2, 3], "b": np.array([4, 5, 6])}, tasks_of(2, 1))
    assert [(piece["a"], piece["b"].tolist()) for piece in pieces] == [([1, 2], [4, 5]), ([3], [6])]


@pytest.mark.parametrize(
    "value",
    ["abc", b"abc", 3, None, {}, {"a": 1}, np.array(3), [1], [1, 2, 3, 4], pd.DataFrame({"a": [1]})],
    ids=lambda value: repr(value)[:12],
)
def test_value_that_cannot_be_cut_is_an_error(value: Any) -> None:
    with pytest.raises(ReturnLengthError):
        cut(value, tasks_of(1, 2))


@pytest.mark.parametrize("value", ROWS.values(), ids=ROWS)
def test_rows_of_some_tasks_are_put_together(value: Any) -> None:
    tasks = tasks_of(1, 2, 1)
    assert listed(select(value, tasks, lambda task: task is not tasks[1])) == [1, 4]


def test_index_that_counts_goes_on_counting_and_another_is_kept() -> None:
    tasks = tasks_of(1, 1, 1)
    counted = pd.DataFrame({"a": [1, 2, 3]})
    named = counted.set_index(pd.Index(["x", "y", "z"]))
    for frame, expected in ((counted, [0, 1]), (named, ["x", "z"])):
        assert list(select(frame, tasks, lambda task: task is not tasks[1]).index) == expected


def test_frames_of_some_tasks_are_chosen_from_a_list() -> None:
    tasks = tasks_of(2, 1)
    frames = [pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [3]})]
    assert select(frames, tasks, lambda task: task is tasks[1])[0]["a"].tolist() == [3]


def test_value_of_an_unknown_type_is_not_put_together() -> None:
    with pytest.raises(TypeError):
        select(memoryview(b"ab"), tasks_of(1, 1), lambda task: True)
