"""Names of leaves in nested mappings."""

from __future__ import annotations

import numpy as np
import pytest

from bentoml._models.array_tree import difference_of_shapes, named_leaves, nested, refilled
from bentoml.exceptions import InvalidArgument

TREE = {"params": {"a.b": {"%2E": 1}, "": 2}, "step": 3}


def test_nested_is_the_reverse_of_named_leaves() -> None:
    leaves = named_leaves(TREE)
    assert leaves == {"params.a%2Eb.%252E": 1, "params.": 2, "step": 3}
    assert nested(leaves) == TREE


def test_refilled_keeps_keys_of_any_type() -> None:
    tree = {"layers": {0: "a", 1: "b"}}
    assert refilled(tree, {"layers.0": 1, "layers.1": 2}) == {"layers": {0: 1, 1: 2}}


def test_named_leaves_refuses_two_of_one_name() -> None:
    with pytest.raises(InvalidArgument, match=r"two arrays of the name layers\.1"):
        named_leaves({"layers": {1: "a", "1": "b"}})


def test_nested_refuses_names_below_a_leaf() -> None:
    with pytest.raises(ValueError, match=r"a\.b goes on below an array"):
        nested({"a": 1, "a.b": 2})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"a": np.zeros(3)}, ""),
        ({}, "there is no a"),
        ({"a": np.zeros(3), "b": np.zeros(1)}, "it has no b"),
        ({"a": np.zeros((3, 1))}, "a has the shape (3, 1), and (3,) is made"),
    ],
    ids=["same", "missing", "more", "shape"],
)
def test_difference_of_shapes_names_the_first(given: dict[str, np.ndarray], words: str) -> None:
    assert difference_of_shapes({"a": np.ones(3)}, given) == words
