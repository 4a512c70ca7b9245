"""The words of `bentoml run` when the answers go to a file."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("csv", "jsonl", "parquet", "arrow", "file")


@dataclass(frozen=True)
class BatchWords:
    """What the user has said, as `bentoml.batch.run` takes it; None where nothing is said."""

    input_file: list[str]
    output: str
    errors: str | None
    format: str | None
    column: str | None
    workers: int | None
    chunk_rows: int | None
    max_errors: int | None
    fail_fast: bool
    resume: bool
    overwrite: bool
    report: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise click.UsageError(message)


def read_batch_words(words: Sequence[str]) -> BatchWords | None:
    """What is said of a batch; None when the output is no file: `json` and `str` are forms of lines.

    Raises:
        click.UsageError: it is a batch, and the words are misused.
    """
    given = _Parser(add_help=False, allow_abbrev=False)
    given.add_argument("-o", "--output", dest="output", nargs="?")
    output = given.parse_known_args(list(words))[0].output
    if output is None or not (Path(output).suffix or Path(output).name != output):
        return None
    return BatchWords(**vars(_parser().parse_args(list(words))))


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--input-file", nargs="+", action="extend", required=True)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--errors")
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--column")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--chunk-rows", type=int)
    parser.add_argument("--max-errors", type=int)
    parser.add_argument("--fail-fast", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--report", choices=["text", "json"], default="text")
    return parser
