"""Environments are made once, and again when what they are made of changes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.environments.build import BuildError, UnfitMachineError, ensure, find_python, key_of, key_of_project
from tests.environments.table import ENVIRONMENTS, Environment

PLAIN = Environment(requirements=(), modules=("pytest",))


def test_python_of_the_suite_is_taken_where_it_fits() -> None:
    assert find_python(PLAIN) == sys.executable


def test_machine_without_a_fitting_python_is_said_to_be_unfit(tmp_path: Path) -> None:
    environment = Environment(requirements=(), modules=("x",), first_minor=98, last_minor=99)
    with pytest.raises(UnfitMachineError, match=r"it needs Python 3\.98 to 3\.99"):
        ensure("future", environment, tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_key_differs_with_the_requirements() -> None:
    other = Environment(requirements=("six",), modules=("pytest",))
    assert key_of(sys.executable, PLAIN) == key_of(sys.executable, PLAIN)
    alone = Environment(requirements=(), modules=("pytest",), without_dependencies=("six",))
    assert len({key_of(sys.executable, environment) for environment in (PLAIN, other, alone)}) == 3


def test_environment_with_a_matching_stamp_is_taken_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "plain"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").touch()
    stamp = f"{key_of(sys.executable, PLAIN)}\n{key_of_project()}\n"
    (home / ".installed").write_text(stamp, encoding="utf-8")
    assert ensure("plain", PLAIN, tmp_path) == home / "bin" / "python"
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


def test_environment_that_cannot_be_installed_shows_why_and_has_no_stamp(tmp_path: Path) -> None:
    environment = Environment(requirements=("no requirement at all !",), modules=("x",))
    with pytest.raises(BuildError, match=r"(?s)pip install.*exit code 1.*no requirement at all"):
        ensure("broken", environment, tmp_path)
    assert (tmp_path / "broken" / "bin" / "python").exists()
    assert not (tmp_path / "broken" / ".installed").exists()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_of_the_table_says_what_its_tests_import(name: str) -> None:
    environment = ENVIRONMENTS[name]
    assert environment.modules
    assert 10 <= environment.first_minor <= environment.last_minor
