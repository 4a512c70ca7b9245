"""npy bodies are read as numpy reads them, without its trust; what is written is what numpy reads."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bentoml.adapters.array.npy import MAGIC, is_npy, npy_bytes, npy_writer, read_npy
from bentoml.adapters.errors import InputError

KINDS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.unicode_string_dtypes(endianness="?", min_len=1, max_len=4),
    hnp.byte_string_dtypes(endianness="?", min_len=1, max_len=4),
    hnp.datetime64_dtypes(endianness="?", max_period="D", min_period="ns"),
)
ARRAYS = hnp.arrays(KINDS, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def body_of(header: str, values: bytes = b"", version: int = 1) -> bytes:
    text = header.encode()
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return MAGIC + bytes([version, 0]) + length + text + values


def header_of(descr: str = "'<f8'", shape: str = "(1,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def refusal(body: bytes, **settings: int) -> str:
    with pytest.raises(InputError) as caught:
        read_npy(body, **settings)
    assert caught.value.status_code == 400
    return str(caught.value)


@given(ARRAYS, st.booleans())
def test_body_that_numpy_saved_gives_the_array_in_the_byte_order_of_this_machine(array: Any, fortran: bool) -> None:
    array = np.asfortranarray(array) if fortran else array
    read = read_npy(saved(array))
    assert read.dtype == array.dtype.newbyteorder("=")
    assert read.shape == array.shape
    np.testing.assert_array_equal(read, array)
    assert not read.flags.writeable


@given(ARRAYS, st.booleans(), st.booleans())
def test_body_that_is_written_is_the_one_that_numpy_saves(array: Any, fortran: bool, strided: bool) -> None:
    array = np.asfortranarray(array) if fortran else array
    array = array[::-1] if strided and array.ndim else array
    assert npy_bytes(array) == saved(array)


def test_values_are_a_view_on_the_body() -> None:
    body = saved(np.arange(6.0).reshape(2, 3))
    values = np.frombuffer(body, np.uint8)
    assert np.shares_memory(read_npy(body), values)
    assert not np.shares_memory(read_npy(saved(np.arange(3, dtype=">f8"))), values)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_of_the_format_is_read(version: int) -> None:
    assert read_npy(body_of(header_of(), np.float64(2.5).tobytes(), version)).tolist() == [2.5]


@pytest.mark.parametrize(
    "header",
    [
        '{"shape": (2, 1), "fortran_order": False, "descr": "<i2"}\n',
        "{'descr':'<i2','fortran_order':False,'shape':(2,1)}",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2L, 1L), }   \n",
    ],
)
def test_headers_of_other_writers_are_read(header: str) -> None:
    assert read_npy(body_of(header, b"\1\0\2\0")).tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not in npy"),
        (b"PK\x03\x04", "not in npy"),
        (MAGIC, "version 0"),
        (MAGIC + b"\x09\x00\x10\x00", "version 9"),
        (MAGIC + b"\x01\x00", "cut short|does not say"),
        (MAGIC + b"\x02\x00\xff\xff\xff\xff", "at most 4096"),
        (MAGIC + b"\x01\x00\x80\x00{'descr'", "cut short"),
        (body_of("{}"), "descr"),
        (body_of("{'descr': '<f8', 'shape': (1,)}"), "fortran_order"),
        (body_of("{'descr': '<f8', 'fortran_order': False}"), "shape"),
        (body_of(header_of(shape="(-1,)")), "shape"),
        (body_of(header_of(shape="(1 1,)")), "damaged"),
        (body_of(header_of(shape="(1, L)")), "damaged"),
        (body_of(header_of(shape="(__import__('os'),)")), "shape"),
        (body_of(header_of("'<f9'")), "not known"),
        (body_of(header_of("'<M8[parsec]'")), "not known"),
        (body_of(header_of("'|O'")), "object"),
        (body_of(header_of("[('a', '<f8')]")), "record"),
        (saved(np.array([None])), "object"),
        (saved(np.zeros(2, dtype=[("a", "f8"), ("b", "i4")])), "record"),
        (body_of(header_of("'|S0'", "(1000000000000,)")), "size 0"),
        (body_of(header_of("'<U0'")), "size 0"),
        (body_of(header_of(shape=f"({'1, ' * 33})"), bytes(8)), "33 axes"),
        (body_of(header_of(shape="(1000000000000,)"), bytes(8)), "announces 8000000000000 bytes"),
        (body_of(header_of(shape=f"({2**62}, {2**62})"), bytes(8)), "more values than any machine"),
        (body_of(header_of(shape=f"(0, {2**64})")), "more values than any machine"),
        (body_of(header_of(shape=f"({'9' * 3000},)")), "more values than any machine"),
        (body_of(header_of(), bytes(7)), "announces 8 bytes of values, there are 7"),
        (body_of(header_of(), bytes(9)), "announces 8 bytes of values, there are 9"),
        (saved(np.arange(3))[:-1], "announces"),
    ],
)
def test_body_that_is_no_such_file_is_refused(body: bytes, words: str) -> None:
    assert re.search(words, refusal(body))


def test_array_without_values_may_not_have_endless_axes() -> None:
    body = body_of(header_of(shape="(0, 100)"))
    assert read_npy(body, 800).shape == (0, 100)
    assert "too long" in refusal(body, max_size_bytes=799)
    assert "too long" in refusal(body_of(header_of(shape=f"(0, {10**12})")))


@given(hnp.arrays(KINDS, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)), st.booleans())
def test_rows_are_written_as_arrays_of_their_own(array: Any, fortran: bool) -> None:
    write = npy_writer(np.asfortranarray(array) if fortran else array)
    assert [write(i, None) for i in range(len(array))] == [
        saved(array[i : i + 1].reshape(array.shape[1:])) for i in range(len(array))
    ]
    assert write(0, len(array)) == saved(array)
    assert write(1, 1) == saved(array[1:1])


@given(st.binary(max_size=60))
def test_any_bytes_after_the_magic_are_read_or_refused(rest: bytes) -> None:
    body = MAGIC + rest
    assert is_npy(body)
    try:
        read_npy(body)
    except InputError:
        return
    np.testing.assert_array_equal(read_npy(body), np.load(io.BytesIO(body), allow_pickle=False))


@pytest.mark.parametrize("array", [np.array([None]), np.zeros(1, dtype=[("a", "f8")])], ids=["object", "record"])
def test_array_of_objects_or_records_is_not_written(array: Any) -> None:
    for write in (npy_bytes, npy_writer):
        with pytest.raises(TypeError, match="cannot be written as npy"):
            write(array)
