"""Names of hints are what they stand for."""

from __future__ import annotations

from typing import Any, TypeVar

import pandas as pd
import pytest
from typing_extensions import TypeAliasType

from bentoml.adapters.typed.aliases import expanded
from bentoml.adapters.typed.library_types import library_type
from bentoml.adapters.typed.pydantic_hint import holds_pydantic
from tests.adapters.typed.hints import ItemModel

T = TypeVar("T")
Plain = TypeAliasType("Plain", list[int])
Again = TypeAliasType("Again", Plain)
Pairs = TypeAliasType("Pairs", dict[str, tuple[T, T]], type_params=(T,))
Frame = TypeAliasType("Frame", pd.DataFrame)
Models = TypeAliasType("Models", list[ItemModel])


@pytest.mark.parametrize(
    ("hint", "meaning"),
    [
        (int, int),
        (Plain, list[int]),
        (Again, list[int]),
        (Pairs[int], dict[str, tuple[int, int]]),
        (Frame, pd.DataFrame),
    ],
    ids=str,
)
def test_alias_is_what_it_stands_for(hint: Any, meaning: Any) -> None:
    assert expanded(hint) == meaning


def test_alias_of_a_library_type_has_its_adapter() -> None:
    known = library_type(Frame)
    assert known is not None
    assert known.title == "pd.DataFrame"


def test_models_behind_an_alias_are_found() -> None:
    assert holds_pydantic(dict[str, Models])
    assert not holds_pydantic(dict[str, Plain])
