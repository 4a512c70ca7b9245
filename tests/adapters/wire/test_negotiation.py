from __future__ import annotations

from typing import Any

import pytest

from bentoml.adapters.wire.media_types import CSV, JSON, MSGPACK, NPY, PARQUET, canonical, type_of_file
from bentoml.adapters.wire.negotiation import MAX_KEPT, _kept, tasks_by_type, wanted_type
from bentoml.types import InferenceTask

OFFERED = (JSON, MSGPACK, CSV)


def task_that_accepts(accept: str | None) -> InferenceTask[Any]:
    return InferenceTask(http_headers=None if accept is None else {"Accept": accept})  # type: ignore[arg-type]  # a dict


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("text/html", JSON),
        ("text/csv", CSV),
        ("application/msgpack", MSGPACK),
        ("Application/X-MsgPack;q=0.9, text/csv;q=0.1", MSGPACK),
    ],
)
def test_wanted_type_follows_the_header_and_else_is_the_first(accept: str | None, wanted: str) -> None:
    assert wanted_type(task_that_accepts(accept), OFFERED) == wanted


def test_wanted_type_of_many_headers_keeps_a_bounded_number() -> None:
    for i in range(3 * MAX_KEPT):
        assert wanted_type(task_that_accepts(f"text/csv, x/{i}"), OFFERED) == CSV
    assert wanted_type(task_that_accepts("text/csv, " + "x" * 1000), OFFERED) == CSV
    assert len(_kept) <= MAX_KEPT
    assert all(len(accept) < 1000 for accept, _ in _kept)


def test_tasks_by_type_keeps_their_order() -> None:
    tasks = [task_that_accepts(accept) for accept in (None, "text/csv", "application/json", "text/csv")]
    assert tasks_by_type(tasks, OFFERED) == {JSON: [0, 2], CSV: [1, 3]}


@pytest.mark.parametrize(
    ("file_name", "media_type"),
    [("a.csv", CSV), ("A.B.PARQUET", PARQUET), ("x.npy", NPY), ("npy", None), ("", None), ("a.txt", None)],
)
def test_type_of_file_is_told_by_its_extension(file_name: str, media_type: str | None) -> None:
    assert type_of_file(file_name) == media_type


def test_canonical_name_of_an_alias_is_the_one_used_here() -> None:
    assert canonical("application/x-parquet") == PARQUET
    assert canonical("application/json") == JSON
    assert canonical("x/y") == "x/y"
