"""`bentoml run ... --output FILE`: a job of offline batch, with its progress and its report."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, TextIO

import click

from bentoml.cli.interruption import sigterm_as_exit
from bentoml.cli.progress import SHORTEST_BETWEEN_S, write_over

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.batch import BatchProgress, BatchReport
    from bentoml.cli.batch_words import BatchWords
    from bentoml.cli.command import Verbosity

BETWEEN_LINES_S = 10.0


def run_batch(
    bundle: Path, api: str, words: BatchWords, verbosity: Verbosity, *, verify: bool, allow_pickle: bool | None
) -> None:
    """Run the job, say on stderr how far it has come, and print what it has come to.

    Args:
        bundle: directory of the bundle.
        api: name of the API.
        words: what the user has said.
        verbosity: how much the user wants to see.
        verify: as for `bentoml.load`.
        allow_pickle: as for `bentoml.load`.

    Raises:
        BentoMLException: see `bentoml.batch.run`.
    """
    from bentoml.batch import run

    line = BatchLine(sys.stderr, is_terminal=sys.stderr.isatty())
    try:
        with sigterm_as_exit():
            report = run(
                bundle,
                api,
                words.input_file,
                words.output,
                errors=words.errors,
                workers=words.workers,
                chunk_rows=words.chunk_rows,
                format=words.format,
                column=words.column,
                fail_fast=words.fail_fast,
                max_errors=words.max_errors,
                resume=words.resume,
                overwrite=words.overwrite,
                verify=verify,
                allow_pickle=allow_pickle,
                on_progress=None if verbosity.quiet else line.show,
            )
    except (KeyboardInterrupt, SystemExit):
        line.close()
        click.echo(f"The job was ended; what is answered is kept. Go on with --resume: {words.output}", err=True)
        raise
    finally:
        line.close()
    click.echo(json.dumps(report.to_json()) if words.report == "json" else report_text(report))


class BatchLine:
    """Says how far a job has come: on one line of a terminal, or a line every ten seconds elsewhere.

    Args:
        stream: where to write.
        is_terminal: whether a line can be written over.
        clock: seconds.
    """

    def __init__(self, stream: TextIO, *, is_terminal: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._is_terminal = is_terminal
        self._clock = clock
        self._shown_s = clock()
        self._is_visible = False

    def show(self, progress: BatchProgress) -> None:
        """The job has come so far."""
        now_s = self._clock()
        if now_s - self._shown_s < (SHORTEST_BETWEEN_S if self._is_terminal else BETWEEN_LINES_S):
            return
        self._shown_s = now_s
        if self._is_terminal:
            write_over(self._stream, progress_text(progress))
            self._is_visible = True
        else:
            self._stream.write(f"{progress_text(progress)}\n")
            self._stream.flush()

    def close(self) -> None:
        """Leave a clean line."""
        if self._is_visible:
            write_over(self._stream, "")
            self._is_visible = False


def progress_text(progress: BatchProgress) -> str:
    """How much is done, how fast, and how long the rest will take."""
    share = progress.done_bytes / progress.total_bytes if progress.total_bytes else 1.0
    share = min(share, 1.0)
    rate = progress.rows / max(progress.seconds, 1e-9)
    text = f"{share:.0%}, {progress.rows:,} rows, {rate:,.0f} rows/s"
    if 0 < share < 1:
        text += f", {progress.seconds * (1 - share) / share:,.0f} s left"
    return text + (f", {progress.failed:,} failed" if progress.failed else "")


def report_text(report: BatchReport) -> str:
    """What a job has come to, for people."""
    rate = report.rows / max(report.seconds, 1e-9)
    crew = "1 worker" if report.workers == 1 else f"{report.workers} workers"
    head = f"{report.rows:,} rows in {report.seconds:,.1f} s ({rate:,.0f} rows/s, {crew})"
    spent = f"{report.read_s:,.1f} to read, {report.call_s:,.1f} in the API, {report.write_s:,.1f} to write"
    lines = [
        f"{head}: {report.output}",
        f"Seconds of all workers: {spent}; then {report.join_s:,.1f} to join the parts",
    ]
    if report.resumed_pieces:
        lines.append(f"{report.resumed_pieces} of {report.pieces} pieces were answered before")
    if report.errors is not None:
        lines.append(f"{report.failed:,} rows failed: {report.errors}")
    return "\n".join(lines)
