"""The shell functions that every script shares, called in a shell of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def call(function: str, *, venv: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Sources the shared set-up and runs one line of shell."""
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail; . {SCRIPTS}/_setup.sh; {function}"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(venv.parent), "BENTOML_VENV": str(venv), "PYTHON": python},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fake_python(directory: Path, answer: str) -> str:
    """A program that answers every question with one line, or fails when the line is empty."""
    path = directory / "python"
    path.write_text(f"#!/bin/sh\ncat >/dev/null\n{f'echo {answer}' if answer else 'exit 1'}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_supported_minor_of_this_python_is_printed(tmp_path: Path) -> None:
    done = call(f"supported_minor {sys.executable}", venv=tmp_path / "venv")
    assert done.stdout == "{}.{}\n".format(*sys.version_info)


def test_ensure_environment_with_an_unfit_python_says_so_and_makes_nothing(tmp_path: Path) -> None:
    done = call("ensure_environment dev", venv=tmp_path / "venv", python=fake_python(tmp_path, ""))
    assert done.returncode == 1
    assert "is not a CPython 3.10 to 3.13" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_create_venv_in_a_directory_with_other_files_leaves_them_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    done = call("ensure_environment dev", venv=tmp_path / "photos")
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert (tmp_path / "photos" / "cat.jpg").exists()


@pytest.mark.parametrize("changed", [pytest.param("dev", id="same"), pytest.param("sklearn", id="other extras")])
def test_installation_key_differs_only_with_what_it_stands_for(tmp_path: Path, changed: str) -> None:
    key, again = (
        call(f"installation_key {sys.executable} {extras}", venv=tmp_path / "venv").stdout
        for extras in ("dev", changed)
    )
    assert len(key) == 65
    assert (key == again) == (changed == "dev")


def test_ensure_environment_with_a_matching_stamp_installs_nothing(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    key = call(f"installation_key {venv}/bin/python dev", venv=venv).stdout
    (venv / ".installed-dev").write_text(key, encoding="utf-8")
    done = call("ensure_environment dev && echo ready", venv=venv)
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


def test_need_command_that_is_there_is_silent(tmp_path: Path) -> None:
    done = call("need_command sh dash", venv=tmp_path / "venv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_want_command_of_several_packages_installs_each(tmp_path: Path) -> None:
    script = (
        "id() { echo 0; }; apt-get() { :; }; "
        'install_system_packages() { printf "[%s]" "$@"; }; want_command no-such-engine "engine runtime" "x is"'
    )
    done = call(script, venv=tmp_path / "venv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[engine][runtime]", "")


def test_want_command_that_cannot_be_installed_says_what_is_left_out(tmp_path: Path) -> None:
    done = call('id() { echo 1000; }; want_command no-such-browser browser "its tests are"', venv=tmp_path / "venv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "no no-such-browser on this machine, so its tests are left out; on Debian run: sudo apt-get install browser\n"
    )
