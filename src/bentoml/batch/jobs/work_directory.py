"""The directory beside the output in which a job keeps its parts, until they are one file."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bentoml._util.file_lock import lock_file
from bentoml._util.files import write_atomic
from bentoml._version import __version__
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.layout import DIGESTS, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bentoml.batch.jobs.job import BatchJob
    from bentoml.batch.sources.input_files import InputFile

_RECORD = "job.json"


def work_directory_of(output: Path) -> Path:
    """Where the parts of a job with this output are."""
    return output.with_name(f"{output.name}.parts")


@contextmanager
def opened_work_directory(job: BatchJob) -> Iterator[Path]:
    """The work directory of a job, which nobody else can open meanwhile.

    Raises:
        InvalidArgument: the output exists, a job was begun before, or it is under way.
    """
    directory = work_directory_of(job.output)
    if directory.exists() and not job.resume and not job.overwrite:
        raise InvalidArgument(
            f"{directory} has the parts of a job that was ended; go on with --resume, or begin anew with --overwrite"
        )
    if job.output.exists() and not job.overwrite and not directory.exists():
        raise InvalidArgument(f"{job.output} exists; write to another file, or replace it with --overwrite")
    directory.mkdir(exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            lock_file(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, directory, "--output")
        except BlockingIOError as error:
            raise InvalidArgument(f"another job writes to {job.output}; wait for its end") from error
        yield directory
    finally:
        with suppress(OSError):  # it has parts, or is gone
            directory.rmdir()
        os.close(descriptor)


def begin(directory: Path, job: BatchJob, files: Sequence[InputFile]) -> None:
    """Write down what the job is, or see that it is the one that was begun.

    Args:
        directory: opened.
        job: what is asked.
        files: of the input.

    Raises:
        InvalidArgument: another job was begun.
    """
    record = _record_of(job, files)
    path = directory / _RECORD
    if job.resume and path.exists():
        before = json.loads(path.read_bytes())
        for key, value in record.items():
            if before.get(key) != value:
                raise InvalidArgument(
                    f"the job in {directory} was begun with {_WORDS[key]}; go on with what it was begun with, "
                    "or begin anew with --overwrite"
                )
        return
    for old in directory.iterdir():
        old.unlink()
    write_atomic(path, json.dumps(record))


def remove(directory: Path) -> None:
    """Remove the parts, once they are one file."""
    shutil.rmtree(directory)


_WORDS = {
    "version": "another version of bentoml",
    "bundle": "another bundle",
    "api": "another API",
    "inputs": "other input files, or they have changed",
    "size": "pieces of another size (--chunk-rows)",
    "column": "another --column",
    "output": "another format of the output",
}


def _record_of(job: BatchJob, files: Sequence[InputFile]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for name in (MANIFEST, DIGESTS):
        path = job.bundle / name
        digest.update(path.read_bytes() if path.exists() else b"")
    listed = json.dumps([(file.path, file.format, file.size_bytes, file.changed_ns) for file in files])
    return {
        "version": __version__,
        "bundle": digest.hexdigest(),
        "api": job.api,
        "inputs": hashlib.sha256(listed.encode()).hexdigest(),
        "size": [job.size.max_bytes, job.size.max_rows],
        "column": job.column,
        "output": job.output.suffix.lower(),
    }
