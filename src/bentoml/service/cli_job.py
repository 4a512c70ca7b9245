"""One job of `bentoml run`: from the words of a command line to lines of results."""

from __future__ import annotations

from itertools import islice
from operator import length_hint
from typing import TYPE_CHECKING, Any, Protocol

from bentoml.adapters.wire.cli_args import read_max_batch_size, read_output_format
from bentoml.service.stream_print import print_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import InferenceTask


class JobProgress(Protocol):
    """Whoever shows how far a job has come."""

    def started(self, total: int | None) -> None:
        """The job has so many inputs; None when nobody can tell."""

    def read(self) -> None:
        """One more input was read."""

    def answered(self, count: int) -> None:
        """So many more results are about to be written."""


class Unwatched:
    """Nobody looks."""

    def started(self, total: int | None) -> None:
        """See `JobProgress`."""

    def read(self) -> None:
        """See `JobProgress`."""

    def answered(self, count: int) -> None:
        """See `JobProgress`."""


async def run_cli_job(api: InferenceAPI, cli_args: Sequence[str], progress: JobProgress) -> int:
    """Answer the arguments of `bentoml run`: one line per result to stdout, errors to stderr.

    Without `--max-batch-size` all inputs are answered in one call; streams are written one after the other.

    Returns:
        The exit code.

    Raises:
        CliUsageError: the arguments are misused.
    """
    max_batch_size = read_max_batch_size(cli_args)
    read_output_format(cli_args)  # misuse is an error before the model runs, not after
    write = api.output_adapter.cli_writer(cli_args)
    given = api.input_adapter.from_cli(cli_args)
    total = length_hint(given, -1)
    progress.started(total if total >= 0 else None)
    tasks = _watched(given, progress)
    exit_code = 0
    if api.is_stream:
        for task in tasks:
            opened = await api.open_task_async(task)
            progress.answered(1)
            exit_code = await print_stream(opened, api.output_adapter) or exit_code
        return exit_code
    while chunk := list(islice(tasks, max_batch_size)):
        results = await api.infer_async(chunk)
        progress.answered(len(results))
        exit_code = write(results) or exit_code
    return exit_code


def _watched(tasks: Iterable[InferenceTask[Any]], progress: JobProgress) -> Iterator[InferenceTask[Any]]:
    for task in tasks:
        progress.read()
        yield task
