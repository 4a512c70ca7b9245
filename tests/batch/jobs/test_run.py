"""Jobs of real worker processes: same rows in the same order, whatever happens on the way."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bentoml.batch import BatchProgress, RowsFailedError, run
from bentoml.exceptions import BentoMLException, InvalidArgument


def lines_file(directory: Path, values: list[Any], name: str = "in.jsonl") -> Path:
    path = directory / name
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values), encoding="utf-8")
    return path


def results(path: Path) -> list[Any]:
    return [json.loads(line)["result"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("workers", [1, 3])
def test_run_keeps_the_order_of_rows_and_files_whatever_the_number_of_workers(
    bundle: Path, tmp_path: Path, workers: int
) -> None:
    lines_file(tmp_path, list(range(100)), "1.jsonl")
    lines_file(tmp_path, list(range(100, 150)), "2.jsonl")
    seen: list[BatchProgress] = []

    report = run(
        bundle, "value", tmp_path / "*.jsonl", tmp_path / "out.jsonl", workers=workers, chunk_rows=7,
        on_progress=seen.append,
    )  # fmt: skip

    assert results(tmp_path / "out.jsonl") == [value * 2 for value in range(150)]
    assert (report.rows, report.failed, report.errors, report.pieces) == (150, 0, None, 15 + 8)
    assert (seen[-1].rows, seen[-1].done_bytes) == (150, seen[-1].total_bytes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.jsonl", "2.jsonl", "out.jsonl"]


def test_run_writes_failed_rows_as_nulls_and_says_which_and_why(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,x\n-1,x\n3,x\n-1,x\n5,x\n")

    report = run(bundle, "frame", tmp_path / "in.csv", tmp_path / "out.csv", workers=1, chunk_rows=2)

    assert (tmp_path / "out.csv").read_text() == 'a\n2\n""\n6\n""\n10\n'
    assert (report.rows, report.failed) == (5, 2)
    assert report.errors == str(tmp_path / "out.csv.errors.jsonl")
    assert [json.loads(line) for line in Path(report.errors).read_text().splitlines()] == [
        {"file": str(tmp_path / "in.csv"), "row": row, "output_row": row, "reason": "ValueError: a is negative"}
        for row in (1, 3)
    ]


def test_run_leaves_out_rows_that_end_the_worker(bundle: Path, tmp_path: Path) -> None:
    values = list(range(20))
    values[5] = values[13] = 666
    (tmp_path / "in.csv").write_text("a\n" + "".join(f"{value}\n" for value in values))

    report = run(bundle, "frame", tmp_path / "in.csv", tmp_path / "out.jsonl", workers=2, chunk_rows=10)

    found = [json.loads(line)["a"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert found == [None if value == 666 else value * 2 for value in values]
    reasons = [json.loads(line) for line in (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()]
    assert [(error["row"], "died" in error["reason"]) for error in reasons] == [(5, True), (13, True)]
    assert report.failed == 2


def test_run_on_files_gives_a_row_for_each(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}.bin").write_bytes(b"x" * number)

    run(bundle, "size", tmp_path / "in", tmp_path / "out.csv", workers=1, chunk_rows=2)

    assert (tmp_path / "out.csv").read_text() == "result\n0\n1\n2\n3\n4\n"


def test_run_with_no_row_writes_an_empty_output(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").touch()
    assert run(bundle, "value", tmp_path / "in.jsonl", tmp_path / "out.jsonl", workers=1).rows == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_run_ends_when_more_rows_fail_than_may_and_goes_on_when_more_may(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n2\n-3\n4\n")
    arguments: tuple[Any, ...] = (bundle, "frame", tmp_path / "in.csv", tmp_path / "out.csv")

    with pytest.raises(RowsFailedError, match=r"1 rows failed, and 0 may.*row 0 of a piece .* a is negative"):
        run(*arguments, workers=1, chunk_rows=2, fail_fast=True)
    assert not (tmp_path / "out.csv").exists()

    report = run(*arguments, workers=1, chunk_rows=2, max_errors=1, resume=True)
    assert (report.rows, report.failed, report.resumed_pieces) == (4, 1, 2)


KILLED = """
import sys
from bentoml.batch import run
bundle, source, output = sys.argv[1:]
run(bundle, "value", source, output, workers=2, chunk_rows=5, resume=True)
"""


def parts_in(directory: Path) -> int:
    return len(list(directory.glob("[0-9]*[0-9].json"))) if directory.exists() else 0


@pytest.mark.timeout(300)
def test_run_killed_at_random_points_and_resumed_gives_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    source = lines_file(tmp_path, [f"value {number}" for number in range(3000)])
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    run(bundle, "value", source, whole, workers=1, chunk_rows=5)
    rng = random.Random(5)
    kills = 0
    while not output.exists():
        with subprocess.Popen([sys.executable, "-c", KILLED, str(bundle), str(source), str(output)]) as process:
            wanted = parts_in(tmp_path / "out.jsonl.parts") + rng.randrange(45)
            while process.poll() is None and parts_in(tmp_path / "out.jsonl.parts") < wanted:
                time.sleep(rng.random() / 200)
            kills += process.poll() is None and kills < 20
            process.send_signal(signal.SIGKILL if kills < 20 else signal.SIGCONT)
    assert kills >= 10
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl", "whole.jsonl"]


def test_resume_of_another_job_is_refused_with_what_differs(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n-2\n")
    output = tmp_path / "out.csv"
    with pytest.raises(RowsFailedError):
        run(bundle, "frame", tmp_path / "in.csv", output, workers=1, fail_fast=True)

    with pytest.raises(InvalidArgument, match="has the parts of a job that was ended; go on with --resume"):
        run(bundle, "frame", tmp_path / "in.csv", output, workers=1)
    with pytest.raises(InvalidArgument, match="was begun with another API"):
        run(bundle, "value", tmp_path / "in.csv", output, workers=1, resume=True)
    with pytest.raises(InvalidArgument, match="pieces of another size"):
        run(bundle, "frame", tmp_path / "in.csv", output, workers=1, resume=True, chunk_rows=1)
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    with pytest.raises(InvalidArgument, match="other input files, or they have changed"):
        run(bundle, "frame", tmp_path / "in.csv", output, workers=1, resume=True)

    assert run(bundle, "frame", tmp_path / "in.csv", output, workers=1, overwrite=True).failed == 0


def test_run_onto_a_file_that_exists_needs_overwrite(bundle: Path, tmp_path: Path) -> None:
    source = lines_file(tmp_path, [1])
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(InvalidArgument, match="exists; write to another file, or replace it with --overwrite"):
        run(bundle, "value", source, tmp_path / "out.csv", workers=1)
    assert (tmp_path / "out.csv").read_text() == "mine"

    run(bundle, "value", source, tmp_path / "out.csv", workers=1, overwrite=True)
    assert (tmp_path / "out.csv").read_text() == "result\n2\n"


def test_run_never_reads_what_it_writes(bundle: Path, tmp_path: Path) -> None:
    source = lines_file(tmp_path, [1])
    with pytest.raises(InvalidArgument, match="lies in the input"):
        run(bundle, "value", tmp_path, tmp_path / "out.csv", workers=1)
    with pytest.raises(InvalidArgument, match="is one of the inputs"):
        run(bundle, "value", tmp_path / "*.jsonl", source, workers=1, overwrite=True)
    assert source.read_text() == "1\n"


@pytest.mark.parametrize(
    ("api", "options", "problem"),
    [
        ("stream", {}, "streams its answers"),
        ("missing", {}, "missing"),
        ("value", {"workers": 0}, "at least one worker"),
        ("value", {"chunk_rows": 0}, "at least one row"),
        ("value", {"format": "xml"}, "the format 'xml' is not known"),
    ],
)
def test_run_of_what_cannot_be_done_says_why(
    bundle: Path, tmp_path: Path, api: str, options: dict[str, Any], problem: str
) -> None:
    source = lines_file(tmp_path, [1])
    with pytest.raises(BentoMLException, match=problem):
        run(bundle, api, source, tmp_path / "out.csv", **{"workers": 1, **options})
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_run_of_a_bundle_that_ends_every_worker_gives_up(broken_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BentoMLException, match=r"3 workers died while they loaded the bundle; .* exit code 7"):
        run(broken_bundle, "value", lines_file(tmp_path, [1]), tmp_path / "out.csv", workers=2)


def test_workers_share_the_cpus(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    run(bundle, "threads", lines_file(tmp_path, [1]), tmp_path / "out.jsonl", workers=1000)
    assert results(tmp_path / "out.jsonl") == ["1"]
