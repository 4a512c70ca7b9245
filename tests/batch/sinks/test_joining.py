"""Parts are joined in order, with the rows that failed as rows of nulls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bentoml.batch.calls.row_run import PieceAnswers
from bentoml.batch.sinks.joining import join_errors, join_parts
from bentoml.batch.sinks.output_format import OutputFormat, output_format
from bentoml.batch.sinks.parts import PartFiles, PartRecord
from bentoml.batch.sinks.text_rows import csv_of
from bentoml.batch.sources.piece import Format, Piece
from bentoml.exceptions import BentoMLException, InvalidArgument

ALL = list(OutputFormat)


def written(
    directory: Path, kind: OutputFormat, pieces: list[PieceAnswers]
) -> list[tuple[Piece, PartFiles, PartRecord]]:
    parts = []
    for number, found in enumerate(pieces):
        files = PartFiles(directory, number)
        record = files.write(kind, found, read_s=0, call_s=0)
        assert files.read() == record
        parts.append((Piece(number, Format.CSV, (f"{number // 2}.csv",)), files, record))
    return parts


def rows_in(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        frame = pd.read_csv(path).astype(object)
        return frame.where(frame.notna(), None).to_dict("records")  # type: ignore[return-value]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    return table.to_pylist()  # type: ignore[no-any-return]


def joined(directory: Path, kind: OutputFormat, pieces: list[PieceAnswers]) -> list[dict[str, Any]]:
    output = directory / f"out{kind.value}"
    (directory / "parts").mkdir()
    join_parts(written(directory / "parts", kind, pieces), kind, output)
    return rows_in(output)


@pytest.mark.parametrize("kind", ALL)
def test_join_parts_keeps_order_and_gives_failed_rows_nulls(tmp_path: Path, kind: OutputFormat) -> None:
    pieces = [
        PieceAnswers(2, [(range(2), {"a": np.array([1, 2]), "b": ["x", 'q"u,\no']})]),
        PieceAnswers(2, [], {0: "no", 1: "no"}),
        PieceAnswers(0),
        PieceAnswers(3, [([0, 2], {"a": np.array([5, 7]), "b": ["é", "z"]})], {1: "no"}),
    ]

    rows = joined(tmp_path, kind, pieces)

    assert [row["a"] for row in rows] == [1, 2, None, None, 5, None, 7]
    assert [row["b"] for row in rows] == ["x", 'q"u,\no', None, None, "é", None, "z"]


@pytest.mark.parametrize("kind", ALL)
def test_join_parts_of_one_column_of_nulls_keeps_the_rows(tmp_path: Path, kind: OutputFormat) -> None:
    pieces = [PieceAnswers(2, [(range(2), {"a": [None, 1.5]})]), PieceAnswers(1, [], {0: "no"})]
    assert [row["a"] for row in joined(tmp_path, kind, pieces)] == [None, 1.5, None]


@pytest.mark.parametrize("kind", ALL)
def test_join_parts_where_all_rows_failed_has_as_many_rows(tmp_path: Path, kind: OutputFormat) -> None:
    rows = joined(tmp_path, kind, [PieceAnswers(2, [], {0: "no", 1: "no"})])
    assert rows == [{"result": None}, {"result": None}]


@pytest.mark.parametrize("kind", ALL)
def test_join_parts_of_integers_and_floats_gives_one_column(tmp_path: Path, kind: OutputFormat) -> None:
    pieces = [
        PieceAnswers(1, [(range(1), {"a": np.array([1])})]),
        PieceAnswers(1, [(range(1), {"a": np.array([0.5])})]),
    ]
    assert [row["a"] for row in joined(tmp_path, kind, pieces)] == [1, 0.5]


def test_join_parts_of_types_without_anything_in_common_says_so(tmp_path: Path) -> None:
    pieces = [PieceAnswers(1, [(range(1), {"a": ["x"]})]), PieceAnswers(1, [(range(1), {"a": np.array([0.5])})])]
    with pytest.raises(BentoMLException, match="do not have the same types everywhere"):
        joined(tmp_path, OutputFormat.PARQUET, pieces)
    assert not (tmp_path / "out.parquet").exists()


def test_join_parts_of_csv_with_other_columns_says_so(tmp_path: Path) -> None:
    pieces = [PieceAnswers(1, [(range(1), {"a": ["x"]})]), PieceAnswers(1, [(range(1), {"b": ["x"]})])]
    with pytest.raises(BentoMLException, match="do not have the same columns everywhere: first a, then b"):
        joined(tmp_path, OutputFormat.CSV, pieces)


def test_lists_and_objects_are_json_text_in_tables_and_values_in_json_lines(tmp_path: Path) -> None:
    pieces = [PieceAnswers(2, [(range(2), {"a": [{"b": [1, None]}, "text"]})])]
    for kind, first in ((OutputFormat.CSV, '{"b": [1, null]}'), (OutputFormat.JSON_LINES, {"b": [1, None]})):
        (tmp_path / kind.name).mkdir()
        assert [row["a"] for row in joined(tmp_path / kind.name, kind, pieces)] == [first, "text"]


def test_join_errors_counts_rows_by_file_and_by_output(tmp_path: Path) -> None:
    pieces = [
        PieceAnswers(2, [([0], {"a": [1]})], {1: "first"}),
        PieceAnswers(2, [([0], {"a": [1]})], {1: "second"}),
        PieceAnswers(1, [], {0: "third"}),
    ]
    path = tmp_path / "out.errors.jsonl"

    assert join_errors(written(tmp_path, OutputFormat.CSV, pieces), path) == 3
    assert [tuple(row.values()) for row in rows_in(path)] == [
        ("0.csv", 1, 1, "first"),
        ("0.csv", 3, 3, "second"),
        ("1.csv", 0, 4, "third"),
    ]


def test_join_errors_without_any_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.errors.jsonl"
    path.touch()
    assert join_errors(written(tmp_path, OutputFormat.CSV, [PieceAnswers(1, [([0], {"a": [1]})])]), path) == 0
    assert not path.exists()


@pytest.mark.parametrize("name", ["000000.data", "000000.errors.jsonl", "000000.json"])
@pytest.mark.parametrize("damage", [b"", b"x"])
def test_read_of_a_part_that_is_damaged_finds_none(tmp_path: Path, name: str, damage: bytes) -> None:
    ((_, files, _),) = written(tmp_path, OutputFormat.CSV, [PieceAnswers(2, [([0], {"a": [1]})], {1: "no"})])
    (tmp_path / name).write_bytes(damage)
    assert files.read() is None


def test_output_format_of_another_name_says_which_there_are() -> None:
    with pytest.raises(InvalidArgument, match=r"ends with \.csv, \.jsonl, \.arrow, \.parquet"):
        output_format("out.txt")


def test_a_column_of_whole_numbers_is_written_as_any_other() -> None:
    values = [3, -(2**63), 0]
    assert csv_of({"a": np.array(values)}) == csv_of({"a": values}) == b"3\n-9223372036854775808\n0\n"
