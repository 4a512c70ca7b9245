"""The words after `bentoml run BENTO API`: each adapter reads its own and ignores the others."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from bentoml.exceptions import CLIException

if TYPE_CHECKING:
    from collections.abc import Sequence


class CliUsageError(CLIException):
    """The words contradict each other or one is missing; `bentoml run` exits with 2."""

    exit_code: ClassVar[int] = 2

    def line(self, *, colors: bool) -> str:  # noqa: ARG002 - for subclasses
        """What `bentoml run` says, without line end.

        Args:
            colors: whether the terminal shows them.
        """
        return f"Error: {self}"


@dataclass(frozen=True)
class CliInput:
    """Where the input is: literal values or file names, never both."""

    values: tuple[str, ...]
    files: tuple[str, ...]


class _Parser(argparse.ArgumentParser):
    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise CliUsageError(message)


def read_input(cli_args: Sequence[str]) -> CliInput:
    """Read `--input V [V ...]` or `--input-file F [F ...]`.

    Raises:
        CliUsageError: none or both are given.
    """
    parser = _Parser()
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--input", nargs="+", action="extend", default=[])
    group.add_argument("--input-file", nargs="+", action="extend", default=[])
    found, others = parser.parse_known_args(list(cli_args))
    if not found.input and not found.input_file:
        given = f", given only: {' '.join(others)}" if others else ""
        parser.error(f"one of the arguments --input --input-file is required{given}")
    return CliInput(tuple(found.input), tuple(found.input_file))


def read_words(cli_args: Sequence[str], flags: Sequence[str]) -> dict[str, list[str]]:
    """Read `FLAG WORD [WORD ...]` for each of some flags, any number of times.

    Returns:
        The words after each flag; none where it is not given.

    Raises:
        CliUsageError: a flag without words.
    """
    parser = _Parser()
    for flag in flags:
        parser.add_argument(flag, dest=flag, nargs="+", action="extend", default=[])
    found, _ = parser.parse_known_args(list(cli_args))
    return vars(found)


def read_max_batch_size(cli_args: Sequence[str]) -> int | None:
    """Read `--max-batch-size N`, the largest number of tasks in one function call; None means no limit.

    Raises:
        CliUsageError: it is not a positive number.
    """
    size: int | None = _read_option(cli_args, "--max-batch-size", type=int)
    if size is not None and size < 1:
        raise CliUsageError(f"argument --max-batch-size: must be at least 1, not {size}")
    return size


def read_format(cli_args: Sequence[str], names: Sequence[str]) -> str | None:
    """Read `--format NAME`; None when it is not given.

    Args:
        cli_args: the words.
        names: of the formats that there are.

    Raises:
        CliUsageError: it is another one.
    """
    value: str | None = _read_option(cli_args, "--format", choices=names)
    return value


def read_output_format(cli_args: Sequence[str]) -> str:
    """Read `-o/--output json|str`; `json` when it is not given.

    Raises:
        CliUsageError: it is another one.
    """
    value: str = _read_option(cli_args, "-o", "--output", choices=["json", "str"], default="json")
    return value


def read_output_dir(cli_args: Sequence[str]) -> str | None:
    """Read `--output-dir DIR`, where results are written to files; None when it is not given.

    Raises:
        CliUsageError: it is given without a directory.
    """
    value: str | None = _read_option(cli_args, "--output-dir")
    return value


def _read_option(cli_args: Sequence[str], *names: str, **settings: Any) -> Any:
    parser = _Parser()
    parser.add_argument(*names, dest="option", **settings)
    found, _ = parser.parse_known_args(list(cli_args))
    return found.option
