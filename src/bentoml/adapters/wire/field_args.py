"""The words of `bentoml run` for inputs of several named files: `--input-NAME V...` and `--input-file-NAME F...`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bentoml.adapters.wire.cli_args import CliUsageError, read_words

if TYPE_CHECKING:
    from collections.abc import Sequence


class FieldUsageError(CliUsageError):
    """The words for the fields do not fit together; `bentoml run` exits with 1."""

    exit_code: ClassVar[int] = 1

    def line(self, *, colors: bool) -> str:
        """See `CliUsageError`."""
        return f"\x1b[31m{self}\x1b[0m" if colors else str(self)


@dataclass(frozen=True)
class FieldWord:
    """One value, or the name of one file."""

    text: str
    is_file: bool


def value_flag(field: str) -> str:
    """The flag before the values of a field."""
    return f"--input-{field.replace('_', '-')}"


def file_flag(field: str) -> str:
    """The flag before the files of a field."""
    return f"--input-file-{field.replace('_', '-')}"


def read_fields(
    cli_args: Sequence[str], fields: Sequence[str], optional: Sequence[str] = ()
) -> list[list[FieldWord] | None]:
    """Read the words of each field, as many for one as for another.

    Args:
        cli_args: the words.
        fields: names of the fields.
        optional: those that may be left out, as long as there are others.

    Returns:
        The words of each field; None for one that is left out.

    Raises:
        CliUsageError: two fields have the same flags.
        FieldUsageError: a field is given as values and as files, or not at all, or more often than another.
    """
    flags = [flag for field in fields for flag in (value_flag(field), file_flag(field))]
    if len(set(flags)) != len(flags):
        raise CliUsageError(f"the fields {', '.join(fields)} have the same flags; rename one of them")
    found = read_words(cli_args, flags)
    columns: list[list[FieldWord] | None] = []
    for field in fields:
        values, files = found[value_flag(field)], found[file_flag(field)]
        if values and files:
            raise FieldUsageError(f"Conflict arguments: {value_flag(field)} and {file_flag(field)}; give one of them")
        if not values and not files and field not in optional:
            raise FieldUsageError(f"Insufficient arguments: {value_flag(field)} or {file_flag(field)} is required")
        words = [FieldWord(text, is_file=bool(files)) for text in values or files]
        columns.append(words or None)
    lengths = {value_flag(field): len(column) for field, column in zip(fields, columns, strict=True) if column}
    if not lengths:
        raise FieldUsageError(f"Insufficient arguments: one of {', '.join(flags)} is required")
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{count} for {flag}" for flag, count in lengths.items())
        raise FieldUsageError(f"Arguments length mismatch: {counts}; give as many for each")
    return columns
