"""Files of ONNX models, read without the library `onnx`: what a model says of itself, and where its weights are.

A file is one message, `ModelProto` of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose numbers of fields
stand below. Weights are skipped, so that of a file that is mapped into memory little is read.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from bentoml._models.protobuf_wire import DamagedMessageError, encode_field, fields_of, packed_varints

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator

# As NumPy has them, by the numbers of `TensorProto.DataType`.
_DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
}
# Shapes, axes, words and masks: nobody has trained them.
_NOT_TRAINED = {7, 8, 9}

_EXTERNAL = 1
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
# Which fields of a message may hold tensors, and what they are.
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _SPARSE, _TRAINING, _FUNCTION, _TENSOR = range(8)
_INSIDE: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
}
# Of messages in each other, as in the library of protocol buffers.
_MOST_LEVELS = 100


class External(NamedTuple):
    """Where the numbers of a tensor are.

    Attributes:
        location: name of a file, relative to the directory of the model.
        offset: of the first byte.
        length: in bytes; None for the rest of the file.
    """

    location: str
    offset: int
    length: int | None


def describe(content: bytes | mmap.mmap) -> dict[str, Any]:
    """What a model says of itself.

    Returns:
        `input_signature` and `output_signature`, lists of dicts with `name`, `dtype` and `shape` (None for an axis of
        any size, and for values that are no tensors); `opset`, version by domain; `ir_version`; `producer`, where it
        is named; `parameters`, how many numbers stand in its initializers, where it has some: models of trees do not.

    Raises:
        DamagedMessageError: the bytes are no model.
    """
    facts: dict[str, Any] = {"opset": {}, "ir_version": 0}
    producer = {2: "", 3: ""}
    graph = None
    for field in fields_of(memoryview(content)):
        if field.number == 1:
            facts["ir_version"] = field.integer
        elif field.content is None:
            continue
        elif field.number in producer:
            producer[field.number] = _text(field.content)
        elif field.number == 7:
            graph = field.content
        elif field.number == 8:
            domain, version = _opset(field.content)
            facts["opset"][domain or "ai.onnx"] = version
    if graph is None:
        raise DamagedMessageError("there is no graph in it")
    if named := " ".join(filter(None, producer.values())):
        facts["producer"] = named
    return facts | _graph_facts(graph)


def external_data(content: bytes | mmap.mmap) -> list[External]:
    """Where the tensors are that are not in the file itself, in the order of the file.

    Raises:
        DamagedMessageError: the bytes are no model.
    """
    if content.find(b"location") < 0:  # the key that each of them has; without it nothing is walked through
        return []
    tensors = (_external(tensor) for tensor in _tensors(memoryview(content), _MODEL))
    return [external for external in tensors if external is not None]


def moved(content: bytes | mmap.mmap, place: Callable[[External], External]) -> bytes:
    """The model with other places of its external tensors; all else stays as it is, byte for byte."""
    return _moved(memoryview(content), _MODEL, place)


def _graph_facts(graph: memoryview) -> dict[str, Any]:
    values: dict[int, list[dict[str, Any]]] = {11: [], 12: []}
    initializers = set()
    parameters = 0
    for field in fields_of(graph):
        if field.content is None:
            continue
        if field.number in values:
            values[field.number].append(_value(field.content))
        elif field.number in {5, 15}:
            tensor = field.content if field.number == 5 else _only(field.content, 1)
            name, count = _initializer(tensor)
            initializers.add(name)
            parameters += count
    # Before version 4 of the format, initializers were inputs as well.
    inputs = [value for value in values[11] if value["name"] not in initializers]
    facts = {"input_signature": inputs, "output_signature": values[12]}
    return facts | ({"parameters": parameters} if parameters else {})


def _opset(message: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for field in fields_of(message):
        if field.number == 1 and field.content is not None:
            domain = _text(field.content)
        elif field.number == 2:
            version = field.integer
    return domain, version


def _initializer(tensor: memoryview) -> tuple[str, int]:
    """Name of a tensor, and how many trained numbers it has."""
    dimensions: list[int] = []
    name, kind = "", 0
    for field in fields_of(tensor):
        if field.number == 1:
            dimensions += [field.integer] if field.content is None else packed_varints(field.content)
        elif field.number == 2:
            kind = field.integer
        elif field.number == 8 and field.content is not None:
            name = _text(field.content)
    return name, 0 if kind in _NOT_TRAINED else prod(dimensions)


def _value(message: memoryview) -> dict[str, Any]:
    dtype, shape = _type(_only(message, 2))
    return {"name": _text(_only(message, 1)), "dtype": dtype, "shape": shape}


def _type(message: memoryview) -> tuple[str | None, list[int | None] | None]:
    """What a `TypeProto` says: words for it, and the shape of a tensor."""
    for field in fields_of(message):
        if field.content is None:
            continue
        inner = field.content
        if field.number in {1, 8}:
            return _tensor_type(inner)
        if field.number == 4:
            return f"list[{_type(_only(inner, 1))[0]}]", None
        if field.number == 5:
            key = next((part.integer for part in fields_of(inner) if part.number == 1), 0)
            return f"dict[{_DTYPES.get(key)}, {_type(_only(inner, 2))[0]}]", None
        if field.number == 9:
            return f"{_type(_only(inner, 1))[0]} | None", None
    return None, None


def _tensor_type(message: memoryview) -> tuple[str | None, list[int | None] | None]:
    dtype, shape = None, None
    for field in fields_of(message):
        if field.number == 1:
            dtype = _DTYPES.get(field.integer, str(field.integer))
        elif field.number == 2 and field.content is not None:
            axes = (axis.content for axis in fields_of(field.content) if axis.number == 1 and axis.content is not None)
            shape = [next((_size(size.integer) for size in fields_of(axis) if size.number == 1), None) for axis in axes]
    return dtype, shape


def _size(value: int) -> int | None:
    """The length of an axis; some write -1 for any, which has the highest bit set."""
    return value if value < 1 << 63 else None


def _tensors(message: memoryview, kind: int, level: int = 0) -> Iterator[memoryview]:
    if kind == _TENSOR:
        yield message
        return
    if level > _MOST_LEVELS:
        raise DamagedMessageError(f"it has more than {_MOST_LEVELS} levels")
    for field in fields_of(message):
        inside = _INSIDE[kind].get(field.number)
        if inside is not None and field.content is not None:
            yield from _tensors(field.content, inside, level + 1)


def _external(tensor: memoryview) -> External | None:
    entries = {}
    is_external = False
    for field in fields_of(tensor):
        if field.number == _DATA_LOCATION:
            is_external = field.integer == _EXTERNAL
        elif field.number == _EXTERNAL_DATA and field.content is not None:
            entries[_text(_only(field.content, 1))] = _text(_only(field.content, 2))
    if not is_external:
        return None
    try:
        length = int(entries["length"]) if "length" in entries else None
        return External(entries.get("location", ""), int(entries.get("offset", 0)), length)
    except ValueError as error:
        raise DamagedMessageError(f"a tensor lies at no number of bytes: {entries}") from error


def _moved(message: memoryview, kind: int, place: Callable[[External], External]) -> bytes:
    if kind == _TENSOR:
        return _moved_tensor(message, place)
    parts: list[bytes | memoryview] = []
    for field in fields_of(message):
        inside = _INSIDE[kind].get(field.number)
        if inside is None or field.content is None:
            parts.append(field.whole)
        else:
            parts.append(encode_field(field.number, _moved(field.content, inside, place)))
    return b"".join(parts)


def _moved_tensor(tensor: memoryview, place: Callable[[External], External]) -> bytes:
    old = _external(tensor)
    if old is None:
        return bytes(tensor)
    new = place(old)
    entries = {"location": new.location, "offset": str(new.offset)}
    if new.length is not None:
        entries["length"] = str(new.length)
    # A digest is of the file that was, and goes.
    parts = [field.whole for field in fields_of(tensor) if field.number != _EXTERNAL_DATA]
    told = [encode_field(1, key.encode()) + encode_field(2, value.encode()) for key, value in entries.items()]
    return b"".join([*parts, *(encode_field(_EXTERNAL_DATA, entry) for entry in told)])


def _only(message: memoryview, number: int) -> memoryview:
    """The content of a field that stands once; empty when it is not there."""
    return next(
        (field.content for field in fields_of(message) if field.number == number and field.content is not None),
        message[:0],
    )


def _text(content: memoryview) -> str:
    return str(content, "utf-8", "replace")
