"""The programs that make environments, and how each is called: command lines and variables, nothing else."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bentoml.deploy.environment.pip_settings import WHERE_TO, pip_settings, variables_for_uv
from bentoml.exceptions import BentoMLException, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bentoml.deploy.environment.interpreters import Interpreter
    from bentoml.deploy.environment.requirement_lines import RequirementLines

INSTALLERS = ("uv", "pip")
FROM_OUTSIDE = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "UV_PYTHON",
                 "UV_SYSTEM_PYTHON", "UV_PROJECT", *WHERE_TO)  # fmt: skip
"""Variables that make a Python or an installer work on something else than the environment."""
_ONLY_OF_PIP = frozenset({"--trusted-host", "--pre", "--prefer-binary", "--require-hashes"})
"""Options of requirements files that uv knows on its command line only, or not at all."""


@dataclass(frozen=True)
class Installation:
    """One installation, described.

    Attributes:
        home: directory of the environment.
        requirements: file to write the lines into.
        lines: what to install.
        only_wheels: build nothing from source.
    """

    home: Path
    requirements: Path
    lines: RequirementLines
    only_wheels: bool = False

    def text(self, *, without: frozenset[str] = frozenset()) -> str:
        """The lines as an installer reads them, without some options."""
        options = [
            option if value is None else f"{option} {value}"
            for option, value in self.lines.options
            if option not in without
        ]
        return "".join(f"{line}\n" for line in [*options, *(package.line for package in self.lines.packages)])


@dataclass(frozen=True)
class Step:
    """One command line.

    Attributes:
        argv: program and arguments.
        env: variables that are set for it; those of `FROM_OUTSIDE` are taken away.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class Installer(Protocol):
    """A program that makes environments."""

    @property
    def name(self) -> str:
        """Name of the program."""
        ...

    def text(self, installation: Installation) -> str:
        """The requirements file that it reads."""
        ...

    def steps(self, interpreter: Interpreter, installation: Installation) -> tuple[Step, ...]:
        """What to run, in this order."""
        ...


@dataclass(frozen=True)
class PipInstaller:
    """The module `venv` and pip, as the interpreter brings them."""

    name: str = "pip"

    def text(self, installation: Installation) -> str:
        """All that pip may read."""
        return installation.text()

    def steps(self, interpreter: Interpreter, installation: Installation) -> tuple[Step, ...]:
        """An environment with pip, then one run of pip: nothing of what it installs runs, unless it is built."""
        # Whatever its files say: not beside the environment.
        env = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        python = str(installation.home / "bin" / "python")
        install = [python, "-m", "pip", "install", "--no-input", "--progress-bar=off", "--no-warn-script-location"]
        if installation.lines.requires_hashes:
            install.append("--require-hashes")
        if installation.only_wheels:
            install.append("--only-binary=:all:")
        return (
            Step((interpreter.program, "-I", "-m", "venv", str(installation.home)), env),
            Step((*install, "-r", str(installation.requirements)), env),
        )


@dataclass(frozen=True)
class UvInstaller:
    """uv, which looks for packages where pip would."""

    program: str
    variables: Mapping[str, str]
    name: str = "uv"

    def text(self, installation: Installation) -> str:
        """What uv understands; the rest stands on its command line."""
        return installation.text(without=_ONLY_OF_PIP)

    def steps(self, interpreter: Interpreter, installation: Installation) -> tuple[Step, ...]:
        """An environment without pip, then one installation."""
        env = {**self.variables, "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
        python = str(installation.home / "bin" / "python")
        install = [self.program, "pip", "install", "--no-progress", "--python", python]
        if installation.lines.requires_hashes:
            install.append("--require-hashes")
        if installation.only_wheels:
            install.append("--no-build")
        for option, value in installation.lines.options:
            if option == "--trusted-host":
                install.append(f"--allow-insecure-host={value}")
            elif option == "--pre":
                install.append("--prerelease=allow")
        create = (self.program, "venv", "--quiet", "--no-project", "--allow-existing", "--python", interpreter.program)
        return (
            Step((*create, str(installation.home)), env),
            Step((*install, "-r", str(installation.requirements)), env),
        )


def choose_installer(
    name: str | None = None, *, has_hashes: bool = False, environ: Mapping[str, str] | None = None
) -> tuple[Installer, str | None]:
    """The program to make the environment with.

    Args:
        name: one of `INSTALLERS`; None takes uv when it is on PATH and can do what pip was told to.
        has_hashes: whether everything that will be installed has a digest.
        environ: the variables of the user; None is those of this process.

    Returns:
        The installer, and why it is not uv where a person may expect that.

    Raises:
        InvalidArgument: there is no installer of that name.
        BentoMLException: uv is asked for, and is not there or cannot do what pip was told to.
    """
    variables = os.environ if environ is None else environ
    if name not in {None, *INSTALLERS}:
        raise InvalidArgument(f"there is no installer {name!r}; take one of {', '.join(INSTALLERS)}")
    program = None if name == "pip" else shutil.which("uv", path=variables.get("PATH"))
    if program is None:
        if name == "uv":
            raise BentoMLException("uv is not on PATH; install it (pip install uv), or take --installer pip")
        return PipInstaller(), None
    settings = pip_settings(variables)
    if has_hashes:
        # All versions are fixed, and uv refuses constraints beside digests.
        settings.pop("constraint", None)
    for_uv = variables_for_uv(settings, variables)
    if isinstance(for_uv, str):
        reason = f"uv has no equal to the setting {for_uv} of pip"
        if name == "uv":
            raise BentoMLException(f"{reason}; take --installer pip, or set what uv needs and take the setting away")
        return PipInstaller(), reason
    if "UV_INDEX_STRATEGY" not in variables:
        # Like pip: the best version of all indexes, not of the first that knows the name.
        for_uv["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return UvInstaller(program, for_uv), None
