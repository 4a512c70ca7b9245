"""The one door to other programs: argument lists, never a shell."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from typing import IO


@dataclass(frozen=True)
class Completed:
    """A program that has ended."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout_s: float | None = None,
    check: bool = False,
) -> Completed:
    """Run a program to its end and collect its output.

    Args:
        argv: program and arguments.
        env: variables added to those of this process.
        cwd: directory to run in.
        stdin: what the program reads, such as a password; None lets it read what this process does.
        timeout_s: the program is killed after this many seconds.
        check: raise when the exit code is not 0.

    Raises:
        BentoMLException: the program is not there, took too long, or failed with `check`.
    """
    try:
        done = subprocess.run(
            list(argv),
            env={**os.environ, **(env or {})},
            cwd=cwd,
            input=stdin,
            timeout=timeout_s,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise BentoMLException(f"{argv[0]} was not found; install it or put it on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise BentoMLException(f"{argv[0]} did not end within {timeout_s} seconds and was stopped") from error
    completed = Completed(tuple(argv), done.returncode, done.stdout, done.stderr)
    if check and completed.returncode != 0:
        tail = completed.stderr.strip()[-2000:]
        raise BentoMLException(f"{argv[0]} failed with exit code {completed.returncode}: {tail}")
    return completed


def stream(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    pass_fds: Sequence[int] = (),
) -> int:
    """Run a program to its end and hand on what it prints, line by line, while it runs.

    Args:
        argv: program and arguments.
        on_line: called with each line of its output and of its errors, in their order, without the end of the line.
        env: variables added to those of this process.
        without: names of variables of this process that it does not get.
        pass_fds: file descriptors the program inherits under the same numbers.

    Returns:
        Its exit code. It is stopped when `on_line` raises.

    Raises:
        BentoMLException: the program is not there.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            env={**{name: value for name, value in os.environ.items() if name not in without}, **(env or {})},
            pass_fds=tuple(pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise BentoMLException(f"{argv[0]} was not found; install it or put it on PATH") from error
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                on_line(line.rstrip("\n"))
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    new_session: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program and leave it running.

    Args:
        argv: program and arguments.
        env: variables added to those of this process.
        cwd: directory to run in.
        pass_fds: file descriptors the program inherits under the same numbers.
        stdout: where its output goes; by default where ours goes.
        stderr: likewise.
        new_session: detach it from the terminal's signals.
    """
    return subprocess.Popen(
        list(argv),
        env={**os.environ, **(env or {})},
        cwd=cwd,
        pass_fds=tuple(pass_fds),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=new_session,
    )


def pipe(argv: Sequence[str], data: bytes, *, timeout_s: float) -> tuple[int, bytes]:
    """Send bytes through a program that reads all of them and then writes.

    Args:
        argv: program and arguments.
        data: what it reads from stdin.
        timeout_s: the program is killed after this many seconds.

    Returns:
        Its exit code, and what it has written to stdout; stderr is dropped.

    Raises:
        BentoMLException: the program is not there, or took too long.
    """
    try:
        done = subprocess.run(
            list(argv), input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout_s, check=False
        )
    except OSError as error:
        raise BentoMLException(f"{argv[0]} cannot be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise BentoMLException(f"{argv[0]} did not end within {timeout_s} seconds and was stopped") from error
    return done.returncode, done.stdout
