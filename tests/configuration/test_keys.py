"""The schema says all there is to say about a key, and what it says is true of the defaults."""

from __future__ import annotations

import inspect

import pytest

from bentoml.configuration import Config
from bentoml.configuration.check import problem_with
from bentoml.configuration.keys import Key, known_keys, known_sections
from bentoml.configuration.settings import config_of, default_layer


@pytest.mark.parametrize("key", known_keys().values(), ids=known_keys())
def test_key_has_a_meaning_and_takes_its_default(key: Key) -> None:
    assert key.rule.meaning
    assert "\n" not in key.rule.meaning
    assert problem_with(key, key.default) is None
    assert key.name == key.name.lower()
    assert "__" not in key.name


@pytest.mark.parametrize("name", known_sections())
def test_section_says_what_it_is_about(name: str) -> None:
    lines = (inspect.getdoc(known_sections()[name]) or "").splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(".")


def test_defaults_of_all_keys_are_the_default_configuration() -> None:
    assert config_of(default_layer().settings) == Config() == config_of({})


def test_default_lists_are_not_shared() -> None:
    Config().adapters.image_input.default_extensions.append(".gif")
    assert ".gif" not in Config().adapters.image_input.default_extensions
