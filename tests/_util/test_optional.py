"""Libraries that may be missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bentoml._util.optional import installed_distribution, is_installed, require
from bentoml.exceptions import MissingDependencyException


def test_require_returns_an_installed_module() -> None:
    assert require("json") is json


def test_require_of_a_missing_module_names_the_command() -> None:
    with pytest.raises(MissingDependencyException, match="some-dist is not installed; run: pip install some-dist"):
        require("no_such_module.sub", "some-dist")


def test_require_of_a_broken_module_keeps_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("import not_there_either\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_either"):
        require("broken_library")


def test_is_installed_knows_what_can_be_imported() -> None:
    assert is_installed("json.decoder")
    assert not is_installed("no_such_module")
    assert not is_installed("no_such_package.module")


def test_installed_distribution_is_the_first_that_is_there() -> None:
    assert installed_distribution("pytest", "hypothesis") == "pytest"
    assert installed_distribution("no-such-distribution", "hypothesis", "pytest") == "hypothesis"
    assert installed_distribution("no-such-distribution", "neither-this") == "no-such-distribution"
