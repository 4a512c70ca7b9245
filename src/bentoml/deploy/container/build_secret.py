"""Secrets of a build: what one of its steps may read, and no layer, history or label gets.

`id=pip_config` and `id=netrc` are files. Every other one is a variable, which pip, conda and `setup.sh` see under the
name of its id. All variables go to the engine in one secret, whose value is a script that sets them, since a Dockerfile
has to name each secret that it reads.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILES = ("pip_config", "netrc")
VARIABLES = "variables"
"""Id of the secret that sets all variables."""
SCRIPT_VARIABLE = "BENTOML_BUILD_VARIABLES"
"""Where the engine finds that script; it lies on no disk of ours, and in no command line."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Linux takes no longer string into the environment of a process.
_LONGEST_SCRIPT_BYTES = 128 * 1024 - len(SCRIPT_VARIABLE) - 2


@dataclass(frozen=True)
class BuildSecret:
    """One secret.

    Args:
        id: `pip_config`, `netrc`, or the name of a variable.
        path: file that holds it; None where a variable does.
        variable: name of a variable of this process that holds it; None where a file does.

    Raises:
        InvalidArgument: the id is none, or not exactly one of the others is given, or no engine could take it.
    """

    id: str
    path: Path | None = None
    variable: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.id):
            raise InvalidArgument(
                f"{self.id!r} is no id of a secret; take pip_config, netrc, or the name of a variable such as API_TOKEN"
            )
        if (self.path is None) == (self.variable is None):
            raise InvalidArgument(f"the secret {self.id} comes either from a file (src=) or from a variable (env=)")
        if self.variable is not None and not _NAME.fullmatch(self.variable):
            raise InvalidArgument(f"{self.variable!r} is no name of a variable, for the secret {self.id}")
        if self.variable is not None and self.variable not in os.environ:
            raise InvalidArgument(f"the variable {self.variable} for the secret {self.id} is not set")
        if self.path is not None:
            _check_path(self.id, self.path)

    @property
    def is_variable(self) -> bool:
        """Whether the steps see it as a variable."""
        return self.id not in FILES

    @property
    def option(self) -> str:
        """The value of `--secret`, which docker, podman and buildah read alike."""
        source = f"env={self.variable}" if self.path is None else f"src={self.path.absolute()}"
        return f"id={self.id},{source}"

    def text(self) -> str:
        """What it holds, without a line break at the end.

        Raises:
            InvalidArgument: it cannot be read as text, or has a NUL.
        """
        if self.variable is not None:
            return os.environ[self.variable]
        assert self.path is not None
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"the file {self.path} for the secret {self.id} is no readable text") from error
        if "\0" in text:
            raise InvalidArgument(
                f"the file {self.path} for the secret {self.id} has a NUL, which no variable can hold"
            )
        return text.removesuffix("\n").removesuffix("\r")


def parse_secret(text: str) -> BuildSecret:
    """The secret that a command line asks for.

    Args:
        text: `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`; `source=` is `src=`.

    Raises:
        InvalidArgument: it is written in another way, or cannot be.
    """
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        key = {"source": "src"}.get(key, key)
        if key not in {"id", "src", "env"} or not value or key in fields:
            # The text may hold the secret itself, so it is not repeated.
            raise InvalidArgument("a secret is written as id=NAME,src=FILE or id=NAME,env=VARIABLE")
        fields[key] = value
    path = Path(fields["src"]) if "src" in fields else None
    return BuildSecret(fields.get("id", ""), path, fields.get("env"))


def secret_options(secrets: Iterable[BuildSecret]) -> tuple[str, ...]:
    """The values of `--secret` for the engine: files one by one, all variables in one."""
    listed = list(secrets)
    options = [secret.option for secret in listed if not secret.is_variable]
    if any(secret.is_variable for secret in listed):
        options.append(f"id={VARIABLES},env={SCRIPT_VARIABLE}")
    return tuple(options)


def engine_variables(secrets: Iterable[BuildSecret]) -> Mapping[str, str]:
    """What the environment of the engine needs beside that of this process.

    Raises:
        InvalidArgument: a secret is no text, or they are longer than an environment can hold.
    """
    lines = [f"export {secret.id}={shlex.quote(secret.text())}\n" for secret in secrets if secret.is_variable]
    script = "".join(lines)
    if len(os.fsencode(script)) > _LONGEST_SCRIPT_BYTES:
        raise InvalidArgument(
            f"the secrets that are variables have more than {_LONGEST_SCRIPT_BYTES // 1024} KiB; give shorter ones"
        )
    return {SCRIPT_VARIABLE: script} if script else {}


def _check_path(secret_id: str, path: Path) -> None:
    try:
        is_file = path.is_file()
    except OSError as error:
        raise InvalidArgument(f"the file for {secret_id} cannot be looked at: {error.strerror}") from error
    if not is_file:
        raise InvalidArgument(f"the file {str(path)[:200]!r} for {secret_id} does not exist")
    # The programs take options that are separated by commas, and docker reads them as CSV.
    if any(character in ',"' for character in str(path)) or not str(path.absolute()).isprintable():
        raise InvalidArgument(f"the path {str(path)!r} has a comma, a quote or control characters; choose another")
