"""What is asked of one job, and what it has come to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLException, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bentoml.batch.sources.piece import CutSize, Format


class RowsFailedError(BentoMLException):
    """More rows failed than the job allows; what is answered is kept, and the job can go on."""


@dataclass(frozen=True)
class BatchJob:
    """What is asked, with nothing left to decide.

    Attributes:
        bundle: directory of the bundle.
        api: name of the API.
        inputs: names of files or directories, or patterns.
        output: the file that the answers go to, by its name CSV, JSON lines, Arrow or Parquet.
        errors: the file that failed rows go to.
        workers: processes, each with the bundle loaded.
        size: of the pieces.
        format: of the input files; None to tell it from their names.
        column: of the text, for APIs of text; None for the only one.
        max_errors: most rows that may fail; None for any number.
        resume: go on with a job that was ended, if there is one.
        overwrite: replace the output if it exists, and begin anew if the job was begun before.
        verify: compare every file of the bundle with the digests that were saved.
        allow_pickle: as for `bentoml.load`.
    """

    bundle: Path
    api: str
    inputs: Sequence[str]
    output: Path
    errors: Path
    workers: int
    size: CutSize
    format: Format | None
    column: str | None
    max_errors: int | None
    resume: bool
    overwrite: bool
    verify: bool
    allow_pickle: bool | None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InvalidArgument(f"a job needs at least one worker, not {self.workers}")
        if self.size.max_rows is not None and self.size.max_rows < 1:
            raise InvalidArgument(f"a piece has at least one row, not {self.size.max_rows}")
        if not self.inputs:
            raise InvalidArgument("no input is given; name files, patterns or directories")
        if not self.output.parent.is_dir():
            raise InvalidArgument(f"the directory {self.output.parent} does not exist; make it first")


@dataclass(frozen=True)
class BatchProgress:
    """How far a job has come.

    Attributes:
        done_bytes: of the input, about.
        total_bytes: of the input.
        rows: answered or failed, without those that were there when the job went on.
        failed: of these.
        seconds: since the first piece was handed out.
    """

    done_bytes: int
    total_bytes: int
    rows: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class BatchReport:
    """What a job has come to.

    Attributes:
        output: the file with a row for each row of the input, in the same order.
        errors: the file that says which rows failed and why; None when none did.
        rows: of the input.
        failed: of these; they are rows of nulls in the output.
        pieces: that the input was cut into.
        resumed_pieces: of these, those that were answered by the job that this one went on with.
        workers: processes.
        seconds: that the job took.
        read_s: seconds that workers read the input for, all together; of all pieces.
        call_s: seconds that they were in the API for, all together; of all pieces.
        write_s: seconds that they wrote parts for, all together; of all pieces.
        join_s: seconds until the parts were one file.
    """

    output: str
    errors: str | None
    rows: int
    failed: int
    pieces: int
    resumed_pieces: int
    workers: int
    seconds: float
    read_s: float
    call_s: float
    write_s: float
    join_s: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
