"""Whatever shares a batch, each request is answered as if it were alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters import (
    AnnotatedImageInput,
    DataframeInput,
    FileInput,
    ImageInput,
    JsonInput,
    MultiFileInput,
    MultiImageInput,
    StringInput,
)
from bentoml.adapters.typed.values import OneValue, Parameter, ValueForEach
from bentoml.adapters.typed_input import TypedInput
from bentoml.adapters.wire.media_types import ARROW_FILE, ARROW_STREAM, MSGPACK, NPY, PARQUET
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPRequest, InferenceResult, InferenceTask
from tests.adapters.forms import FORM, form_request
from tests.adapters.mixed_batch import (
    ANSWER,
    MARKS,
    assert_batch_equals_single,
    bad_gzip,
    malformed,
    mark_in,
    quiet,
    react,
    unhurried,
)
from tests.adapters.pictures import color_of, png
from tests.adapters.table_bodies import BODY_OF_FRAME, npy_body

__all__ = ["quiet"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.adapters import BaseInputAdapter


def own_answer(text: str) -> InferenceResult[str]:
    """A result with status and headers of its own."""
    return InferenceResult(data=text, http_status=203, http_headers={"X-Own": "1"})  # type: ignore[arg-type]  # a dict


def answer_values(values: list[Any], tasks: list[InferenceTask[Any]]) -> list[Any]:
    """One answer per JSON value that is not discarded."""
    returned: list[Any] = []
    for value, task in zip(values, tasks, strict=True):
        text = json.dumps(value)
        react(mark_in(text), task)
        if not task.is_discarded:
            returned.append(own_answer(text) if ANSWER in text else [type(value).__name__, value])
    return returned


def answer_rows(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> list[str]:
    """One answer per row that is not discarded: its columns, types and values."""
    returned = []
    rows = frame.itertuples(index=False, name=None)
    for task in tasks:
        assert task.batch is not None
        texts = [
            repr([(name, dtype, value) for name, dtype, value in zip(frame, frame.dtypes, row, strict=True)])
            for _, row in zip(range(task.batch), rows, strict=False)
        ]
        react(mark_in("".join(texts)), task)
        if not task.is_discarded:
            returned.extend(texts)
    return returned


async def answer_values_async(values: list[Any], tasks: list[InferenceTask[Any]]) -> list[Any]:
    """The same, as a coroutine."""
    return answer_values(values, tasks)


def answer_frame(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> pd.DataFrame:
    """The frame itself, without the rows that are discarded."""
    keep: list[bool] = []
    start = 0
    for task in tasks:
        assert task.batch is not None
        rows = frame.iloc[start : start + task.batch]
        start += task.batch
        react(mark_in(str(rows.to_dict())), task)
        keep.extend([not task.is_discarded] * task.batch)
    return frame[keep].reset_index(drop=True)


def answer_one(value: Any, task: InferenceTask[Any]) -> Any:
    """One value, for a function that is not given batches."""
    return (answer_values([value], [task]) or [None])[0]


cells = st.one_of(
    st.integers(-3, 3),
    st.floats(-2, 2),
    st.sampled_from([2**53 + 1, 2**63, 2**64, -(2**63), 0.0, -0.0, "007", "NA", "1.5", "true", ""]),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.lists(st.integers(0, 3), max_size=2),
    st.sampled_from(MARKS),
)
names = st.sampled_from(["a", "b", "c"])


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """A table as JSON, in one of the orients that are told apart by themselves."""
    columns = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    rows = draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), min_size=1, max_size=3))
    return draw(
        st.sampled_from(
            [
                rows,
                [dict(zip(columns, row, strict=True)) for row in rows],
                {name: [row[i] for row in rows] for i, name in enumerate(columns)},
                {name: {str(j): row[i] for j, row in enumerate(rows)} for i, name in enumerate(columns)},
                {"columns": columns, "index": list(range(len(rows))), "data": rows},
            ]
        )
    )


csv_bodies = st.sampled_from(
    [
        b"a,b\n1,x\n",
        b"a,b\n2,y\n3,z\n",
        b"a\n1.5\n",
        b"a,b\n0012,\n",
        b"a\n",
        b"a\n1,2\n",
        b"a\nplease raise\n",
        b'a\n"',
    ],
)


def json_request(value: Any) -> HTTPRequest:
    """A request with a JSON body."""
    return HTTPRequest({"Content-Type": "application/json"}, json.dumps(value).encode())


def files_request(fields: list[tuple[str, str]]) -> HTTPRequest:
    """A form with a file for each name and text."""
    return form_request(files=[(name, (f"{name}.bin", text.encode())) for name, text in fields])


@st.composite
def typed_tables(draw: st.DrawFn) -> HTTPRequest:
    """A table in a format with types of its own, now and then a damaged one."""
    values: dict[str, list[Any]] = draw(
        st.sampled_from(
            [
                {"a": [1.5, 2.0]},
                {"a": [1]},
                {"b": ["x", "y"], "a": [1, 2]},
                {"a": [0.5], "b": ["please raise"]},
                {"a": ["please discard"]},
                {"a": [True]},
            ]
        )
    )
    frame = pd.DataFrame(values)
    if draw(st.booleans()):
        frame["b"] = pd.Categorical(["u"] * len(frame), categories=draw(st.permutations(["u", "v"])))
    media_type = draw(st.sampled_from([ARROW_STREAM, ARROW_FILE, PARQUET, MSGPACK]))
    body = BODY_OF_FRAME[media_type](frame)
    return HTTPRequest({"Content-Type": media_type}, body[: len(body) // 2] if draw(st.integers(0, 9)) == 0 else body)


npy_tables = st.sampled_from(
    [np.array([[1.5, 2.0]]), np.array([[1, 2], [3, 4]]), np.ones((1, 2), "f4"), np.ones(3)]
).map(lambda array: HTTPRequest({"Content-Type": NPY}, npy_body(array)))
table_requests = st.lists(
    st.one_of(
        tables().map(json_request),
        malformed.map(lambda body: HTTPRequest({"Content-Type": "application/json"}, body)),
        csv_bodies.map(lambda body: HTTPRequest({"Content-Type": "text/csv"}, body)),
        typed_tables(),
        npy_tables,
        bad_gzip,
    ),
    min_size=1,
    max_size=12,
)
value_requests = st.lists(
    st.one_of(
        st.recursive(cells, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2)).map(
            json_request
        ),
        malformed.map(lambda body: HTTPRequest(body=body)),
        bad_gzip,
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("function", [answer_rows, answer_frame], ids=["list", "frame"])
@pytest.mark.parametrize(
    "adapter",
    [
        DataframeInput(),
        DataframeInput(columns=["b", "a"]),
        DataframeInput(dtype={"a": "float64", "b": str}),
        DataframeInput(dtype={"a": "category", "b": "Int64"}),
    ],
    ids=["free", "columns", "numpy types", "pandas types"],
)
@unhurried
@given(requests=table_requests)
def test_tables_in_a_batch_are_answered_as_alone(
    adapter: DataframeInput, function: Callable[..., Any], requests: list[HTTPRequest]
) -> None:
    assert_batch_equals_single(InferenceAPI(None, "p", "", adapter, function, batch=True), requests)


@pytest.mark.parametrize("function", [answer_values, answer_values_async], ids=["plain", "async"])
@unhurried
@given(requests=value_requests)
def test_values_in_a_batch_are_answered_as_alone(function: Callable[..., Any], requests: list[HTTPRequest]) -> None:
    assert_batch_equals_single(InferenceAPI(None, "p", "", JsonInput(), function, batch=True), requests)


@unhurried
@given(requests=value_requests)
def test_values_of_a_single_function_are_answered_as_in_a_batch(requests: list[HTTPRequest]) -> None:
    single = InferenceAPI(None, "p", "", JsonInput(), answer_one, batch=False)
    assert_batch_equals_single(single, requests)
    batch = InferenceAPI(None, "p", "", JsonInput(), answer_values, batch=True)
    ids = [str(i) for i in range(len(requests))]
    assert [(one.status, one.body) for one in single.handle_batch_request(requests, ids)] == [
        (one.status, one.body) for one in batch.handle_batch_request(requests, ids)
    ]


file_texts = st.text(st.characters(codec="utf-8"), max_size=3) | st.sampled_from(MARKS)
file_requests = st.lists(
    st.one_of(
        st.lists(st.tuples(names, file_texts), max_size=4).map(files_request),
        file_texts.map(lambda text: HTTPRequest({"Content-Type": "text/plain"}, text.encode())),
        st.sampled_from([b"", b"\xff", b"--no form"]).map(lambda body: HTTPRequest({"Content-Type": FORM}, body)),
        bad_gzip,
    ),
    min_size=1,
    max_size=12,
)


PICTURES = {tuple(color_of(name)): name for name in ["a", "b", *MARKS]}
image_parts = st.tuples(
    st.sampled_from(["a", "b", "annotations"]),
    st.sampled_from(["a.png", "a.gif", "", "a.json"]),
    st.one_of(
        st.sampled_from(list(PICTURES.values())).map(png),
        st.sampled_from([b"", b"no image", b"{bad", png("a")[:-20]]),
        st.sampled_from(MARKS).map(lambda mark: json.dumps(mark).encode()),
    ),
)
image_requests = st.lists(
    st.one_of(
        st.lists(image_parts, max_size=4).map(
            lambda parts: form_request(files=[(name, (file_name, content)) for name, file_name, content in parts])
        ),
        image_parts.map(lambda part: HTTPRequest({"Content-Type": "image/png"}, part[2])),
        bad_gzip,
    ),
    min_size=1,
    max_size=8,
)


def shown(argument: Any) -> Any:
    """An argument as a JSON value; of a picture, the name that its color stands for."""
    if hasattr(argument, "meta"):
        return PICTURES[tuple(argument[0, 0].tolist())]
    content = getattr(argument, "bytes_", argument)
    return content.decode() if isinstance(content, bytes) else content


def answer_files(*arguments: Any, tasks: list[InferenceTask[Any]]) -> list[Any]:
    """One answer per request whose files, or text, are not discarded."""
    return answer_values([list(map(shown, row)) for row in zip(*arguments, strict=True)], tasks)


def answer_file(*arguments: Any, task: InferenceTask[Any]) -> Any:
    """One answer, for a function that is not given batches."""
    return (answer_files(*([argument] for argument in arguments), tasks=[task]) or [None])[0]


@pytest.mark.parametrize(
    "adapter",
    [StringInput(), FileInput(), MultiFileInput(["a", "b"]), MultiFileInput(["a", "b"], allow_none=True)],
    ids=["string", "file", "files", "files or none"],
)
@unhurried
@given(requests=file_requests)
def test_files_are_answered_as_alone(adapter: BaseInputAdapter, requests: list[HTTPRequest]) -> None:
    assert_batch_and_single_equal_alone(adapter, requests)


@pytest.mark.parametrize(
    "adapter",
    [ImageInput(), MultiImageInput(["a", "b"]), AnnotatedImageInput("a", "annotations")],
    ids=["image", "images", "annotated"],
)
@unhurried
@given(requests=image_requests)
def test_images_are_answered_as_alone(adapter: BaseInputAdapter, requests: list[HTTPRequest]) -> None:
    assert_batch_and_single_equal_alone(adapter, requests)


def assert_batch_and_single_equal_alone(adapter: BaseInputAdapter, requests: list[HTTPRequest]) -> None:
    """Compare the answers of functions with and without batches."""
    batch = InferenceAPI(None, "p", "", adapter, answer_files, batch=True)
    assert_batch_equals_single(batch, requests)
    single = InferenceAPI(None, "p", "", adapter, answer_file, batch=False)
    ids = [str(i) for i in range(len(requests))]
    assert [(one.status, one.body) for one in single.handle_batch_request(requests, ids)] == [
        (one.status, one.body) for one in batch.handle_batch_request(requests, ids)
    ]


typed_values = st.one_of(
    st.dictionaries(names, st.integers(-3, 3) | st.sampled_from([2**63, 2**64, None, *MARKS]), max_size=3),
    st.lists(st.integers(0, 3), max_size=2),
    cells,
)
typed_requests = st.lists(
    st.one_of(
        typed_values.map(json_request),
        st.fixed_dictionaries({"a": typed_values}, optional={"b": typed_values, "c": typed_values}).map(json_request),
        st.sampled_from([b'{"a": 1, "a": 2}', b"NaN", b"[" * 5000, b"{}"]).map(lambda body: HTTPRequest(body=body)),
        st.lists(st.tuples(names, file_texts), max_size=3).map(files_request),
        malformed.map(lambda body: HTTPRequest(body=body)),
        bad_gzip,
    ),
    min_size=1,
    max_size=12,
)


def answer_parameters(a: list[Any], b: list[Any], tasks: list[InferenceTask[Any]]) -> list[Any]:
    """One answer per pair of values that is not discarded."""
    return answer_values(list(zip(a, b, strict=True)), tasks)


@pytest.mark.parametrize(
    ("adapter", "function"),
    [
        (TypedInput(OneValue(dict[str, int | str | None] | list[int] | str)), answer_values),
        (TypedInput(OneValue(Any)), answer_values_async),
        (
            TypedInput(ValueForEach("p", [Parameter("a", dict[str, int | str] | int), Parameter("b", str | None)])),
            answer_parameters,
        ),
        (TypedInput(ValueForEach("p", [Parameter("a", Any), Parameter("b", bool, default=True)])), answer_parameters),
    ],
    ids=["one", "anything", "parameters", "defaults"],
)
@unhurried
@given(requests=typed_requests)
def test_typed_values_are_answered_as_alone(
    adapter: TypedInput, function: Callable[..., Any], requests: list[HTTPRequest]
) -> None:
    assert_batch_equals_single(InferenceAPI(None, "p", "", adapter, function, batch=True), requests)
