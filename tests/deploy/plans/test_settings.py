"""What all platforms share of their options: the settings of a record, and checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.deploy.plans import check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Options:
    """One field of each kind."""

    place: str
    size: int = 1
    share: float = 0.5
    target: int | None = 80
    is_open: bool = False
    names: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def read(**config: Any) -> dict[str, Any]:
    return read_settings(Options, config, "the moon")


def test_settings_of_all_kinds_are_read() -> None:
    config = {"size": 2, "share": 1, "target": 3, "is_open": True, "names": ["a"], "env": {"A": "b"}}
    assert read(place="here", **config) == {"place": "here", **config, "names": ("a",)}


def test_none_is_unset_but_for_a_field_that_can_be_none() -> None:
    assert read(place="here", size=None, names=None, target=None) == {"place": "here", "target": None}
    assert Options(**read(place="here", size=None)) == Options("here")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "The setting place is missing"),
        ({"place": None}, "The setting place is missing"),
        ({"place": "x", "colour": 1}, "A deployment on the moon has no setting 'colour'; it has place, size, share"),
        ({"place": 1}, "place must be a text, not 1"),
        ({"place": "x", "size": True}, "size must be a whole number, not True"),
        ({"place": "x", "size": 1.0}, "size must be a whole number"),
        ({"place": "x", "share": "1"}, "share must be a number"),
        ({"place": "x", "share": True}, "share must be a number"),
        ({"place": "x", "target": "80"}, "target must be a whole number"),
        ({"place": "x", "is_open": 1}, "is_open must be true or false"),
        ({"place": "x", "names": "abc"}, "names must be a list of texts"),
        ({"place": "x", "names": [1]}, "names must be a list of texts"),
        ({"place": "x", "env": {"A": 1}}, "env must be a mapping of texts to texts"),
        ({"place": "x", "env": ["A"]}, "env must be a mapping of texts to texts"),
    ],
    ids=str,
)
def test_setting_that_cannot_be_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        read(**config)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"A B": ""}, "'A B' cannot be the name of an environment variable"),
        ({"1A": ""}, "'1A' cannot be the name"),
        ({"A": "x\0"}, "must be a text without NUL"),
        ({"A": "\ud800"}, "must be a text without NUL"),
        ({"PORT": "1"}, "leave PORT out"),
        ({"AWS_REGION": "1"}, "leave AWS_REGION out"),
        ({"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}, "BENTOML__BENTO_SERVER__TIMEOUT"),
    ],
    ids=str,
)
def test_variable_that_cannot_be_is_refused(env: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        check_variables(env, ("PORT", "AWS_*"))
    assert said in str(raised.value)


def test_variables_that_can_be_are_taken() -> None:
    check_variables({"PORTS": "1", "_a": "", "AWS": "ä", "BENTOML__BENTO_SERVER__TIMEOUT": "3"}, ("PORT", "AWS_*"))
