"""Arrow streams and files: what is read, and what is refused before it takes memory."""

from __future__ import annotations

import contextlib
import struct
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.arrow_messages import MAX_FIELDS, decoded_bytes
from bentoml.adapters.table.formats import read_table
from bentoml.adapters.table.frame_table import FrameTable
from bentoml.adapters.table.layout import TableLayout
from bentoml.adapters.wire.media_types import ARROW_STREAM
from tests.adapters.table_bodies import arrow_body
from tests.thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Callable

FREE = TableLayout()


def frame_of(body: bytes, layout: TableLayout = FREE) -> pd.DataFrame:
    table = read_table(body, ARROW_STREAM, layout)
    assert isinstance(table, FrameTable)
    return table.frame


FRAME = pd.DataFrame(
    {
        "f": [1.5, None],
        "i": [1, 2],
        "s": ["x", None],
        "b": [True, False],
        "t": pd.to_datetime(["2020-01-01", "NaT"]),
        "z": pd.to_datetime(["2020-01-01", "NaT"], utc=True),
        "c": pd.Categorical(["u", None]),
        "d": pd.to_timedelta(["1s", None]),
    }
)


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("is_file", [False, True], ids=["stream", "file"])
@pytest.mark.parametrize("index", [None, ["v", "w"]], ids=["counted", "named"])
def test_frame_comes_back_with_its_types_and_without_its_index(compression: Any, is_file: bool, index: Any) -> None:
    body = arrow_body(
        FRAME if index is None else FRAME.set_index(pd.Index(index)), is_file=is_file, compression=compression
    )
    frame = frame_of(body)
    pd.testing.assert_frame_equal(frame, FRAME)
    frame.iloc[:, 0] = 7.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, None], pa.int8()), [1.0, None]),
        (pa.array([2**62 + 1, None], pa.int64()), [2**62 + 1, None]),
        (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        (pa.array([0.5], pa.float16()), [0.5]),
        (pa.array([date(2020, 1, 2)]), [date(2020, 1, 2)]),
        (pa.array([Decimal("1.50")]), [Decimal("1.50")]),
        (pa.array([b"\xff"]), [b"\xff"]),
        (pa.array(["x"], pa.large_string()), ["x"]),
        (pa.array(["x" * 50, None, "y"], pa.string_view()), ["x" * 50, None, "y"]),
        (pa.nulls(1), [None]),
        (pa.array([{"a": 1}]), [{"a": 1}]),
        (pa.array([True, None]), [True, None]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_values_of_arrow_types_are_read(values: Any, expected: list[Any]) -> None:
    column = frame_of(arrow_body(pa.table({"a": values})))["a"]
    assert [None if pd.isna(one) is True else one for one in column.tolist()] == expected


def test_lists_are_cells() -> None:
    column = frame_of(arrow_body(pa.table({"a": [[1.5, 2.5], []]})))["a"]
    assert [list(cell) for cell in column] == [[1.5, 2.5], []]


def test_batches_and_their_dictionaries_are_joined() -> None:
    batches = [pa.record_batch({"c": pa.array(part).dictionary_encode()}) for part in (["x"], ["y", "x"])]
    assert frame_of(arrow_body(pa.Table.from_batches(batches)))["c"].tolist() == ["x", "y", "x"]


class Tagged(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no types
    def __init__(self) -> None:
        super().__init__(pa.int64(), "tests.tagged")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> Tagged:
        raise AssertionError("a stream made somebody run code")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), "map"),
        (pa.array([[[]]], pa.list_(pa.list_(pa.map_(pa.string(), pa.int64())))), "map"),
        (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "union"),
        (pa.RunEndEncodedArray.from_arrays([2**31 - 2], [1]), "run_end|not a valid"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "interval"),
        (pa.ListArray.from_arrays([0, 1], pa.array(["x"]).dictionary_encode()), "dictionary inside"),
    ],
    ids=["map", "map in lists", "union", "runs", "interval", "dictionary in list"],
)
def test_types_that_are_no_columns_of_a_table_are_refused(values: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        frame_of(arrow_body(pa.table({"a": values})))


@pytest.mark.parametrize("name", ["a", "b"])
def test_type_that_is_refused_does_no_harm_in_a_column_that_is_left_out(name: str) -> None:
    body = arrow_body(pa.table({"a": [1], "b": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}))
    if name == "a":
        assert frame_of(body, TableLayout(columns=("a",))).to_dict("list") == {"a": [1]}
    else:
        with pytest.raises(InputError, match="map"):
            frame_of(body, TableLayout(columns=("b",)))


def test_extension_type_runs_no_code_and_is_refused() -> None:
    kind = Tagged()
    body = arrow_body(pa.table({"a": pa.ExtensionArray.from_storage(kind, pa.array([1]))}))
    # Nobody has registered it: it is the type in which it is stored.
    assert frame_of(body)["a"].tolist() == [1]


def views_of_one_text() -> bytes:
    text = b"x" * 100_000
    views = struct.pack("<i4sii", len(text), text[:4], 0, 0) * 10_000
    buffers = [None, pa.py_buffer(views), pa.py_buffer(text)]
    return arrow_body(pa.table({"a": pa.Array.from_buffers(pa.string_view(), 10_000, buffers)}))


# Small bodies of what would be large.
BOMBS: dict[str, Callable[[], bytes]] = {
    "compressed": lambda: arrow_body(pa.table({"a": np.zeros(22_000_000)}), compression="zstd"),
    "compressed dictionary": lambda: arrow_body(
        pa.table({"a": pa.DictionaryArray.from_arrays([0], ["x" * 170_000_000])}), compression="zstd"
    ),
    "views of one text": views_of_one_text,
    "nulls": lambda: arrow_body(pa.table({"a": pa.nulls(10**9)})),
    "lists of nulls": lambda: arrow_body(pa.table({"a": pa.FixedSizeListArray.from_arrays(pa.nulls(10**9), 10**9)})),
    "empty lists": lambda: arrow_body(
        pa.table({"a": pa.ListArray.from_arrays(np.zeros(1_500_000, "i4"), pa.array([], pa.int8()))}),
        compression="zstd",
    ),
    "structs": lambda: arrow_body(pa.table({"a": pa.StructArray.from_arrays([pa.nulls(10**6)], ["a"])})),
    "truths in structs": lambda: arrow_body(
        pa.table({"a": pa.StructArray.from_arrays([pa.array(np.ones(10**6, bool))], ["a"])}), compression="zstd"
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_table_that_would_become_too_large_is_refused(name: str) -> None:
    body = BOMBS[name]()
    assert len(body) < 1_000_000
    with pytest.raises(InputError, match="larger than requests may be"):
        frame_of(body)


def test_schema_that_refers_to_itself_again_and_again_is_refused_at_once() -> None:
    deep = pa.schema([pa.field("a", pa.list_(pa.int8()))])
    for _ in range(40):
        deep = pa.schema([pa.field("a", pa.list_(deep.field(0).type))])
    with pytest.raises(InputError, match="nested more than"):
        frame_of(arrow_body(pa.table({"a": pa.array([None], deep.field(0).type)})))


def test_fields_are_counted() -> None:
    many = pa.schema([pa.field(str(i), pa.int8()) for i in range(MAX_FIELDS + 1)])
    with pytest.raises(InputError, match=f"more than {MAX_FIELDS} fields"):
        decoded_bytes(memoryview(many.serialize())[8:], memoryview(b""))


def test_fields_are_counted_where_many_references_lead_to_one() -> None:
    def description(count: int) -> bytes:
        message_slots = struct.pack("<HHHHHxx", 10, 12, 0, 4, 8)
        schema_slots = struct.pack("<HHHH", 8, 8, 0, 4)
        field_slots = struct.pack("<HH", 4, 4)
        message = struct.pack("<iBxxxI", 24, 1, 4)  # at 28
        schema = struct.pack("<iI", 24, 4)  # at 40
        vector = struct.pack(f"<I{count}I", count, *(4 * (count - i) for i in range(count)))  # at 48
        field = struct.pack("<i", 52 + 4 * count - 24)
        head = struct.pack("<I", 28) + message_slots + schema_slots + field_slots
        return head + message + schema + vector + field

    assert decoded_bytes(memoryview(description(3)), memoryview(b"")) == 0
    with pytest.raises(InputError, match="damaged"):
        decoded_bytes(memoryview(description(3))[:-4], memoryview(b""))
    with pytest.raises(InputError, match="more than"):
        decoded_bytes(memoryview(description(MAX_FIELDS + 1)), memoryview(b""))


def test_file_that_is_cut_short_is_refused() -> None:
    with pytest.raises(InputError, match="cut short"):
        frame_of(arrow_body(FRAME, is_file=True)[:-1])


def test_columns_of_the_same_name_are_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        frame_of(arrow_body(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])))


BODIES = [
    arrow_body(FRAME, is_file=is_file, compression=compression)
    for is_file in (True, False)
    for compression in (None, "lz4")
]


@settings(deadline=None, max_examples=examples(150))
@given(
    st.sampled_from(BODIES),
    st.lists(st.tuples(st.integers(0, 5000), st.sampled_from([0, 1, 127, 128, 255])), min_size=1, max_size=6),
)
def test_damaged_body_is_a_table_or_refused(body: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(body)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    with contextlib.suppress(InputError):
        assert len(read_table(bytes(damaged), ARROW_STREAM, FREE))
