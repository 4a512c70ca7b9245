"""Models of XGBoost are looked at before XGBoost follows what is in them."""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from bentoml._models.ubjson_file import DamagedModelError, Numbers, check_booster, read_ubjson
from tests.environments.late_import import late_import

xgboost = late_import("xgboost")

in_environment = pytest.mark.environment("boosters")


def name(text: str) -> bytes:
    return b"L" + struct.pack(">q", len(text)) + text.encode()


def numbers(kind: str, values: list[int]) -> bytes:
    packed = {"l": ">i", "U": ">B", "d": ">f"}[kind]
    content = b"".join(struct.pack(packed, value) for value in values)
    return f"[${kind}#L".encode() + struct.pack(">q", len(values)) + content


def tree(left: list[int], right: list[int], features: list[int], nodes: int = 3) -> bytes:
    size = name("tree_param") + b"{" + name("num_nodes") + b"S" + name(str(nodes)) + b"}"
    children = name("left_children") + numbers("l", left) + name("right_children") + numbers("l", right)
    return b"{" + size + children + name("split_indices") + numbers("l", features) + b"}"


def booster(*trees: bytes, features: int = 4) -> bytes:
    param = name("learner_model_param") + b"{" + name("num_feature") + b"S" + name(str(features)) + b"}"
    model = name("model") + b"{" + name("trees") + b"[#L" + struct.pack(">q", len(trees)) + b"".join(trees) + b"}"
    return b"{" + name("learner") + b"{" + name("gradient_booster") + b"{" + model + b"}" + param + b"}}"


GOOD = booster(tree([1, -1, -1], [2, -1, -1], [3, 0, 0]))


def test_read_ubjson_gives_values_of_every_kind() -> None:
    content = b"[ZTFi\xffU\xffI\x01\x00l\x00\x00\x00\x05d\x3f\x80\x00\x00Si\x02ab{i\x01k[i\x01i\x02]}[$U#i\x02\x07\x09]"
    *plain, array = read_ubjson(content)
    assert plain == [None, True, False, -1, 255, 256, 5, 1.0, "ab", {"k": [1, 2]}]
    assert (array, len(array), array.limits) == (Numbers("U", memoryview(b"\x07\x09")), 2, (7, 9))


def test_check_booster_lets_a_whole_model_pass() -> None:
    check_booster(GOOD)
    check_booster(GOOD.replace(name("trees"), name("other")))  # a linear one has none


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_check_booster_refuses_every_beginning_of_a_model(length: int) -> None:
    with pytest.raises(DamagedModelError):
        check_booster(GOOD[:length])


DAMAGED = [
    pytest.param(GOOD + b"Z", "goes on after its end", id="longer"),
    pytest.param(booster(tree([1, -1, 3], [2, -1, -1], [0, 0, 0])), "does not have", id="left child beyond the tree"),
    pytest.param(
        booster(tree([1, -1, -1], [-2, -1, -1], [0, 0, 0])), "does not have", id="right child before the tree"
    ),
    pytest.param(booster(tree([1, -1, -1], [2, -1, -1], [4, 0, 0])), "a feature that there is not", id="feature"),
    pytest.param(booster(tree([1, -1], [2, -1, -1], [0, 0, 0])), "as many values as nodes", id="too few children"),
    pytest.param(booster(tree([1, -1, -1], [2, -1, -1], [0, 0, 0], nodes=4)), "as many values", id="more nodes"),
    pytest.param(b"{}", "a part of the model is missing: 'learner'", id="empty"),
    pytest.param(b"[$Z#i\x02", "no type or no length", id="array of nothing"),
    pytest.param(b"[" * 100, "begins no value", id="deep"),
    pytest.param(b"[#l\x7f\xff\xff\xff", "longer than the file", id="long array"),
    pytest.param(b"Sl\xff\xff\xff\xff", "longer than the file", id="negative length"),
    pytest.param(b"{i\x01\xff", "damaged", id="text that is none"),
]


@pytest.mark.parametrize(("content", "words"), DAMAGED)
def test_check_booster_says_what_is_wrong(content: bytes, words: str) -> None:
    with pytest.raises(DamagedModelError, match=words):
        check_booster(content)


def test_check_booster_of_changed_bytes_never_fails_otherwise() -> None:
    source = random.Random(0)
    for _ in range(2000):
        content = bytearray(GOOD)
        for _ in range(source.choice([1, 2, 8])):
            content[source.randrange(len(content))] = source.randrange(256)
        try:
            check_booster(content)
        except DamagedModelError:
            continue


@in_environment
@pytest.mark.parametrize("kind", ["gbtree", "dart", "gblinear"])
@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "categories"])
def test_check_booster_lets_what_xgboost_writes_pass(kind: str, categories: bool) -> None:
    rows, target = load_iris(return_X_y=True)
    parameters: dict[str, Any] = {
        "booster": kind,
        "objective": "multi:softprob",
        "num_class": 3,
        "num_parallel_tree": 1,
    }
    if kind == "gblinear":
        del parameters["num_parallel_tree"]
        categories = False
    if categories:
        rows = np.round(rows)
    types = ["c"] * 4 if categories else ["q"] * 4
    data = xgboost.DMatrix(rows, target, feature_types=types, enable_categorical=categories)
    check_booster(xgboost.train(parameters, data, num_boost_round=3).save_raw(raw_format="ubj"))
