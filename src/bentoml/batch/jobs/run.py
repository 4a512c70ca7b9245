"""The call for users."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util.cpus import cpu_count
from bentoml.batch.jobs.job import BatchJob
from bentoml.batch.jobs.local_run import run_job
from bentoml.batch.sources.piece import CutSize, Format
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.resolve import resolve_bundle_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.batch.jobs.job import BatchProgress, BatchReport


def run(  # noqa: PLR0913 - one call for users, who name what they give
    bundle: str | os.PathLike[str],
    api: str,
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    errors: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    chunk_rows: int | None = None,
    format: str | None = None,  # noqa: A002 - as the option is called
    column: str | None = None,
    fail_fast: bool = False,
    max_errors: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    verify: bool = True,
    allow_pickle: bool | None = None,
    on_progress: Callable[[BatchProgress], None] | None = None,
) -> BatchReport:
    """Answer all rows of files with an API of a bundle, and write the answers to one file in the same order.

    A row that fails is a row of nulls in the output; the errors file says why.

    Args:
        bundle: directory, address, `NAME:VERSION` or `NAME@ALIAS`.
        api: name of the API.
        inputs: a file, a directory, a pattern, or several of these: CSV, JSON lines, Parquet or Arrow, a row per
            record; for APIs of files and images any files, a row each.
        output: a file whose name ends with .csv, .jsonl, .parquet or .arrow.
        errors: the file for rows that fail; by default the name of the output and `.errors.jsonl`.
        workers: processes, each with the bundle loaded; by default one for each CPU.
        chunk_rows: most records of a piece; by default a piece has about 8 MiB. Row groups of Parquet and record
            batches of Arrow are never cut.
        format: `csv`, `jsonl`, `parquet`, `arrow` or `file`; by default the names of the files tell.
        column: for APIs of text, the column that has it; by default the only one.
        fail_fast: end with the first row that fails.
        max_errors: end when more rows have failed.
        resume: go on with a job that was ended, if there is one.
        overwrite: replace the output if it exists, and begin anew if the job was begun before.
        verify: compare every file of the bundle with the digests that were saved.
        allow_pickle: as for `bentoml.load`.
        on_progress: is told how far the job has come, whenever a piece is done.

    Raises:
        BentoMLException: there is no such bundle.
        InvalidArgument: an input cannot be read, or the output may not be written.
        RowsFailedError: more rows failed than may.
        BentoMLException: a worker cannot go on, or the answers do not fit into one file.
    """
    given = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    target = Path(output).absolute()
    job = BatchJob(
        bundle=resolve_bundle_path(os.fspath(bundle)).absolute(),
        api=api,
        inputs=[os.fspath(one) for one in given],
        output=target,
        errors=target.with_name(f"{target.name}.errors.jsonl") if errors is None else Path(errors).absolute(),
        workers=cpu_count() if workers is None else workers,
        size=CutSize() if chunk_rows is None else CutSize(max_rows=chunk_rows),
        format=_format_of(format),
        column=column,
        max_errors=0 if fail_fast else max_errors,
        resume=resume,
        overwrite=overwrite,
        verify=verify,
        allow_pickle=allow_pickle,
    )
    return run_job(job, on_progress)


def _format_of(name: str | None) -> Format | None:
    try:
        return None if name is None else Format(name)
    except ValueError as error:
        names = ", ".join(one.value for one in Format)
        raise InvalidArgument(f"the format {name!r} is not known; there are {names}") from error
