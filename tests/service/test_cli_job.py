"""Jobs of the command line: what is read and answered when, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bentoml.adapters import JsonInput
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import InferenceTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Notes:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def started(self, total: int | None) -> None:
        self.heard.append(("started", total))

    def read(self) -> None:
        self.heard.append("read")

    def answered(self, count: int) -> None:
        self.heard.append(count)


class Unsized(JsonInput):
    def from_cli(self, cli_args: Sequence[str]) -> Iterator[InferenceTask[Any]]:
        return iter(list(super().from_cli(cli_args)))  # a list's iterator has a length hint


class Endless(JsonInput):
    def from_cli(self, cli_args: Sequence[str]) -> Iterator[InferenceTask[Any]]:
        for text in "123":
            yield InferenceTask(data=text, cli_args=tuple(cli_args))


def job(
    adapter: JsonInput, *words: str, function: Any = lambda values: values, batch: bool = True
) -> tuple[int, Notes]:
    notes = Notes()
    exit_code = InferenceAPI(None, "echo", "", adapter, function, batch=batch).handle_cli(words, notes)
    return exit_code, notes


def test_job_in_batches_reads_no_more_than_the_next_batch(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code, notes = job(JsonInput(), "--input", "1", "2", "3", "--max-batch-size", "2")
    assert (exit_code, capsys.readouterr().out) == (0, "1\n2\n3\n")
    assert notes.heard == [("started", 3), "read", "read", 2, "read", 1]


def test_job_without_batch_size_is_one_call(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[Any] = []

    def function(values: list[Any]) -> list[Any]:
        calls.append(list(values))
        return values

    exit_code, notes = job(JsonInput(), "--input", "1", "2", "3", function=function)
    assert (exit_code, calls) == (0, [[1, 2, 3]])
    assert notes.heard == [("started", 3), "read", "read", "read", 3]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("adapter", "total"), [(Unsized(), 2), (Endless(), None)], ids=["hint", "generator"])
def test_job_of_a_custom_adapter_says_its_length_where_it_is_known(
    adapter: JsonInput, total: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, notes = job(adapter, "--input", "1", "2")
    assert (exit_code, notes.heard[0]) == (0, ("started", total))


def test_files_of_a_job_are_read_when_their_turn_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text("1")

    def function(values: list[Any]) -> list[Any]:
        second.write_text("2")
        return values

    exit_code, _ = job(JsonInput(), "--input-file", str(first), str(second), "--max-batch-size", "1", function=function)
    assert (exit_code, capsys.readouterr().out) == (0, "1\n2\n")


def test_job_of_a_generator_counts_each_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def function(value: Any) -> Iterator[str]:
        yield from str(value)

    exit_code, notes = job(JsonInput(), "--input", "12", "3", function=function, batch=False)
    assert (exit_code, capsys.readouterr().out) == (0, "12\n3\n")
    assert notes.heard == [("started", 2), "read", 1, "read", 1]


@pytest.mark.parametrize("words", [["--max-batch-size", "0"], ["-o", "xml"], []], ids=["size", "output", "no input"])
def test_misused_words_end_a_job_before_it_starts(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--input", "1", *words] if words else []
    exit_code, notes = job(JsonInput(), *given)
    assert (exit_code, notes.heard) == (2, [])
    assert capsys.readouterr().err.startswith("Error: ")
