"""What is read of ONNX files, next to what the library `onnx` reads."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml._models.onnx_file import External, describe, external_data, moved
from bentoml._models.protobuf_wire import DamagedMessageError
from tests.environments.late_import import late_import

pytestmark = pytest.mark.environment("onnx")

onnx = late_import("onnx")


def tensor(name: str, location: str = "", **entries: Any) -> Any:
    """Two numbers, in the model or in a file."""
    made = onnx.numpy_helper.from_array(np.array([1.5, 2.5], np.float32), name)
    if location:
        made.ClearField("raw_data")
        made.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            made.external_data.add(key=key, value=str(value))
    return made


def everywhere() -> Any:
    """A model with tensors in each place that the format has for them; only its messages count here."""
    helper = onnx.helper
    model = onnx.ModelProto(ir_version=10, producer_name="somebody", producer_version="1.2")
    model.opset_import.extend([helper.make_opsetid("", 20), helper.make_opsetid("com.example", 1)])
    graph = model.graph
    graph.initializer.extend([tensor("a", "a.bin", offset=4096, length=8, checksum="0f"), tensor("b", "b.bin")])
    sparse = graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor("c", "c.bin", offset=3))
    sparse.indices.CopyFrom(tensor("d"))
    node = graph.node.add(op_type="Loop")
    inner = node.attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g
    inner.initializer.append(tensor("e", "a.bin", length=1))
    inner.node.add().attribute.add(name="value").t.CopyFrom(tensor("f", "f.bin"))
    many = node.attribute.add(name="many")
    many.tensors.append(tensor("g", "g.bin"))
    many.graphs.add().initializer.append(tensor("h", "h.bin"))
    many.sparse_tensors.add().values.CopyFrom(tensor("i", "i.bin"))
    function = model.functions.add(name="f")
    function.node.add().attribute.add(name="value").t.CopyFrom(tensor("j", "j.bin"))
    function.attribute_proto.add(name="value").t.CopyFrom(tensor("k", "k.bin"))
    model.training_info.add().algorithm.initializer.append(tensor("l", "l.bin"))
    return model


def test_tensors_in_files_are_found_everywhere() -> None:
    found = external_data(everywhere().SerializeToString())
    assert Counter(found) == Counter(
        [
            External("a.bin", 4096, 8),
            External("a.bin", 0, 1),
            External("c.bin", 3, None),
            *(External(f"{name}.bin", 0, None) for name in "bfghijkl"),
        ]
    )


def test_moving_changes_the_places_and_nothing_else() -> None:
    before = everywhere()
    content = moved(before.SerializeToString(), lambda old: External("all.data", old.offset + 65536, old.length or 9))
    found = external_data(content)
    assert {external.location for external in found} == {"all.data"}
    assert {external.offset for external in found} == {65536, 65539, 69632}
    after = onnx.ModelProto.FromString(content)
    assert moved(before.SerializeToString(), lambda old: old) != content
    for model in (before, after):
        for one in _tensors(model):
            one.ClearField("external_data")
    assert after == before


def _tensors(message: Any) -> list[Any]:
    """All tensors in a message, found through what its library knows of it."""
    if isinstance(message, onnx.TensorProto):
        return [message]
    found = []
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            values = [value] if hasattr(value, "ListFields") else list(value)
            found += [one for part in values for one in _tensors(part)]
    return found


def test_description_tells_inputs_that_are_no_weights() -> None:
    helper, kind = onnx.helper, onnx.TensorProto
    text = helper.make_sequence_type_proto(helper.make_tensor_type_proto(kind.STRING, None))
    table = helper.make_map_type_proto(kind.INT64, helper.make_tensor_type_proto(kind.FLOAT, []))
    values = [
        helper.make_tensor_value_info("a", kind.FLOAT, [2]),
        helper.make_tensor_value_info("x", kind.DOUBLE, ["rows", 3, -1, None]),
        helper.make_tensor_value_info("any", kind.BFLOAT16, None),
        helper.make_value_info("texts", text),
        helper.make_value_info("maybe", helper.make_optional_type_proto(text)),
        helper.make_value_info("tables", helper.make_sequence_type_proto(table)),
        onnx.ValueInfoProto(name="untyped"),
    ]
    model = everywhere()
    model.graph.input.extend(values)
    model.graph.output.extend(values[1:2])
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 2, 3]), "shape"))
    described = describe(model.SerializeToString())
    x = {"name": "x", "dtype": "float64", "shape": [None, 3, None, None]}
    assert described == {
        "ir_version": 10,
        "producer": "somebody 1.2",
        "opset": {"ai.onnx": 20, "com.example": 1},
        "parameters": 6,
        "input_signature": [
            x,
            {"name": "any", "dtype": "bfloat16", "shape": None},
            {"name": "texts", "dtype": "list[string]", "shape": None},
            {"name": "maybe", "dtype": "list[string] | None", "shape": None},
            {"name": "tables", "dtype": "list[dict[int64, float32]]", "shape": None},
            {"name": "untyped", "dtype": None, "shape": None},
        ],
        "output_signature": [x],
    }


def test_model_without_weights_has_no_count_of_them() -> None:
    assert "parameters" not in describe(onnx.ModelProto(graph=onnx.GraphProto(name="g")).SerializeToString())


@pytest.mark.parametrize("content", [b"", b"\x08\x0a", b"nothing"], ids=["empty", "no graph", "words"])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(DamagedMessageError):
        describe(content)


def test_graphs_in_graphs_without_end_are_refused() -> None:
    content = b"location"
    for _ in range(2000):
        content = _nested(content)
    with pytest.raises(DamagedMessageError, match="levels"):
        external_data(b"\x3a" + _size(content) + content)


def _nested(graph: bytes) -> bytes:
    """A graph with a node with an attribute that is this graph."""
    for key in (0x32, 0x2A, 0x0A):
        graph = bytes([key]) + _size(graph) + graph
    return graph


def _size(content: bytes) -> bytes:
    size, encoded = len(content), b""
    while size > 0x7F:
        encoded += bytes([size & 0x7F | 0x80])
        size >>= 7
    return encoded + bytes([size])


@given(data=st.data())
def test_model_that_is_cut_or_changed_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(everywhere().SerializeToString())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    for read in (describe, external_data, lambda model: moved(model, lambda old: old)):
        with contextlib.suppress(DamagedMessageError):
            read(cut)
