"""Names, patterns and directories as the list of files that they stand for."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.batch.sources.piece import Format
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT_OF_SUFFIX = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
}


@dataclass(frozen=True)
class InputFile:
    """A file of the input, as it was when the job was planned.

    Attributes:
        path: absolute.
        format: what it holds.
        size_bytes: its size.
        changed_ns: when it was last written to, nanoseconds since 1970.
    """

    path: str
    format: Format
    size_bytes: int
    changed_ns: int


def list_files(inputs: Sequence[str], given: Format | None) -> list[InputFile]:
    """The files that the inputs stand for, in the order of the inputs; those of one pattern or directory by name.

    Args:
        inputs: names of files or directories, or patterns such as `data/*.csv`; `**` stands for any directories. In a
            directory, names that begin with a dot or an underscore are left out.
        given: what the files hold; None to tell it from their names.

    Raises:
        InvalidArgument: there is no such file, or nobody can tell what it holds.
    """
    paths = [path for one in inputs for path in _paths(one)]
    return [_input_file(path, given) for path in paths]


def _paths(given: str) -> list[Path]:
    path = Path(given)
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.is_file() and not _is_hidden(one.relative_to(path)))
        problem = f"the directory {given} has no files"
    elif path.exists() or not glob.has_magic(given):
        return [path]
    else:
        found = sorted(Path(one) for one in glob.glob(given, recursive=True) if Path(one).is_file())  # noqa: PTH207 - a pattern may be absolute
        problem = f"no file matches {given}"
    if not found:
        raise InvalidArgument(f"{problem}; name files, patterns or directories that have some")
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _input_file(path: Path, given: Format | None) -> InputFile:
    try:
        status = path.stat()
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be read: {error.strerror or error}") from error
    found = FORMAT_OF_SUFFIX.get(path.suffix.lower()) if given is None else given
    if found is None:
        raise InvalidArgument(
            f"nobody can tell from its name what {path} holds; say it with --format {'|'.join(_NAMES)}"
        )
    return InputFile(str(path.absolute()), found, status.st_size, status.st_mtime_ns)


_NAMES = ("csv", "jsonl", "parquet", "arrow")
