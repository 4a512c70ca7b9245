"""ONNX models whose weights are in files of their own: checked, and copied with all of them."""

from __future__ import annotations

import mmap
import os
import shutil
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from bentoml._models.onnx_file import External, describe, external_data, moved
from bentoml._models.protobuf_wire import DamagedMessageError
from bentoml._util.files import replaced_file, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

# Where a file begins in the one of all of them: at a page of memory, on every system.
_ALIGNMENT_BYTES = 1 << 16


class MisplacedWeightsError(Exception):
    """A file with weights is missing, cut, or outside of the model's directory."""


def mapped(file: Path) -> mmap.mmap:
    """The file of a model, mapped into memory.

    Raises:
        DamagedMessageError: it is empty.
        FileNotFoundError: it is not there.
    """
    with file.open("rb") as opened:
        if opened.seek(0, os.SEEK_END) == 0:
            raise DamagedMessageError("it is empty")
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def check_model(file: Path) -> None:
    """Find what is wrong with a model before a runtime does, which reads weights wherever a model says.

    Raises:
        DamagedMessageError: it is no model.
        MisplacedWeightsError: a file with weights is missing, too short, or not below the directory of the model.
    """
    content = mapped(file)
    describe(content)
    _weight_files(file, content)


def copy_model(source: Path, target: Path, weights: Path) -> None:
    """Copy a model, and its files with weights into one beside it, which is removed when there are none.

    Raises:
        DamagedMessageError: it is no model.
        MisplacedWeightsError: a file with weights is missing, too short, or not below the directory of the model.
    """
    content = mapped(source)
    files = _weight_files(source, content)
    if not files:
        with replaced_file(target) as temporary:
            shutil.copyfile(source, temporary)
        weights.unlink(missing_ok=True)
        return
    parts = _join(files, weights)

    def place(old: External) -> External:
        begin, size = parts[old.location]
        return External(weights.name, begin + old.offset, size - old.offset if old.length is None else old.length)

    write_atomic(target, moved(content, place))


def _weight_files(file: Path, content: mmap.mmap) -> dict[str, Path]:
    """The files with weights of a model, by the names that it has for them."""
    files = {}
    for location, offset, length in external_data(content):
        path = PureWindowsPath(location)
        if PurePosixPath(location).is_absolute() or path.anchor or ".." in path.parts:
            raise MisplacedWeightsError(f"it has weights in {location!r}, which is not below its own directory")
        files[location] = file.parent / location
        if not files[location].is_file():
            raise MisplacedWeightsError(f"its weights are missing: {files[location]}")
        if offset < 0 or (length or 0) < 0 or offset + (length or 0) > files[location].stat().st_size:
            raise MisplacedWeightsError(f"{files[location]} is damaged: weights go beyond its end")
    return files


def _join(files: dict[str, Path], target: Path) -> dict[str, tuple[int, int]]:
    """Copy files into one; tells the byte where each begins, and its size."""
    parts = {}
    with replaced_file(target) as temporary, temporary.open("wb") as joined:
        for location, file in files.items():
            begin = joined.seek(-joined.tell() % _ALIGNMENT_BYTES, os.SEEK_CUR)
            with file.open("rb") as part:
                shutil.copyfileobj(part, joined)
            parts[location] = (begin, joined.tell() - begin)
    return parts
