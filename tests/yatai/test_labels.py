from __future__ import annotations

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.yatai.labels import InvalidOperatorError, LabelOperator, parse_label_query

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = LabelOperator


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(None, [], id="none"),
        pytest.param("  ", [], id="blank"),
        pytest.param("k=v", [("k", IN, "v")], id="equal"),
        pytest.param("k!=v", [("k", NOT_IN, "v")], id="not-equal"),
        pytest.param("k", [("k", EXISTS)], id="bare-key"),
        pytest.param("k Exists", [("k", EXISTS)], id="exists"),
        pytest.param("k DoesNotExist", [("k", DOES_NOT_EXIST)], id="does-not-exist"),
        pytest.param("k In (a)", [("k", IN, "a")], id="in-one"),
        pytest.param("k In (a, b)", [("k", IN, "a", "b")], id="in-with-space"),
        pytest.param("k NotIn (a,b)", [("k", NOT_IN, "a", "b")], id="not-in"),
        pytest.param("k iN(a,b)", [("k", IN, "a", "b")], id="no-space-before-parenthesis"),
        pytest.param("k nOtIn ( a , b )", [("k", NOT_IN, "a", "b")], id="operator-any-case"),
        pytest.param("k DOESNOTEXIST", [("k", DOES_NOT_EXIST)], id="does-not-exist-any-case"),
        pytest.param(
            "a=x, b In (y, z),c", [("a", IN, "x"), ("b", IN, "y", "z"), ("c", EXISTS)], id="commas-in-parentheses"
        ),
        pytest.param("k=a,k=b", [("k", IN, "b")], id="repeated-equal-last-wins"),
        pytest.param("k!=a,k!=b", [("k", NOT_IN, "a"), ("k", NOT_IN, "b")], id="repeated-not-equal-both-hold"),
        pytest.param("k=a, k In (a, b)", [("k", IN, "a"), ("k", IN, "a", "b")], id="equal-beside-in"),
    ],
)
def test_parse_label_query_when_valid_gives_conditions(query: str | None, expected: list[tuple[object, ...]]) -> None:
    found = [(item.key, item.operator, *item.values) for item in parse_label_query(query)]
    assert found == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("k=v=w", "Too many '=' operator in query", id="two-equal-signs"),
        pytest.param("k==v", "Too many '=' operator in query", id="double-equal-sign"),
        pytest.param("In", "Label query operator In can't be the only element", id="only-in"),
        pytest.param("notin", "Label query operator notin can't be the only element", id="only-notin"),
        pytest.param("a=b, Exists", "Label query operator Exists can't be the only element", id="only-exists"),
        pytest.param("k=", "Label k can't have empty value", id="empty-value"),
        pytest.param("k!=", "Label k can't have empty value", id="empty-value-not-equal"),
        pytest.param("=v", "names no label", id="no-key"),
        pytest.param("k:v", "write key=value", id="as-the-table-shows-labels"),
        pytest.param("!k", "write key=value", id="exclamation-mark"),
        pytest.param("k>=3", "write key=value", id="comparison"),
        pytest.param("k:v DoesNotExist", "write key=value", id="key-that-cannot-be"),
        pytest.param("k In ()", "Query values can't be empty", id="in-nothing"),
        pytest.param("k In", "Query values can't be empty", id="in-without-values"),
        pytest.param("k NotIn (a,,b)", "Query values can't be empty", id="empty-among-values"),
        pytest.param("k In a b", "Too many elements in the label query", id="values-without-parentheses"),
        pytest.param("k Exists really", "Too many elements in the label query", id="word-after-exists"),
        pytest.param("k Exists (a)", "Too many elements in the label query", id="values-after-exists"),
        pytest.param("k In (a) b", "Too many elements in the label query", id="word-after-values"),
        pytest.param("k=v Exists", "Too many elements in the label query", id="equal-and-operator"),
        pytest.param("k (a)", "has no operator", id="values-without-operator"),
        pytest.param("(a, b)", "has no operator", id="values-alone"),
        pytest.param("a=b,,c=d", "Nothing stands between two commas", id="empty-expression"),
        pytest.param("a=b,", "Nothing stands between two commas", id="comma-at-end"),
        pytest.param(",", "Nothing stands between two commas", id="comma-alone"),
        pytest.param("k In (a, b", "Parentheses do not match", id="not-closed"),
        pytest.param("k In a)", "Parentheses do not match", id="not-opened"),
        pytest.param("k In ((a))", "Parentheses do not match", id="nested"),
    ],
)
def test_parse_label_query_when_malformed_says_what_is_wrong(query: str, message: str) -> None:
    with pytest.raises(BentoMLException) as caught:
        parse_label_query(query)
    assert message in str(caught.value)
    assert isinstance(caught.value, InvalidArgument)


@pytest.mark.parametrize(
    ("query", "operator"),
    [
        pytest.param("k like (a)", "like", id="unknown-word"),
        pytest.param("k = v", "=", id="spaces-around-equal"),
        pytest.param("k != v", "!=", id="spaces-around-not-equal"),
        pytest.param("k is", "is", id="unknown-without-values"),
    ],
)
def test_parse_label_query_when_operator_unknown_raises_assertion_error(query: str, operator: str) -> None:
    with pytest.raises(AssertionError, match=f'^Operator "{operator}" is invalid$') as caught:
        parse_label_query(query)
    assert isinstance(caught.value, InvalidOperatorError)
