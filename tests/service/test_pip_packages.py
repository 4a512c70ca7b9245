"""One pip requirement per distribution."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.service.pip_packages import add_requirement, refuse_option, requirement_name

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
        ["git+https://host/r.git", "./w.whl", "git+https://host/r.git"],
        ["git+https://host/r.git", "./w.whl"],
        0,
        id="no requirement of PEP 508",
    ),
    pytest.param(["a @ https://h/a.whl", "a"], ["a @ https://h/a.whl"], 0, id="direct reference stays"),
    pytest.param(["a==1", "b==1", "a==2"], ["a==2", "b==1"], 1, id="order is kept"),
    pytest.param(["u==1", "u[standard]"], ["u[standard]==1"], 0, id="extras are added to a version"),
    pytest.param(["u[standard]", "u==1"], ["u[standard]==1"], 0, id="a version is added to extras"),
    pytest.param(["a==1  # why", "a==1"], ["a==1"], 0, id="comment"),
    pytest.param(["r @ git+https://h/r#egg=r"], ["r @ git+https://h/r#egg=r"], 0, id="fragment of a URL"),
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


@pytest.mark.parametrize(
    "requirement",
    ["", "  ", "a\n--index-url=https://evil", "a\rb", "a\x00", "# a", "a\\", "-", "--", "a\u2028b", None, 1],
)
def test_add_requirement_when_not_one_line_raises(requirement: Any) -> None:
    with pytest.raises(InvalidArgument, match="not one pip requirement"):
        add_requirement([], requirement)


@pytest.mark.parametrize(
    ("requirement", "advice"),
    [
        ("--index-url=https://evil", "use pip_index_url for that"),
        ("-i https://evil", "use pip_index_url for that"),
        ("a==1 --index-url https://evil", "use pip_index_url for that"),
        ("a --extra-index-url=https://evil", "use pip_extra_index_url for that"),
        ("a\u0020--trusted-host evil", "use pip_trusted_host for that"),
        ("-r /etc/passwd", "use requirements_txt_file for that"),
        ("-fhttps://evil", "use requirements_txt_file for that"),
        ("a==1 --hash=sha256:00", "use requirements_txt_file for that"),
        ("--pre", "use requirements_txt_file for that"),
        ("-e .", "leave -e out"),
        ("--editable git+https://h/r", "leave --editable out"),
    ],
)
def test_refuse_option_of_pip_names_the_argument_for_it(requirement: str, advice: str) -> None:
    with pytest.raises(InvalidArgument, match=f"it has the option .*; {advice}"):
        refuse_option(requirement)


@pytest.mark.parametrize(
    "requirement",
    ["a", "a-b>=1; python_version > '3'", "git+https://h/r-x@v-1#egg=r-x", "./a-b.whl", "a @ https://h/-x"],
)
def test_refuse_option_lets_requirements_pass(requirement: str) -> None:
    refuse_option(requirement)


# what the user gave, what an artifact asks for, what the bundle gets, how many warnings
GIVEN_CASES = [
    pytest.param("a==1", "a", "a==1", 0, id="bare"),
    pytest.param("a==1", "a[x]", "a[x]==1", 0, id="extras"),
    pytest.param("a==1", "a>=0.5", "a==1", 0, id="fits"),
    pytest.param("a==1", "a[x]>=0.5", "a[x]==1", 0, id="fits, extras"),
    pytest.param("a==1", "a>=2", "a==1", 1, id="does not fit"),
    pytest.param("a===1", "a==2", "a===1", 1, id="does not fit, arbitrary equality"),
    pytest.param("a<2", "a>=1", "a<2", 0, id="range"),
    pytest.param("a", "a>=2", "a>=2", 0, id="no version was given"),
    pytest.param("a[x]", "a>=2", "a[x]>=2", 0, id="no version was given, extras"),
    pytest.param("a @ https://h/a.whl", "a>=2", "a @ https://h/a.whl", 1, id="direct reference"),
]


@pytest.mark.parametrize(("given", "wanted", "expected", "warnings"), GIVEN_CASES)
def test_add_requirement_keeps_what_the_user_gave(
    given: str, wanted: str, expected: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    requirements = [given]
    add_requirement(requirements, wanted, given={"a"})
    assert requirements == [expected]
    assert len(caplog.records) == warnings
    assert ("change pip_packages" in caplog.text) is bool(warnings)


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("Scikit_Learn>=1; python_version > '3'", "scikit-learn"),
        ("git+https://h/r@v1#egg=My.Lib", "my-lib"),
        ("git+https://h/r#subdirectory=x&egg=lib", "lib"),
        ("git+https://h/r", None),
        ("./wheels/my_lib-1.0-py3-none-any.whl", "my-lib"),
        ("https://h/my_lib-1.0-py3-none-any.whl#sha256=00", "my-lib"),
        ("https://h/my-lib-1.0.tar.gz?token=x", "my-lib"),
        ("./src/lib", None),
    ],
)
def test_requirement_name_of_whatever_pip_installs(requirement: str, name: str | None) -> None:
    assert requirement_name(requirement) == name
