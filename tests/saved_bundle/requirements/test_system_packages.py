"""Which requirement needs what from the system."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.saved_bundle.requirements.system_packages import NEEDED_AT_RUN_TIME, build_packages, run_time_packages

LINES = [
    ([], ()),
    (["numpy==2.0", "# lightgbm", "-r lightgbm.txt", "./lightgbm.whl"], ()),
    (["LightGBM[dask]>=4 ; python_version > '3'"], ("libgomp1",)),
    (["opencv_python==4.9  # lightgbm", "xgboost"], ("libgl1", "libglib2.0-0", "libgomp1")),
    (["lightgbm @ https://h/lightgbm.whl"], ("libgomp1",)),
]


@pytest.mark.parametrize(("lines", "expected"), LINES)
def test_run_time_packages_of_requirements_are_those_of_the_table(lines: list[str], expected: tuple[str, ...]) -> None:
    assert run_time_packages(lines) == expected


@pytest.mark.parametrize(
    ("line", "needs_git"),
    [
        ("git+https://h/x.git", True),
        ("x @ git+ssh://git@h/x", True),
        ("-e git+https://h/x", True),
        ("gitpython", False),
    ],
)
def test_build_packages_have_git_for_what_comes_from_there(line: str, needs_git: bool) -> None:
    assert build_packages([line]) == (("git",) if needs_git else ())


def test_names_of_the_table_can_stand_in_a_shell_script() -> None:
    for names in NEEDED_AT_RUN_TIME.values():
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in names)


@given(st.lists(st.text()))
def test_packages_of_any_lines_come_from_the_table(lines: list[str]) -> None:
    known = {name for names in NEEDED_AT_RUN_TIME.values() for name in names}
    assert set(run_time_packages(lines)) <= known
    assert set(build_packages(lines)) <= {"git"}
