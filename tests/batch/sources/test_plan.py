"""A job consists of the same pieces whenever it is planned, and they hold all rows in order."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml.batch.sources.arrow_files import read_parts
from bentoml.batch.sources.input_files import list_files
from bentoml.batch.sources.piece import CutSize, Format, Piece
from bentoml.batch.sources.plan import plan_pieces, read_text
from bentoml.exceptions import InvalidArgument

SIZES = [CutSize(max_bytes=1), CutSize(max_bytes=50), CutSize(max_rows=3), CutSize()]


def planned(inputs: list[Path], size: CutSize, kind: Format | None = None) -> list[Piece]:
    files = list_files([str(path) for path in inputs], kind)
    found = list(plan_pieces(files, size))
    assert found == list(plan_pieces(files, size))
    assert [piece.number for piece in found] == list(range(len(found)))
    return found


def frame_of(pieces: list[Piece]) -> pd.DataFrame:
    return pd.concat([pd.read_csv(io.BytesIO(b"".join(read_text(piece)))) for piece in pieces], ignore_index=True)


@pytest.mark.parametrize("size", SIZES)
def test_plan_of_csv_files_gives_each_piece_the_header_of_its_file(tmp_path: Path, size: CutSize) -> None:
    (tmp_path / "1.csv").write_bytes(b'\xef\xbb\xbfa,b\n1,"x\ny"\n2,z\n')
    (tmp_path / "2.csv").write_bytes(b"b,a\r\nw,3\r\nv,4")
    (tmp_path / "3.csv").write_bytes(b"a,b\n")

    found = planned([tmp_path / "1.csv", tmp_path / "2.csv", tmp_path / "3.csv"], size)

    assert frame_of(found).to_dict("list") == {"a": [1, 2, 3, 4], "b": ["x\ny", "z", "w", "v"]}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [Format.PARQUET, Format.ARROW])
def test_plan_of_arrow_and_parquet_keeps_all_rows_in_order(tmp_path: Path, kind: Format, size: CutSize) -> None:
    table = pa.table({"a": range(10), "b": [str(i) for i in range(10)]})
    path = tmp_path / f"data.{kind.value}"
    if kind is Format.PARQUET:
        pq.write_table(table, path, row_group_size=4)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=4)

    found = planned([path], size)

    assert pa.concat_tables(map(read_parts, found)).equals(table)
    assert len(found) == (1 if size == CutSize() else 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=30), st.integers(1, 60), st.none() | st.integers(1, 4))
def test_plan_of_json_lines_of_any_size_keeps_the_records(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], max_bytes: int, max_rows: int | None
) -> None:
    path = tmp_path_factory.mktemp("lines") / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")

    found = planned([path], CutSize(max_bytes, max_rows))

    lines = [line for piece in found for line in read_text(piece)[1].split(b"\n") if line]
    assert list(map(json.loads, lines)) == texts


def test_plan_of_whole_files_takes_many_into_a_piece(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.bin").write_bytes(b"x" * 10)

    found = planned([tmp_path], CutSize(max_bytes=25), Format.WHOLE)

    assert [len(piece.paths) for piece in found] == [3, 3, 1]
    assert [Path(path).name for piece in found for path in piece.paths] == [f"{number}.bin" for number in range(7)]


def test_list_files_of_patterns_and_directories_is_sorted_and_leaves_out_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "_SUCCESS", ".c.csv", "sub/d.csv", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "e.txt").unlink()

    def names(given: str) -> list[str]:
        return [os.path.relpath(file.path, tmp_path) for file in list_files([given], None)]

    assert names(str(tmp_path)) == ["a.csv", "b.csv", "sub/d.csv"]
    assert names(str(tmp_path / "*.csv")) == ["a.csv", "b.csv"]
    assert names(str(tmp_path / "**" / "*.csv")) == ["a.csv", "b.csv", "sub/d.csv"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("missing.csv", None, "cannot be read: No such file"),
        ("*.csv", None, "no file matches"),
        ("data.txt", b"", "what .* holds; say it with --format"),
        ("data.parquet", b"PAR1 no", "not a valid parquet file"),
        ("data.arrow", b"no arrow", "not a valid arrow file"),
    ],
)
def test_plan_of_what_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgument, match=problem):
        planned([tmp_path / name], CutSize())


def test_read_text_of_a_file_that_became_shorter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"a\n1\n2\n")
    (piece,) = planned([path], CutSize())
    path.write_bytes(b"a\n1\n")
    with pytest.raises(InvalidArgument, match="has become shorter"):
        read_text(piece)
