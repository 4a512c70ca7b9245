"""`bentoml run ... --output FILE` as a user types it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import click
import pytest

from bentoml.batch import BatchProgress, BatchReport
from bentoml.cli.batch_job import BatchLine, progress_text, report_text
from bentoml.cli.batch_words import read_batch_words
from tests.cli.saved_home import BENTOML, SavedHome, run_bentoml


def test_run_with_an_output_file_answers_all_rows(saved: SavedHome, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n" + "".join(f"{number}\n" for number in range(10)))

    done = run_bentoml(
        "run", "Scaler:2.0", "scale_column", "--input-file", f"{tmp_path}/*.csv", "-o", f"{tmp_path}/out.csv",
        "--workers", "1", "--report", "json", env=saved.env,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["failed"], report["output"]) == (10, 0, f"{tmp_path}/out.csv")
    assert [float(line) for line in (tmp_path / "out.csv").read_text().splitlines()[1:]] == [3 * i for i in range(10)]


def test_run_onto_an_output_that_exists_fails_with_what_to_do(saved: SavedHome, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("1\n")
    (tmp_path / "out.jsonl").touch()

    done = run_bentoml(
        "run", "Scaler:2.0", "scale", "--input-file", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/out.jsonl",
        env=saved.env,
    )  # fmt: skip

    assert done.returncode == 1
    assert "exists; write to another file, or replace it with --overwrite" in done.stderr


def test_run_interrupted_says_how_to_go_on(saved: SavedHome, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f"{number}\n" for number in range(20_000)))
    words = ["--input-file", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/out.jsonl", "--chunk-rows", "1"]
    argv = [BENTOML, "run", "Scaler:2.0", "scale", *words, "--workers", "1"]
    env = {**os.environ, **saved.env}
    parts = tmp_path / "out.jsonl.parts"
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(parts.glob("[0-9]*[0-9].json")):
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "what is answered is kept. Go on with --resume" in said
    assert parts.is_dir()
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    "words", ["--input 1", "--input 1 -o json", "--input 1 --output str", "--input 1 --output xml"]
)
def test_words_without_an_output_file_are_no_batch(words: str) -> None:
    assert read_batch_words(words.split()) is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--output out.csv", "--input-file"),
        ("--input 1 --output out.csv", "--input-file"),
        ("--input-file a.csv --output out.csv --max-batch-size 3", "unrecognized arguments: --max-batch-size 3"),
        ("--input-file a.csv --output out.csv --workers x", "--workers: invalid int value"),
    ],
)
def test_words_of_a_batch_that_are_misused_are_refused(words: str, problem: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(problem)):
        read_batch_words(words.split())


def test_words_of_a_batch_are_taken() -> None:
    words = read_batch_words(["--input-file", "a.csv", "b.csv", "--output", "d/out", "--resume", "--max-errors", "0"])
    assert words is not None
    assert (words.input_file, words.output, words.resume, words.max_errors) == (["a.csv", "b.csv"], "d/out", True, 0)


def test_progress_says_how_much_how_fast_and_how_long() -> None:
    assert progress_text(BatchProgress(25, 100, 1000, 0, 2.0)) == "25%, 1,000 rows, 500 rows/s, 6 s left"
    assert progress_text(BatchProgress(100, 100, 4000, 2, 8.0)) == "100%, 4,000 rows, 500 rows/s, 2 failed"


@pytest.mark.parametrize(("is_terminal", "lines"), [(True, 3), (False, 1)])
def test_progress_lines_come_often_on_terminals_only(is_terminal: bool, lines: int) -> None:
    now_s = 0.0
    stream = io.StringIO()
    line = BatchLine(stream, is_terminal=is_terminal, clock=lambda: now_s)
    for now_s in (0.01, 1.0, 5.0, 11.0):
        line.show(BatchProgress(1, 2, 3, 0, now_s))
    line.close()
    assert stream.getvalue().count("rows/s") == lines
    assert stream.getvalue().endswith("\r\x1b[2K" if is_terminal else "\n")


def test_report_names_the_errors_file() -> None:
    report = BatchReport("out.csv", "out.csv.errors.jsonl", 1000, 2, 10, 3, 4, 2.0, 1.0, 5.0, 0.5, 0.1)
    assert report_text(report).splitlines() == [
        "1,000 rows in 2.0 s (500 rows/s, 4 workers): out.csv",
        "Seconds of all workers: 1.0 to read, 5.0 in the API, 0.5 to write; then 0.1 to join the parts",
        "3 of 10 pieces were answered before",
        "2 rows failed: out.csv.errors.jsonl",
    ]
