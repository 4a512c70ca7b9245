"""A worker: loads the bundle once, then answers one piece after the other. Run as `python -m`, with a socket."""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.adapters.file_input import FileInput
from bentoml.adapters.form_input import BaseFormInput
from bentoml.batch.calls.api_rows import rows_of
from bentoml.batch.calls.row_run import Caution, answer_rows
from bentoml.batch.jobs.wire import Words, send
from bentoml.batch.sinks.output_format import OutputFormat
from bentoml.batch.sinks.parts import PartFiles
from bentoml.batch.sources.piece import Format, Piece
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.service.inference_api import InferenceAPI


@dataclass(frozen=True)
class WorkerTask:
    """What holds for all pieces of a job.

    Attributes:
        bundle: directory of the bundle.
        api: name of the API.
        column: of the text; None for the only one.
        output: the format of the parts.
        directory: of the parts.
        verify: as for `bentoml.load`.
        allow_pickle: as for `bentoml.load`.
    """

    bundle: str
    api: str
    column: str | None
    output: str
    directory: str
    verify: bool
    allow_pickle: bool | None


def main() -> None:
    """Serve the job at the other end of the socket until it closes it."""
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        words = _words(Words(channel))
        task = WorkerTask(**next(words))
        try:
            api = _loaded(task)
        except Exception as error:  # noqa: BLE001 - a door: code of the bundle may raise anything
            send(channel, {"refused": f"{type(error).__name__}: {error}"})
            return
        is_whole = isinstance(api.input_adapter, FileInput)
        send(channel, {"ready": {"takes_files": is_whole}})
        for word in words:
            try:
                answer = _answer(channel, task, api, word)
            except Exception as error:  # noqa: BLE001 - a door: what is read, code of the bundle, a full disk
                answer = {"refused": f"{type(error).__name__}: {error}"}
            send(channel, answer)


def _words(words: Words) -> Iterator[dict[str, Any]]:
    while (heard := words.heard()) is not None:
        yield from heard


def _loaded(task: WorkerTask) -> InferenceAPI:
    service = load(task.bundle, verify=task.verify, allow_pickle=task.allow_pickle)
    api: InferenceAPI = service.get_inference_api(task.api)
    if api.is_stream:
        raise InvalidArgument(f"API '{task.api}' streams its answers; batches need a function that returns")
    if isinstance(api.input_adapter, BaseFormInput):
        raise InvalidArgument(f"API '{task.api}' takes several files at a time, which no row of a batch can be")
    api.input_adapter.prepare()
    return api


def _answer(channel: socket.socket, task: WorkerTask, api: InferenceAPI, word: dict[str, Any]) -> dict[str, Any]:
    fields = word["piece"]
    piece = Piece(**{**fields, "format": Format(fields["format"]), "paths": tuple(fields["paths"])})
    caution = None
    if word["cuts"] is not None:
        caution = Caution(word["cuts"], word["deadly"], lambda start, end: send(channel, {"call": [start, end]}))
    began_s = time.monotonic()
    rows = rows_of(api, piece, task.column)
    read_s = time.monotonic()
    found = answer_rows(api, rows, caution)
    called_s = time.monotonic()
    files = PartFiles(Path(task.directory), piece.number)
    files.write(OutputFormat(task.output), found, read_s=read_s - began_s, call_s=called_s - read_s)
    return {"done": piece.number}


if __name__ == "__main__":
    main()
