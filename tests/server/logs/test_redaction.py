"""Secrets in JSON texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.server.logs.redaction import HIDDEN, Redaction

SECRET = "\N{KEY}4711\N{KEY}"


def redacted(value: Any, *columns: Any) -> Any:
    return json.loads(Redaction(["ssn", "Card No"], columns).redacted(json.dumps(value)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"ssn": SECRET, "a": 1}, {"ssn": HIDDEN, "a": 1}),
        ({"SSN": SECRET, "card no": [SECRET]}, {"SSN": HIDDEN, "card no": HIDDEN}),
        ([{"a": {"b": [{"ssn": {"deep": SECRET}}]}}], [{"a": {"b": [{"ssn": HIDDEN}]}}]),
        ({"ssn": {"0": SECRET, "1": SECRET}, "b": {"0": 1}}, {"ssn": HIDDEN, "b": {"0": 1}}),
        ({"ssn": None}, {"ssn": HIDDEN}),
        ({"inputs": [{"name": "SSN", "data": [SECRET]}]}, {"inputs": [{"name": "SSN", "data": HIDDEN}]}),
        ({"name": "a", "data": [1]}, {"name": "a", "data": [1]}),
        (
            {"columns": ["a", "SSN", "b"], "index": [0, 1], "data": [[1, SECRET, 2], [3, SECRET]]},
            {"columns": ["a", "SSN", "b"], "index": [0, 1], "data": [[1, HIDDEN, 2], [3, HIDDEN]]},
        ),
        (
            {"columns": [["x", "ssn"], ["x", "b"]], "data": [[SECRET, 2], "odd"]},
            {"columns": [["x", "ssn"], ["x", "b"]], "data": [[HIDDEN, 2], "odd"]},
        ),
        ({"columns": {"ssn": SECRET}, "data": [[1]]}, {"columns": {"ssn": HIDDEN}, "data": [[1]]}),
        ([[1, 2]], [[1, 2]]),
        ("ssn", "ssn"),
        (["ssn", 1.5, None], ["ssn", 1.5, None]),
    ],
    ids=[
        "flat",
        "case",
        "deep",
        "columns",
        "null",
        "tensor",
        "other tensor",
        "split",
        "levels",
        "odd-columns",
        "rows",
        "text",
        "list",
    ],
)
def test_value_of_a_named_field_is_replaced_and_all_else_is_kept(value: Any, expected: Any) -> None:
    assert redacted(value) == expected


def test_bare_rows_of_known_columns_are_looked_at_by_place() -> None:
    assert redacted([[1, SECRET], [2, SECRET, 3], 7], "a", "ssn") == [[1, HIDDEN], [2, HIDDEN, 3], 7]
    assert redacted({"a": [[1, 2]]}, "a", "ssn") == {"a": [[1, 2]]}


def test_columns_are_looked_at_also_when_their_names_are_secret() -> None:
    text = json.dumps({"columns": ["ssn", "a"], "data": [[SECRET, 1]]})
    hidden = Redaction(["ssn", "columns"]).redacted(text)
    assert json.loads(hidden) == {"columns": HIDDEN, "data": [[HIDDEN, 1]]}


def test_name_that_is_written_with_escapes_or_twice_is_found() -> None:
    text = f'{{"\\u0073sn": "{SECRET}", "ssn": "{SECRET}"}}'
    assert SECRET not in Redaction(["ssn"]).redacted(text)


def test_lines_of_objects_are_redacted_one_by_one() -> None:
    text = '{"ssn": 4711}\n{"a": "\u2028", "b": [{"ssn": 1}]}\n'
    assert Redaction(["ssn"]).redacted(text) == '{"ssn": "[redacted]"}\n{"a": "\u2028", "b": [{"ssn": "[redacted]"}]}'


@pytest.mark.parametrize(
    "text", ["", "{", "a,ssn\n1,4711", '"ssn"\n4711', '{"a": 1}\n{"ssn": 47', '{"a": 1} {"ssn": 2}', "9" * 5000]
)
def test_text_that_is_no_json_cannot_be_redacted(text: str) -> None:
    with pytest.raises(ValueError):
        Redaction(["ssn"]).redacted(text)


def test_text_that_is_nested_too_deep_cannot_be_redacted() -> None:
    with pytest.raises(RecursionError):
        Redaction(["ssn"]).redacted("[" * 200_000 + "]" * 200_000)


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
secret_holders = st.recursive(
    st.just({"ssn": SECRET}) | st.just({"SsN": {"x": [SECRET]}}) | st.just({"columns": ["ssn"], "data": [[SECRET]]}),
    lambda inner: (
        st.builds(lambda a, b, c: [a, {"k": b}, c], plain_values, inner, inner)
        | st.builds(lambda a, b: {"a": a, "ssn": b, "z": b}, plain_values, inner)
    ),
    max_leaves=6,
)


@given(secret_holders, st.booleans())
def test_secret_never_shows_wherever_it_lies(value: Any, ascii_only: bool) -> None:
    text = Redaction(["ssn"]).redacted(json.dumps(value, ensure_ascii=ascii_only))
    json.loads(text)
    assert "4711" not in text
