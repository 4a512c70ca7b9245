"""Names of the types of tensors, and what they are in numpy and in Python."""

from __future__ import annotations

BYTES = "BYTES"
BOOL = "BOOL"
# The upper half of a 32-bit float. numpy has no such type, so it is read as one, which holds each of its values.
BFLOAT16 = "BF16"
FLOATS = frozenset({"FP16", "FP32", "FP64", BFLOAT16})

# As numpy writes types; the bytes of a tensor come in little-endian order.
NUMPY_NAMES = {
    BOOL: "|b1",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    BFLOAT16: "<f4",
    BYTES: "|O",
}
# Of one element; a `BYTES` element has its length in front.
WIRE_SIZES = {
    name: 4 if name == BYTES else 2 if name == BFLOAT16 else int(numpy_name[2:])
    for name, numpy_name in NUMPY_NAMES.items()
}
_OF_NUMPY = {name: datatype for datatype, name in NUMPY_NAMES.items() if datatype not in {BFLOAT16, BYTES}}
_OF_DTYPE_NAME = {
    "bool": BOOL,
    "boolean": BOOL,
    "float": "FP64",
    "double": "FP64",
    "int": "INT64",
    "half": "FP16",
    "single": "FP32",
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}


def datatype_of(array_interface_name: str) -> str | None:
    """The datatype of numpy's name for a type, such as `<f4`; None when it has none of its own."""
    return _OF_NUMPY.get(array_interface_name)


def datatype_of_dtype(dtype_name: str) -> str:
    """The datatype for a dtype by its usual name, such as `float32`; `BYTES` for text and whatever else there is."""
    return _OF_DTYPE_NAME.get(dtype_name.lower(), BYTES)


def integer_bounds(datatype: str) -> tuple[int, int]:
    """The smallest and the largest value of an integer type."""
    bits = 8 * WIRE_SIZES[datatype]
    if datatype.startswith("U"):
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
