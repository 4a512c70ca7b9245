"""What is left to an environment has to run there, and to pass."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from tests.environments.build import ROOT, BuildError, UnfitMachineError
from tests.environments.stage import MemoryBudget, Outcome, available_mib, main, run_environment
from tests.environments.table import Environment

CONFTEST = "from tests.skip_guard import pytest_make_collect_report, pytest_runtest_makereport\n"
VARIABLES = {"GREETING": "hello", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
THIS = Environment(requirements=(), modules=("pytest",), variables=VARIABLES, pytest_args=("-W", "error"))


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def ended(directory: Path, source: str, *names: str) -> Outcome:
    """Run the tests of a file in this very environment."""
    (directory / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (directory / "test_it.py").write_text(source, encoding="utf-8")
    tests = [f"test_it.py::{name}" for name in names]
    return run_environment("this", THIS, tests, ensure=lambda name, environment: Path(sys.executable), root=directory)


def test_tests_that_pass_are_counted(tmp_path: Path) -> None:
    source = "import os\ndef test_a(): assert os.environ['GREETING'] == 'hello'\ndef test_b(): pass\n"
    outcome = ended(tmp_path, source, "test_a", "test_b")
    assert outcome.is_good, outcome.text
    assert outcome.text.startswith("this: 2 passed in ")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("def test_a(): assert 1 == 2", "assert 1 == 2", id="fails"),
        pytest.param("import no_such_module\ndef test_a(): pass", "no_such_module", id="cannot be imported"),
        pytest.param("def test_other(): pass", "did not run: test_it.py::test_a", id="is not there"),
        pytest.param("import os\ndef test_a(): os._exit(0)", "did not run: test_it.py::test_a", id="ends the process"),
        pytest.param("import warnings\ndef test_a(): warnings.warn('old')", "UserWarning: old", id="warns"),
    ],
)
def test_test_that_does_not_pass_fails_the_stage_and_is_shown(tmp_path: Path, source: str, words: str) -> None:
    outcome = ended(tmp_path, source, "test_a")
    assert not outcome.is_good
    assert words in outcome.text


def test_skip_fails_in_continuous_integration_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import pytest\n@pytest.mark.skip('no reason')\ndef test_a(): pass"
    assert ended(tmp_path, source, "test_a").is_good
    monkeypatch.setenv("CI", "true")
    outcome = ended(tmp_path, source, "test_a")
    assert not outcome.is_good
    assert "nothing is skipped without the mark may_skip" in outcome.text


@pytest.mark.parametrize(
    ("error", "ci", "is_good"),
    [
        (UnfitMachineError("too old"), "", True),
        (UnfitMachineError("too old"), "true", False),
        (BuildError("x"), "", False),
    ],
    ids=["unfit", "unfit in CI", "not made"],
)
def test_environment_that_is_not_there_by_table(
    monkeypatch: pytest.MonkeyPatch, error: Exception, ci: str, is_good: bool
) -> None:
    def ensure(name: str, environment: Environment) -> Path:
        raise error

    monkeypatch.setenv("CI", ci)
    outcome = run_environment("this", THIS, ["test_it.py::test_a"], ensure=ensure)
    assert outcome.is_good == is_good
    assert str(error) in outcome.text


def test_main_without_anything_left_succeeds(tmp_path: Path) -> None:
    assert main(str(tmp_path / "left.json")) == 0


def test_memory_budget_lets_in_what_fits_and_the_others_later() -> None:
    budget = MemoryBudget(100)
    order: list[str] = []
    waits = threading.Event()

    def third() -> None:
        waits.set()
        with budget.taken(1000):  # more than there is: alone
            order.append("third")

    with budget.taken(50), budget.taken(50):
        thread = threading.Thread(target=third)
        thread.start()
        waits.wait(10)
        order.append("first and second")
    thread.join(10)
    assert order == ["first and second", "third"]


def test_machine_says_how_much_memory_it_has() -> None:
    assert available_mib() >= 1
