"""One pip requirement per distribution."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.service.pip_packages import add_requirement

CASES = [
    pytest.param(["pandas"], ["pandas"], 0, id="one"),
    pytest.param(["pandas", "pandas"], ["pandas"], 0, id="twice the same"),
    pytest.param(["pandas==2.0", "pandas"], ["pandas==2.0"], 0, id="bare name adds nothing to a version"),
    pytest.param(["pandas", "pandas==2.0"], ["pandas==2.0"], 0, id="a version replaces a bare name"),
    pytest.param(["pandas==1.0", "pandas==2.0"], ["pandas==2.0"], 1, id="another version replaces, with a warning"),
    pytest.param(["Scikit_Learn==1.0", "scikit-learn"], ["Scikit_Learn==1.0"], 0, id="spelling of names"),
    pytest.param(["a>=1,<2", "a<2,>=1"], ["a>=1,<2"], 0, id="same range"),
    pytest.param(["u[standard]==1", "u"], ["u[standard]==1"], 0, id="extras stay"),
    pytest.param(["u", "u[standard]"], ["u[standard]"], 0, id="extras are added"),
    pytest.param(
        ["a==1; python_version < '3.9'", "a==2; python_version >= '3.9'"],
        ["a==1; python_version < '3.9'", "a==2; python_version >= '3.9'"],
        0,
        id="markers stand side by side",
    ),
    pytest.param(
        ["git+https://host/r.git", "-e .", "./w.whl", "-e ."],
        ["git+https://host/r.git", "-e .", "./w.whl"],
        0,
        id="no requirement of PEP 508",
    ),
    pytest.param(["a @ https://h/a.whl", "a"], ["a @ https://h/a.whl"], 0, id="direct reference stays"),
    pytest.param(["a==1", "b==1", "a==2"], ["a==2", "b==1"], 1, id="order is kept"),
]


@pytest.mark.parametrize(("added", "expected", "warnings"), CASES)
def test_add_requirement_keeps_one_entry_per_distribution(
    added: list[str], expected: list[str], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    requirements: list[str] = []
    for requirement in added:
        add_requirement(requirements, requirement)
    assert requirements == expected
    assert len(caplog.records) == warnings


@pytest.mark.parametrize("requirement", ["", "  ", "a\n--index-url=https://evil", "a\rb", "a\x00", None, 1])
def test_add_requirement_when_not_one_line_raises(requirement: Any) -> None:
    with pytest.raises(InvalidArgument, match="not one pip requirement"):
        add_requirement([], requirement)
