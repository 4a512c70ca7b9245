"""How the machines that a lock is for are called: by its readers, and by uv."""

from __future__ import annotations

import platform

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.requirements.lock import machine_name
from bentoml.saved_bundle.requirements.lock_target import LockTarget


@pytest.mark.parametrize(
    ("name", "python", "made_for", "options"),
    [
        (
            "linux/amd64", "3.11.7", "cpython-311-x86_64-linux-gnu x86_64",
            ("--python-platform=x86_64-manylinux_2_28", "--python-version=3.11"),
        ),
        (
            "linux/arm64", "3.12", "cpython-312-aarch64-linux-gnu aarch64",
            ("--python-platform=aarch64-manylinux_2_28", "--python-version=3.12"),
        ),
        (
            "darwin/arm64", "3.10", "cpython-310-darwin arm64",
            ("--python-platform=aarch64-apple-darwin", "--python-version=3.10"),
        ),
        ("any", "3.13.0", "Python 3.13 on any machine", ("--universal", "--python-version=3.13")),
    ],
)  # fmt: skip
def test_target_of_a_platform(name: str, python: str, made_for: str, options: tuple[str, ...]) -> None:
    assert LockTarget.of(name, python) == LockTarget(made_for, options)


def test_target_of_this_machine_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LockTarget.of(None, platform.python_version()).made_for == machine_name()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(InvalidArgument, match=r"this machine \(.* riscv64\) is of no platform that has a name here"):
        LockTarget.of(None, "3.11")


@pytest.mark.parametrize("python", ["", "3", "3.x", "2.7", "3.11 --pre", "3.11\n", "3.11-dev"])
def test_target_of_no_version_is_refused(python: str) -> None:
    with pytest.raises(InvalidArgument, match=r"is no version of Python; write it as 3\.12"):
        LockTarget.of("any", python)


def test_target_of_no_platform_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"'linux/s390x' is none of the platforms any, linux/amd64, "):
        LockTarget.of("linux/s390x", "3.11")
