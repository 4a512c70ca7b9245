"""No body makes an input adapter fail: it is answered, or refused with a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bentoml.adapters import BaseInputAdapter, DataframeInput, JsonInput, NumpyNdarrayInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of
from tests.thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Callable

characters = st.characters()  # with halves of surrogate pairs
keys = st.sampled_from(["a", "b", "columns", "index", "data", "0", ""]) | st.text(characters, max_size=2)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(characters, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
json_bodies = json_values.map(lambda value: json.dumps(value).encode())
csv_bodies = st.lists(st.text("ab,\"'\n\r \0#1é", max_size=8), max_size=5).map(lambda lines: "\n".join(lines).encode())
bodies = json_bodies | csv_bodies | st.binary(max_size=20)
unhurried = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])


def count_rows(argument: Any) -> list[int]:
    return [0] * len(argument)


@pytest.mark.parametrize(
    "make",
    [
        JsonInput,
        DataframeInput,
        *(lambda orient=orient: DataframeInput(orient=orient) for orient in ("records", "columns", "split", "index")),
        NumpyNdarrayInput,
        lambda: NumpyNdarrayInput(dtype="float32"),
        lambda: NumpyNdarrayInput(dtype=str),
        lambda: DataframeInput(columns=["a", "b"]),
        lambda: DataframeInput(dtype={"a": int, "b": "datetime64[ns]", "0": bool}),
        lambda: DataframeInput(dtype=[str, "category", "Int64"]),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/csv", "text/csv; charset=utf-16"])
@unhurried
@given(body=bodies)
@example(body=b"[" * 200_000)
@example(body=b'{"a":' * 200_000)
@example(body=b"[[" + b"9" * 10_000 + b"]]")
@example(body=b"[[1e999, -1e999, NaN]]")
def test_any_body_is_answered_or_refused(make: Callable[[], BaseInputAdapter], content_type: str, body: bytes) -> None:
    api = api_of(make(), count_rows, batch=True)
    mate = HTTPRequest(body=b'[{"a": 1, "b": "2020-01-01"}]')
    alone = api.handle_request(mate).status
    first, response, last = api.handle_batch_request([mate, HTTPRequest({"Content-Type": content_type}, body), mate])
    assert response.status in {200, 400}
    assert response.status == 200 or response.body
    assert (first.status, last.status) == (alone, alone)
