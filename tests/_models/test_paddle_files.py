"""Files of Paddle programs, made here byte by byte: what is whole is understood, the rest is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from bentoml._models.paddle_files import count_parameters, read_program
from bentoml.exceptions import ArtifactLoadingException

FLOAT32 = 5


def parameter(*shape: int, kind: int = FLOAT32, levels: int = 0, number_bytes: int = 4) -> bytes:
    """A tensor of zeros as Paddle writes it."""
    described = bytes([0x08, kind]) + b"".join(b"\x10" + variable(size) for size in shape)
    numbers = 1
    for size in shape:
        numbers *= size
    return struct.pack("<IQIi", 0, levels, 0, len(described)) + described + bytes(numbers * number_bytes)


def variable(number: int) -> bytes:
    """A number as protobuf has it: seven bits in a byte, and a mark that more follow."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + variable(rest) if rest else bytes([low])


def operation(kind: str, *inside: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    described = {"#": kind, "A": [{"N": key, "AT": {"#": "0.a", "D": value}} for key, value in attributes.items()]}
    return described | ({"regions": [{"#": "region_0", "blocks": [{"ops": list(inside)}]}]} if inside else {})


def program(*operations: dict[str, Any]) -> bytes:
    return json.dumps({"program": {"regions": [{"#": "region_0", "blocks": [{"ops": operations}]}]}}).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_count_parameters_adds_up_all_tensors(file: Path) -> None:
    file.write_bytes(parameter(300, 2) + parameter() + parameter(3, kind=3, number_bytes=8) + parameter(0, 4))
    assert count_parameters(file) == 604


@pytest.mark.parametrize("content", [b"", None], ids=["empty", "none"])
def test_count_parameters_of_a_program_without_any_is_0(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    assert count_parameters(file) == 0


@pytest.mark.parametrize(
    "content",
    [
        parameter(3)[:10],
        parameter(3)[:21],
        parameter(3)[:-1],
        parameter(3) + parameter(3)[:-12],
        parameter(3) + b"\0",
        parameter(3, levels=0xFF << 24),
        parameter(3, kind=7),
        b"\1" + parameter(3)[1:],
        struct.pack("<IQIi", 0, 0, 0, 12) + b"\x08\x05\x10" + variable(1 << 62),
        struct.pack("<IQIi", 0, 0, 0, -1) + bytes(100),
        struct.pack("<IQIi", 0, 0, 0, 12) + b"\x08\x05\x10" + b"\xff" * 9,
        struct.pack("<IQIi", 0, 0, 0, 3) + b"\x1a\x01a",
        struct.pack("<IQIi", 0, 0, 0, 1) + b"\x08",
    ],
    ids=[
        "head",
        "description",
        "last byte",
        "second",
        "more",
        "levels of detail",
        "type",
        "version",
        "huge",
        "negative length",
        "endless number",
        "unknown field",
        "field without a number",
    ],
)
def test_count_parameters_of_a_damaged_file_says_so(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="not a whole file of Paddle"):
        count_parameters(file)


def test_read_program_tells_inputs_in_their_order(file: Path) -> None:
    first = operation("1.data", name="x", shape=[-1, 64], dtype="float32")
    second = operation("1.data", name="y", shape=[2], dtype="int64")
    file.write_bytes(program(first, second, operation("1.add")))
    assert read_program(file).inputs == [
        {"name": "x", "dtype": "float32", "shape": [None, 64]},
        {"name": "y", "dtype": "int64", "shape": [2]},
    ]
    assert read_program(file).outward == []


@pytest.mark.parametrize("name", ["1.save_combine", "pd_op.load", "1.py_func"])
def test_read_program_finds_what_reaches_outside_however_deep(file: Path, name: str) -> None:
    file.write_bytes(program(operation("1.while", operation("1.if", operation(name))), operation("1.add")))
    assert read_program(file).outward == [name.partition(".")[2]]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe\xfd", b"[" * 100_000, b'{"program": {}}', program(operation("1.data"))],
    ids=["empty", "cut", "list", "no text", "deep", "no operations", "input without name"],
)
def test_read_program_of_what_is_none_says_so(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="not a whole file of Paddle"):
        read_program(file)
