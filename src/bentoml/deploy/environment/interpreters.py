"""The Python of an environment: one of the version that the bundle was saved with, or one that is named."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle.requirements.lock import machine_name

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_MINOR = (3, 10)
"""The oldest Python that the library runs on."""
_QUERY_LIMIT_S = 20.0
_QUERY = (
    "import json, platform, sys, sysconfig; print(json.dumps([platform.python_version(), sys.base_prefix, "
    "f\"{sysconfig.get_config_var('SOABI')} {platform.machine()}\"]))"
)
_PROGRAM = re.compile(r"python3?(\.\d+)?")
_MINOR = re.compile(r"(\d+)\.(\d+)(\.\d+)?")


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine.

    Attributes:
        program: path of its program.
        version: such as 3.11.7.
        base_prefix: where it is installed; the same for all virtual environments of one.
        machine: what decides which distributions it takes, as `machine_name` of the locks says it.
    """

    program: str
    version: str
    base_prefix: str
    machine: str

    @property
    def minor(self) -> tuple[int, int]:
        """The first two numbers of the version."""
        return minor_of(self.version)

    @property
    def identity(self) -> str:
        """What makes environments of two interpreters differ. A newer patch release in the same place is the same."""
        return "\n".join([".".join(map(str, self.minor)), self.base_prefix, self.machine])

    @classmethod
    def running(cls) -> Interpreter:
        """The one that this process runs on."""
        return cls(sys.executable, platform.python_version(), sys.base_prefix, machine_name())

    @classmethod
    def at(cls, program: str) -> Interpreter | None:
        """The one that a program is; None when it is none, or does not answer."""
        try:
            done = proc.run([program, "-I", "-S", "-c", _QUERY], timeout_s=_QUERY_LIMIT_S)
            if done.returncode != 0:
                return None
            version, base_prefix, machine = json.loads(done.stdout)
        except (BentoMLException, OSError, ValueError):
            return None
        return cls(program, version, base_prefix, machine)


def minor_of(version: str) -> tuple[int, int]:
    """The first two numbers of a version of Python.

    Raises:
        InvalidArgument: it has none.
    """
    found = _MINOR.fullmatch(version.strip())
    if found is None:
        raise InvalidArgument(f"{version!r} is no version of Python; write it as 3.11")
    return int(found[1]), int(found[2])


def find_interpreter(wanted: str, named: str | None = None) -> Interpreter:
    """The interpreter for a bundle.

    Args:
        wanted: the version that the bundle was saved with; empty when it does not say.
        named: path of a program, or a version, to be taken instead.

    Raises:
        InvalidArgument: what is named is no interpreter, or too old.
        BentoMLException: this machine has none of that version; the text says which there are.
    """
    if named is not None and not _MINOR.fullmatch(named):
        return _program(named)
    if named is None and not wanted:
        return Interpreter.running()
    minor = minor_of(named or wanted)
    text = ".".join(map(str, minor))
    if minor < OLDEST_MINOR:
        oldest = ".".join(map(str, OLDEST_MINOR))
        raise InvalidArgument(
            f"Python {text} is wanted, but bentoml needs {oldest} or newer; name another with --python, such as "
            f"--python {'.'.join(map(str, Interpreter.running().minor))}"
        )
    for candidate in _candidates(minor):
        if candidate.minor == minor:
            return candidate
    raise BentoMLException(
        f"Python {text} is wanted, but this machine has none: found {_versions_found()}; install it, or name another "
        "with --python VERSION or --python PATH"
    )


def _program(name: str) -> Interpreter:
    path = shutil.which(str(Path(name).expanduser()))
    found = None if path is None else Interpreter.at(str(Path(path).absolute()))
    if found is None:
        raise InvalidArgument(f"--python {name} is neither a version, such as 3.11, nor a Python that runs")
    if found.minor < OLDEST_MINOR:
        oldest = ".".join(map(str, OLDEST_MINOR))
        raise InvalidArgument(f"{name} is Python {found.version}, but bentoml needs {oldest} or newer")
    return found


def _candidates(minor: tuple[int, int]) -> Iterator[Interpreter]:
    """Interpreters that may be of a version, most likely first."""
    yield Interpreter.running()
    name = f"python{minor[0]}.{minor[1]}"
    for program in dict.fromkeys([*_on_path({name}), *_of_pyenv(), *_of_uv(minor), *_on_path({"python3", "python"})]):
        found = Interpreter.at(program)
        if found is not None:
            yield found


def _on_path(names: set[str] | None = None) -> Iterator[str]:
    """Programs in the directories of PATH: those with some names, or everything that is called like a Python."""
    for directory in map(Path, os.get_exec_path()):
        if not directory.is_absolute() or not directory.is_dir():
            continue  # the working directory, where anybody's files may lie
        paths = directory.glob("python*") if names is None else (directory / name for name in names)
        for path in sorted(paths):
            if _PROGRAM.fullmatch(path.name) and path.is_file() and os.access(path, os.X_OK):
                yield str(path)


def _of_pyenv() -> list[str]:
    """Those that pyenv has installed; its programs on PATH are scripts that run only the chosen ones."""
    root = os.environ.get("PYENV_ROOT") or "~/.pyenv"
    return sorted(map(str, Path(root).expanduser().glob("versions/3.*/bin/python")), reverse=True)


def _of_uv(minor: tuple[int, int]) -> list[str]:
    """The one of a version that uv knows; it downloads none."""
    uv = shutil.which("uv")
    if uv is None:
        return []
    words = [uv, "python", "find", "--no-project", ".".join(map(str, minor))]
    done = proc.run(words, env={"UV_PYTHON_DOWNLOADS": "never"}, timeout_s=_QUERY_LIMIT_S)
    return [done.stdout.strip()] if done.returncode == 0 else []


def _versions_found() -> str:
    """The versions of this machine's interpreters, for a person."""
    programs = dict.fromkeys([*_on_path(), *_of_pyenv()])
    found = {one.version for one in map(Interpreter.at, programs) if one is not None} | {platform.python_version()}
    return ", ".join(sorted(found, key=lambda version: [int(part) for part in re.findall(r"\d+", version)]))
