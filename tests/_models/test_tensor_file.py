"""Files of safetensors: what is written comes back as it was, and what is damaged is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bentoml._models.tensor_file import is_storable, read_tensors, write_tensors
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument

ARRAYS: dict[str, Any] = {
    "bias": np.arange(3, dtype="int16"),
    "kernel": np.arange(64, dtype="float32").reshape(8, 8),
    "step": np.asarray(7, "uint64"),
    "mask": np.asarray([[True], [False]]),
    "empty": np.zeros((0, 4), "float64"),
    "turned": np.arange(32, dtype="float16").reshape(4, 8).T,
    "waves": np.asarray([1 + 2j], "complex64"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    write_tensors(path, ARRAYS, {"kind": "test"})
    return path


def test_read_gives_arrays_and_notes_as_they_were(file: Path) -> None:
    arrays, notes = read_tensors(file)
    assert notes == {"kind": "test"}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(arrays[name], array)


def test_big_endian_numbers_are_kept(tmp_path: Path) -> None:
    write_tensors(tmp_path / "file", {"a": np.asarray([1.5, 2.5], ">f4")}, {})
    assert read_tensors(tmp_path / "file")[0]["a"].tolist() == [1.5, 2.5]


def test_arrays_of_64_bytes_and_more_are_aligned_and_without_gaps(file: Path) -> None:
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    offsets = {name: described["data_offsets"] for name, described in header.items() if name != "__metadata__"}
    assert [(start + offsets[name][0]) % 64 for name in ("kernel", "turned")] == [0, 0]
    ordered = sorted(offsets.values())
    assert [first for first, _ in ordered] == [0, *(last for _, last in ordered[:-1])]
    assert start + ordered[-1][1] == len(content)


def test_writing_into_an_array_leaves_the_file_as_it_is(file: Path) -> None:
    before = file.read_bytes()
    read_tensors(file)[0]["kernel"][:] = 0
    assert file.read_bytes() == before


@pytest.mark.parametrize("cut", [0, 4, 8, 100, -1], ids=str)
def test_read_of_a_cut_file_says_so(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ArtifactLoadingException, match=r"not a whole file of safetensors: .*cut off"):
        read_tensors(file)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"[" * 100_000,
        b"\xff\xff",
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [1]}}',
        b'{"a": {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 8]}}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}',
        b'{"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}}',
        b'{"__metadata__": 3}',
    ],
    ids=range(12),
)
def test_read_of_a_header_that_is_none_says_so(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(ArtifactLoadingException, match="not a whole file of safetensors"):
        read_tensors(path)


def test_types_that_the_format_lacks_are_not_storable() -> None:
    assert is_storable(np.dtype("float32"))
    assert not is_storable(np.dtype("complex128"))
    assert not is_storable(np.dtype("object"))


def test_name_of_the_notes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="__metadata__"):
        write_tensors(tmp_path / "file", {"__metadata__": np.zeros(1)}, {})
    assert list(tmp_path.iterdir()) == []
