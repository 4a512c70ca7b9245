"""Keys that an object has twice, however they are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.typed.duplicate_keys import DuplicateKeyError, check_keys

values = st.recursive(
    st.none() | st.integers() | st.text('a":\\\n,é', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(st.text('ab":\\é', max_size=2), inner), max_size=3).map(dict)
    ),
    max_leaves=8,
)


@given(values, st.booleans())
def test_objects_without_equal_keys_are_taken(value: object, ascii_only: bool) -> None:
    check_keys(json.dumps(value, ensure_ascii=ascii_only).encode())


@given(values, st.text('ab":\\é', max_size=2), values, values, st.booleans())
def test_object_with_equal_keys_is_refused(outer: object, key: str, one: object, other: object, plain: bool) -> None:
    name = json.dumps(key, ensure_ascii=plain)
    again = json.dumps(key, ensure_ascii=not plain)
    inner = f'{{{name}: {json.dumps(one)}, "more": 1, {again} : {json.dumps(other)}}}'
    with pytest.raises(DuplicateKeyError):
        check_keys(f"[{json.dumps(outer)}, {inner}]".encode())


@pytest.mark.parametrize("filler", ['"x",', '{"a": 1},', '"\\n",', '{"\\u0061": 1},'])
def test_many_strings_are_looked_at_as_well(filler: str) -> None:
    check_keys(f'[{filler * 30_000} {{"a": 1, "b": 2}}]'.encode())
    with pytest.raises(DuplicateKeyError) as caught:
        check_keys(f'[{filler * 30_000} {{"k": 1, "b": 2, "k": 3}}]'.encode())
    assert caught.value.key == "k"
