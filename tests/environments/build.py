"""Virtual environments for tests, kept from run to run until what they are made of changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.environments.table import Environment

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / ".venv-environments"
TOOLS = "test-tools"
BUILD_LIMIT_S = 1200.0
LOG_LINES_SHOWN = 30

_VERSION = "import sys; print(sys.version)"


class UnfitMachineError(Exception):
    """No Python of this machine is one that the libraries come for."""


class BuildError(Exception):
    """The environment could not be made; the text is the end of the log."""


def ensure(name: str, environment: Environment, directory: Path = DIRECTORY) -> Path:
    """The interpreter of an environment, which is made if it is not there as it should be.

    Args:
        name: of the environment.
        environment: what it has.
        directory: holds all environments.

    Raises:
        UnfitMachineError: no Python of this machine fits.
        BuildError: something could not be installed.
    """
    base = find_python(environment)
    home = directory / name
    python, stamp = home / "bin" / "python", home / ".installed"
    key, project_key = key_of(base, environment), key_of_project()
    installed = stamp.read_text(encoding="utf-8").split() if python.exists() and stamp.exists() else []
    if installed == [key, project_key]:
        return python
    log = directory / f"{name}-install.log"
    directory.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)
    if installed[:1] != [key]:  # else the libraries stay, and only the project is installed again
        _run([base, "-m", "venv", "--clear", str(home)], log, "w")
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    _run([*install, "-e", f"{ROOT}[{TOOLS}]", *environment.requirements], log, "a")
    if environment.without_dependencies:
        _run([*install, "--no-deps", *environment.without_dependencies], log, "a")
    stamp.write_text(f"{key}\n{project_key}\n", encoding="utf-8")
    return python


def find_python(environment: Environment) -> str:
    """A Python that the libraries come for: that of the suite, else another of this machine.

    Raises:
        UnfitMachineError: there is none.
    """
    fitting = range(environment.first_minor, environment.last_minor + 1)
    for candidate in _candidates():
        if _minor(candidate) in fitting:
            return candidate
    first, last = environment.first_minor, environment.last_minor
    raise UnfitMachineError(f"it needs Python 3.{first} to 3.{last}, and none is on this machine")


def key_of(python: str, environment: Environment) -> str:
    """What the libraries of an environment depend on, as one digest."""
    version = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=True).stdout
    wanted = environment.requirements
    if environment.without_dependencies:
        wanted = (*wanted, "--no-deps", *environment.without_dependencies)
    return hashlib.sha256(repr((version, wanted)).encode()).hexdigest()


def key_of_project() -> str:
    """What the installation of the project depends on, as one digest."""
    digest = hashlib.sha256(repr((str(ROOT), TOOLS)).encode())
    for name in ("pyproject.toml", "src/bentoml/_version.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _candidates() -> Iterator[str]:
    yield sys.executable
    for minor in range(13, 9, -1):
        if (found := shutil.which(f"python3.{minor}")) is not None:
            yield found
    yield from sorted(map(str, (Path.home() / ".pyenv" / "versions").glob("3.*/bin/python")), reverse=True)


def _minor(python: str) -> int | None:
    done = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info.minor if sys.version_info.major == 3 else -1)"],
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stdout) if done.returncode == 0 else None


def _run(command: list[str], log: Path, mode: str) -> None:
    with log.open(mode, encoding="utf-8") as output:
        try:
            done = subprocess.run(command, stdout=output, stderr=output, timeout=BUILD_LIMIT_S, check=False)
            problem = f"exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"not done after {BUILD_LIMIT_S:.0f} s"
        else:
            if done.returncode == 0:
                return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    raise BuildError("\n".join([f"{' '.join(command)}: {problem}", *lines]))
