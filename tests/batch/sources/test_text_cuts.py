"""Text is cut between records only, and the pieces together are the text."""

from __future__ import annotations

import csv
import io
import random
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml.batch.sources import open_text
from bentoml.batch.sources.piece import CutSize
from bentoml.batch.sources.text_cuts import cuts, header_of, text_start

CELLS = st.text(alphabet='ab,"\n\r ', max_size=6)
RAW = st.text(alphabet='a,"\n ', max_size=60)
SIZES = st.builds(CutSize, max_bytes=st.integers(1, 40), max_rows=st.none() | st.integers(1, 5))


def pieces(content: bytes, size: CutSize, *, is_csv: bool = True) -> list[bytes]:
    ends = list(cuts(io.BytesIO(content), 0, len(content), size, is_csv=is_csv))
    assert ends == sorted(set(ends))
    return [content[start:end] for start, end in pairwise([0, *ends])]


def rows_of(content: bytes) -> list[list[str]]:
    """The records as the csv module has them, without blank ones."""
    return [row for row in csv.reader(io.StringIO(content.decode(), newline="")) if row]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=12), SIZES, st.integers(1, 9), st.booleans())
def test_cuts_of_csv_at_any_size_leave_the_same_records_in_order(
    records: list[list[str]], size: CutSize, block_bytes: int, quotes_all: bool
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerows(records)
    content = written.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_text, "BLOCK_BYTES", block_bytes)
        found = pieces(content, size)

    assert b"".join(found) == content
    assert [row for piece in found for row in rows_of(piece)] == rows_of(content)


@settings(max_examples=400, deadline=None)
@given(RAW, SIZES, st.integers(1, 9))
def test_cuts_of_text_with_stray_quotes_agree_with_the_csv_module(text: str, size: CutSize, block_bytes: int) -> None:
    content = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_text, "BLOCK_BYTES", block_bytes)
        found = pieces(content, size)

    assert b"".join(found) == content
    assert [row for piece in found for row in rows_of(piece)] == rows_of(content)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet='{}"a\r', max_size=5), max_size=20), SIZES, st.booleans())
def test_cuts_of_json_lines_never_divide_a_line(lines: list[str], size: CutSize, has_end: bool) -> None:
    content = "\n".join(lines).encode() + b"\n" * has_end

    found = pieces(content, size, is_csv=False)

    assert b"".join(found) == content
    assert all(piece.endswith(b"\n") for piece in found[:-1])
    if size.max_rows is not None:
        assert all(len(piece.splitlines()) <= size.max_rows or b"\r" in piece for piece in found)


def test_cuts_with_rows_only_give_pieces_of_exactly_so_many() -> None:
    rng = random.Random(3)
    lines = [b"x" * rng.randrange(200) + b"\n" for _ in range(10_007)]

    found = pieces(b"".join(lines), CutSize(max_bytes=2**40, max_rows=1000), is_csv=False)

    assert [piece.count(b"\n") for piece in found] == [1000] * 10 + [7]


def test_cuts_agree_with_pandas_where_a_quote_stands_inside_of_a_field() -> None:
    content = b'1,5" pipe\n2,"a\nb"\n3,"say ""x""\n"\n4,"c"d"\n5,e\n'
    whole = pd.read_csv(io.BytesIO(content), header=None)

    found = pieces(content, CutSize(max_bytes=1))

    assert len(found) == len(whole) == 5
    assert pd.concat([pd.read_csv(io.BytesIO(one), header=None) for one in found], ignore_index=True).equals(whole)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", b"a,b\n"),
        (b"\xef\xbb\xbfa,b\n1,2\n", b"a,b\n"),
        (b"\n  \na,b\r\n1,2\n", b"a,b\r\n"),
        (b'"a\nx",b\n1,2\n', b'"a\nx",b\n'),
        (b"a,b", b"a,b"),
        (b"", b""),
        (b"\n\n", b""),
    ],
)
def test_header_of_csv_is_its_first_record(content: bytes, expected: bytes) -> None:
    start, end = header_of(io.BytesIO(content))
    assert content[start:end] == expected


def test_text_start_of_a_file_without_mark_is_zero() -> None:
    assert text_start(io.BytesIO(b"ab")) == 0
