"""A job on this machine, from the plan to the one file."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util.cpus import cpu_count
from bentoml._util.worker_threads import thread_limits
from bentoml.batch.jobs import work_directory
from bentoml.batch.jobs.crew import Crew
from bentoml.batch.jobs.job import BatchProgress, BatchReport, RowsFailedError
from bentoml.batch.jobs.worker_process import WorkerTask
from bentoml.batch.sinks.joining import join_errors, join_parts
from bentoml.batch.sinks.output_format import output_format
from bentoml.batch.sinks.parts import PartFiles
from bentoml.batch.sources.input_files import list_files
from bentoml.batch.sources.piece import Format
from bentoml.batch.sources.plan import plan_pieces
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bentoml.batch.jobs.job import BatchJob
    from bentoml.batch.sinks.parts import PartRecord
    from bentoml.batch.sources.input_files import InputFile
    from bentoml.batch.sources.piece import Piece


def run_job(job: BatchJob, on_progress: Callable[[BatchProgress], None] | None = None) -> BatchReport:
    """Answer all rows of the input and write the answers into one file, which appears whole or not at all.

    Memory does not grow with the input: each worker holds one piece.

    Args:
        job: what is asked.
        on_progress: is told how far the job has come, whenever a piece is done.

    Raises:
        InvalidArgument: an input cannot be read, or the output may not be written.
        RowsFailedError: more rows failed than may.
        BentoMLException: a worker cannot go on, or the answers do not fit into one file.
    """
    began_s = time.monotonic()
    kind = output_format(job.output.name)
    with work_directory.opened_work_directory(job) as directory:
        run = _Run(job, directory, on_progress)
        task = WorkerTask(
            str(job.bundle), job.api, job.column, kind.value, str(directory), job.verify, job.allow_pickle
        )
        with closing(Crew(task, job.workers, thread_limits(job.workers, cpu_count(), os.environ))) as crew:
            crew.start()
            files = list_files(job.inputs, Format.WHOLE if crew.takes_files and job.format is None else job.format)
            _check_apart(job, files)
            work_directory.begin(directory, job, files)
            crew.answer(run.missing(files), run.done)
        parts = run.parts()
        joining_s = time.monotonic()
        join_parts(parts, kind, job.output)
        failed = join_errors(parts, job.errors)
        work_directory.remove(directory)
    ended_s = time.monotonic()
    records = [record for _, _, record in parts]
    return BatchReport(
        output=str(job.output),
        errors=str(job.errors) if failed else None,
        rows=sum(record.rows for record in records),
        failed=failed,
        pieces=len(records),
        resumed_pieces=run.resumed,
        workers=job.workers,
        seconds=ended_s - began_s,
        read_s=sum(record.read_s for record in records),
        call_s=sum(record.call_s for record in records),
        write_s=sum(record.write_s for record in records),
        join_s=ended_s - joining_s,
    )


def _check_apart(job: BatchJob, files: Sequence[InputFile]) -> None:
    """See that no job reads what it writes, now or when it goes on.

    Raises:
        InvalidArgument: it would.
    """
    within = [one for one in job.inputs if Path(one).is_dir() and job.output.is_relative_to(Path(one).absolute())]
    if within:
        raise InvalidArgument(f"the output {job.output} lies in the input {within[0]}; write to another directory")
    if any(file.path in {str(job.output), str(job.errors)} for file in files):
        raise InvalidArgument(f"the output {job.output} is one of the inputs; write to another file")


class _Run:
    """Keeps what has become of each piece."""

    def __init__(self, job: BatchJob, directory: Path, on_progress: Callable[[BatchProgress], None] | None) -> None:
        self._job = job
        self._directory = directory
        self._on_progress = on_progress
        self._pieces: list[Piece] = []
        self._records: dict[int, PartRecord] = {}
        self._began_s = time.monotonic()
        self._total_bytes = self._done_bytes = self._rows = self._failed = 0
        self.resumed = 0

    def missing(self, files: Sequence[InputFile]) -> Iterator[Piece]:
        """The pieces that have no part yet."""
        self._total_bytes = sum(file.size_bytes for file in files)
        self._began_s = time.monotonic()
        for piece in plan_pieces(files, self._job.size):
            self._pieces.append(piece)
            record = PartFiles(self._directory, piece.number).read() if self._job.resume else None
            if record is None:
                yield piece
            else:
                self.resumed += 1
                self._keep(piece, record)

    def done(self, piece: Piece) -> None:
        """A part is written."""
        record = PartFiles(self._directory, piece.number).read()
        if record is None:
            raise OSError(f"the part of piece {piece.number} in {self._directory} is damaged")
        self._rows += record.rows
        self._keep(piece, record)
        if self._on_progress is not None:
            seconds = time.monotonic() - self._began_s
            self._on_progress(BatchProgress(self._done_bytes, self._total_bytes, self._rows, self._failed, seconds))

    def _keep(self, piece: Piece, record: PartRecord) -> None:
        self._records[piece.number] = record
        self._done_bytes += piece.size_bytes
        self._failed += record.failed
        most = self._job.max_errors
        if most is not None and self._failed > most:
            files = PartFiles(self._directory, piece.number)
            first = json.loads(files.errors.read_text(encoding="utf-8").partition("\n")[0])
            raise RowsFailedError(
                f"{self._failed} rows failed, and {most} may; one of them, row {first['row']} of a piece of "
                f"{piece.paths[0]}: {first['reason']}. Go on with --resume and a larger --max-errors"
            )

    def parts(self) -> list[tuple[Piece, PartFiles, PartRecord]]:
        """All parts, in the order of the pieces."""
        return [
            (piece, PartFiles(self._directory, piece.number), self._records[piece.number]) for piece in self._pieces
        ]
