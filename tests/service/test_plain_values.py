"""Free-form values that have to survive YAML and JSON."""

from __future__ import annotations

import datetime as dt
import enum
import json
from typing import Any

import numpy as np
import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.service.plain_values import plain_value


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


CASES = [
    pytest.param(None, None, id="none"),
    pytest.param({"a": [1, 2.5, True, None, "x"]}, {"a": [1, 2.5, True, None, "x"]}, id="nested"),
    pytest.param((1, (2,)), [1, [2]], id="tuples"),
    pytest.param({7}, [7], id="set"),
    pytest.param(np.float64(0.5), 0.5, id="numpy float"),
    pytest.param(np.int32(3), 3, id="numpy int"),
    pytest.param(np.bool_(False), False, id="numpy bool"),
    pytest.param(np.array(4), 4, id="array without dimension"),
    pytest.param(Colour.RED, "red", id="str enum"),
    pytest.param(Level.HIGH, 3, id="int enum"),
]


@pytest.mark.parametrize(("value", "expected"), CASES)
def test_plain_value_when_storable_gives_plain_types(value: Any, expected: Any) -> None:
    plain = plain_value(value, "x")
    assert plain == expected
    assert type(plain) is type(expected)
    assert json.loads(json.dumps(plain)) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(object(), "x: object can not be stored", id="object"),
        pytest.param(b"a", "x: bytes can not be stored", id="bytes"),
        pytest.param({"a": {"b": np.zeros(2)}}, r"x\['a'\]\['b'\]: ndarray can not be stored", id="array"),
        pytest.param({1: 2}, "x: keys must be str, got 1", id="key"),
        pytest.param(dt.date(2024, 1, 1), "x: date can not be stored", id="date"),
    ],
)
def test_plain_value_when_not_storable_says_where(value: Any, text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        plain_value(value, "x")
