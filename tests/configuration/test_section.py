"""Sections are values: they never change, and are equal when all their keys are."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from bentoml.configuration.key import Section, key, section


class Inner(Section):
    names: list[str] = key(["a"], "names")


class Outer(Section):
    port: int = key(5000, "port")
    inner: Inner = section(Inner)


def test_section_has_its_values_and_defaults_for_the_rest() -> None:
    assert (Outer().port, Outer().inner.names) == (5000, ["a"])
    assert Outer(port=1, inner=Inner(names=[])).as_dict() == {"port": 1, "inner": {"names": []}}


def test_sections_are_equal_by_value() -> None:
    assert Outer(port=1) == Outer(port=1) != Outer(port=2)
    assert Outer() != Inner()
    assert repr(Outer()) == "Outer(port=5000, inner=Inner(names=['a']))"


def test_section_never_changes() -> None:
    outer: Any = Outer()
    with pytest.raises(FrozenInstanceError, match=r"Outer\.port cannot be changed"):
        outer.port = 1
    with pytest.raises(FrozenInstanceError, match=r"Outer\.port cannot be deleted"):
        del outer.port


def test_section_changed_is_another_one() -> None:
    outer = Outer(port=1)
    assert outer.changed(inner=Inner(names=[])) == Outer(port=1, inner=Inner(names=[]))
    assert outer == Outer(port=1)
    with pytest.raises(TypeError, match="Outer has no key prot"):
        outer.changed(prot=1)


def test_section_has_no_other_keys() -> None:
    values: Any = {"prot": 1}
    with pytest.raises(TypeError, match="Outer has no key prot"):
        Outer(**values)
