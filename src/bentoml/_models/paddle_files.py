"""The two files of a Paddle program: operations as JSON, and the numbers of its parameters.

Paddle trusts what it reads: a damaged file of parameters makes it ask for more memory than there is, and some
operations reach files and Python. So both are looked at first.
"""

from __future__ import annotations

import json
import math
import mmap
from typing import TYPE_CHECKING, Any, NamedTuple

from bentoml.exceptions import ArtifactLoadingException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Operations that reach what is outside of the program: files, and functions of Python or of other programs.
_OUTWARD = frozenset(
    {
        "create_py_reader",
        "load",
        "load_combine",
        "py_func",
        "pylayer",
        "read",
        "read_file",
        "run_program",
        "save",
        "save_combine",
    }
)
# Bytes of a number, by the numbers that Paddle's own format has for types (VarType in framework.proto).
_SIZES_BYTES = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16, 32: 1, 33: 1}
_KIND = "#"  # key of the kind of a node: an operation, an attribute or a type
_TYPE_FIELD, _DIMENSION_FIELD = 0x08, 0x10  # tags of a description: the type, and one dimension each
_MOST_DESCRIBED_BYTES = 1024


class Program(NamedTuple):
    """What is known of a program.

    Attributes:
        inputs: what it is given, as `input_signature` in the facts of an artifact.
        outward: operations that reach what is outside of it, sorted.
    """

    inputs: list[dict[str, Any]]
    outward: list[str]


def read_program(path: Path) -> Program:
    """Look at a program in JSON, the format of Paddle 3.

    Raises:
        ArtifactLoadingException: it is no JSON, or not a program.
        FileNotFoundError: there is no such file.
    """
    try:
        nodes = [node for node in _nodes(json.loads(path.read_bytes())) if isinstance(node.get(_KIND), str)]
        inputs = [_input(node) for node in nodes if _name(node) == "data"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not nodes:
        raise _damaged(path, "it has no operations")
    return Program(inputs, sorted(_OUTWARD & {_name(node) for node in nodes}))


def count_parameters(path: Path) -> int:
    """How many numbers a file of parameters holds; none where there is no file, as for a program without parameters.

    Raises:
        ArtifactLoadingException: the file is not whole, or of another format.
    """
    if not path.exists() or not path.stat().st_size:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        count = position = 0
        try:
            while position < len(content):
                position, numbers = _after_tensor(content, position)
                count += numbers
        except ValueError as error:
            raise _damaged(path, str(error)) from error
        if position > len(content):
            raise _damaged(path, "its end is cut off")
    return count


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a tree of JSON, the outer ones first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
        if isinstance(node, (dict, list)):
            waiting += reversed(list(node.values() if isinstance(node, dict) else node))


def _name(node: dict[str, Any]) -> str:
    """Kind of a node without the number of its dialect: `data` of `1.data`."""
    return str(node[_KIND]).rpartition(".")[2]


def _input(node: dict[str, Any]) -> dict[str, Any]:
    values = {attribute["N"]: attribute["AT"]["D"] for attribute in node["A"]}
    shape = [None if size == -1 else size for size in values["shape"]]
    return {"name": values["name"], "dtype": values["dtype"], "shape": shape}


def _after_tensor(content: mmap.mmap, position: int) -> tuple[int, int]:
    """Where the tensor that begins at a position ends, and how many numbers it has.

    A tensor is: version (4 bytes), levels of detail (8), version (4), length of the description (4), the description,
    the numbers.

    Raises:
        ValueError: there is no tensor, or of a kind that parameters are not.
    """
    head = content[position : position + 20]
    versions, levels, length = (head[:4], head[12:16]), head[4:12], int.from_bytes(head[16:20], "little")
    if len(head) < 20 or any(map(any, versions)) or any(levels) or not 0 < length <= _MOST_DESCRIBED_BYTES:
        raise ValueError(f"there is no parameter at byte {position}")
    described = content[position + 20 : position + 20 + length]
    if len(described) < length:
        raise ValueError("its end is cut off")
    kind, shape = _description(described)
    numbers = math.prod(shape)
    return position + 20 + length + numbers * _SIZES_BYTES[kind], numbers


def _description(described: bytes) -> tuple[int, list[int]]:
    """Type and shape in a description, a message of protobuf with numbers only."""
    kind, shape, rest = -1, [], described
    while rest:
        tag, (number, rest) = rest[0], _number(rest[1:])
        if tag == _TYPE_FIELD:
            kind = number
        elif tag == _DIMENSION_FIELD:
            shape.append(number)
        else:
            raise ValueError("it describes a parameter in a way that is not known")
    if kind not in _SIZES_BYTES:
        raise ValueError(f"it has numbers of a type that is not known, {kind}")
    return kind, shape


def _number(rest: bytes) -> tuple[int, bytes]:
    """The number of variable length that some bytes begin with, and what comes after it."""
    number = 0
    for place, byte in enumerate(rest[:10]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, rest[place + 1 :]
    raise ValueError("a number in it does not end")


def _damaged(path: Path, problem: str) -> ArtifactLoadingException:
    return ArtifactLoadingException(f"{path} is not a whole file of Paddle: {problem}; save the service again")
