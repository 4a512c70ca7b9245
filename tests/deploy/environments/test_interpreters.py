"""Which Python is taken, and what is said when there is none."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from bentoml.deploy.environment.interpreters import Interpreter, find_interpreter, minor_of
from bentoml.exceptions import BentoMLException, InvalidArgument

RUNNING = platform.python_version()
MINOR = ".".join(RUNNING.split(".")[:2])


@pytest.mark.parametrize("wanted", ["", RUNNING, f"{MINOR}.0", MINOR])
def test_find_interpreter_takes_the_running_one_when_it_fits(wanted: str) -> None:
    assert find_interpreter(wanted) == Interpreter.running()


def test_find_interpreter_of_a_program_asks_it(tmp_path: Path) -> None:
    link = tmp_path / "my python"
    link.symlink_to(Path(sys.base_prefix) / "bin" / f"python{MINOR}")
    found = find_interpreter("3.99.0", str(link))
    assert (found.program, found.version, found.identity) == (str(link), RUNNING, Interpreter.running().identity)


def test_find_interpreter_looks_past_programs_that_do_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyenv puts one for every version on PATH, which fails unless that version was chosen."""
    for name, text in {
        "shims": "#!/bin/sh\nexit 127\n",
        "real": '#!/bin/sh\necho \'["3.99.1", "/p", "linux"]\'\n',
    }.items():
        (tmp_path / name).mkdir()
        program = tmp_path / name / "python3.99"
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([".", str(tmp_path / "shims"), str(tmp_path / "real")]))
    found = find_interpreter("3.99.0")
    assert (found.version, found.program) == ("3.99.1", str(tmp_path / "real" / "python3.99"))


def test_find_interpreter_without_one_names_what_there_is() -> None:
    with pytest.raises(BentoMLException, match=rf"Python 3\.98 is wanted, but .*none: found .*{RUNNING}.*--python"):
        find_interpreter("3.98.2")


@pytest.mark.parametrize(
    ("wanted", "named", "reason"),
    [
        ("3.7.10", None, r"Python 3\.7 is wanted, but bentoml needs 3\.10 or newer; name another with --python"),
        ("3.11.0", "2.7", r"bentoml needs 3\.10"),
        ("3.11.0", "/bin/true", "neither a version, such as 3.11, nor a Python that runs"),
        ("3.11.0", "/nothing/python", "neither a version"),
        ("3.11.0", "3.11; rm -rf /", "neither a version"),
        ("latest", None, "'latest' is no version of Python"),
    ],
)
def test_find_interpreter_refuses_what_cannot_be(wanted: str, named: str | None, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        find_interpreter(wanted, named)


def test_minor_of_a_version_is_its_first_two_numbers() -> None:
    assert minor_of("3.12.1\n") == (3, 12)


def test_identity_of_an_interpreter_stays_with_a_patch_release_and_differs_by_place() -> None:
    one = Interpreter("/a/bin/python3", "3.12.1", "/a", "cpython-312-x86_64-linux-gnu x86_64")
    patched = Interpreter("/a/bin/python", "3.12.9", "/a", "cpython-312-x86_64-linux-gnu x86_64")
    elsewhere = Interpreter("/b/bin/python3", "3.12.1", "/b", "cpython-312-x86_64-linux-gnu x86_64")
    assert one.identity == patched.identity != elsewhere.identity
