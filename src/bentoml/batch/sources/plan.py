"""What a job consists of: all pieces of all files, in the order of the output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.batch.sources.arrow_files import part_spans
from bentoml.batch.sources.piece import Format, Piece
from bentoml.batch.sources.text_cuts import cuts, header_of, text_start
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bentoml.batch.sources.input_files import InputFile
    from bentoml.batch.sources.piece import CutSize

MAX_WHOLE_FILES = 256


def plan_pieces(files: Sequence[InputFile], size: CutSize) -> Iterator[Piece]:
    """Cut files into pieces: the same ones for the same files and sizes, whenever and wherever that is done.

    Args:
        files: in the order of the output.
        size: of the pieces.

    Raises:
        InvalidArgument: a file cannot be read.
        MissingDependencyException: pyarrow is not installed, and a file needs it.
    """
    return (replace(piece, number=number) for number, piece in enumerate(_unnumbered(files, size)))


def _unnumbered(files: Sequence[InputFile], size: CutSize) -> Iterator[Piece]:
    whole: list[InputFile] = []
    for file in files:
        if file.format is Format.WHOLE:
            whole.append(file)
            if _is_enough(whole, size):
                yield _of_whole(whole)
                whole = []
            continue
        if file.format in {Format.PARQUET, Format.ARROW}:
            for start, end, size_bytes in part_spans(file.path, file.format, size):
                yield Piece(0, file.format, (file.path,), start, end, size_bytes=size_bytes)
        else:
            yield from _of_text(file, size)
    if whole:
        yield _of_whole(whole)


def _is_enough(files: list[InputFile], size: CutSize) -> bool:
    most = MAX_WHOLE_FILES if size.max_rows is None else size.max_rows
    return len(files) >= most or sum(file.size_bytes for file in files) >= size.max_bytes


def _of_whole(files: list[InputFile]) -> Piece:
    return Piece(0, Format.WHOLE, tuple(file.path for file in files), size_bytes=sum(file.size_bytes for file in files))


def _of_text(file: InputFile, size: CutSize) -> Iterator[Piece]:
    is_csv = file.format is Format.CSV
    try:
        with Path(file.path).open("rb") as opened:
            header_start, start = header_of(opened) if is_csv else (0, text_start(opened))
            first = start
            for end in cuts(opened, first, file.size_bytes, size, is_csv=is_csv):
                yield Piece(0, file.format, (file.path,), start, end, header_start, first * is_csv, end - start)
                start = end
    except OSError as error:
        raise InvalidArgument(f"{file.path} cannot be read: {error.strerror or error}") from error


def read_text(piece: Piece) -> tuple[bytes, bytes]:
    """The header and the records of a piece of text; JSON lines have no header.

    Raises:
        InvalidArgument: the file cannot be read, or has become shorter.
    """
    (path,) = piece.paths
    try:
        with Path(path).open("rb") as file:
            file.seek(piece.header_start)
            header = file.read(piece.header_end - piece.header_start)
            file.seek(piece.start)
            content = file.read(piece.end - piece.start)
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) < piece.end - piece.start:
        raise InvalidArgument(f"{path} has become shorter since the job began; start it anew")
    return header, content
