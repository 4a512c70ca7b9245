"""What stands in a SavedModel of TensorFlow, read from its description without running anything.

A SavedModel is a graph of operations. It holds no Python, but a graph is a program all the same: there are operations
that write files, and a resource may run them as soon as the model is loaded. `risky_operations` names those.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SERVING_DEFAULT = "serving_default"
_INIT_SIGNATURE = "__saved_model_init_op"

# Operations that write files, talk to other machines, call Python that the process has registered, or hold a graph or
# a compiled program that nobody can look into here.
RISKY_OPERATIONS = frozenset({
    *("WriteFile", "Save", "SaveSlices", "SaveV2", "MergeV2Checkpoints", "DumpTensor", "CalibrationStatisticsSaver"),
    *("SaveDataset", "SaveDatasetV2", "DistributedSave", "SnapshotDataset", "SnapshotDatasetV2"),
    *("CacheDataset", "CacheDatasetV2", "DatasetToTFRecord", "ExperimentalDatasetToTFRecord"),
    *("SqlDataset", "ExperimentalSqlDataset"),  # a query may write as well
    *("SummaryWriter", "CreateSummaryFileWriter", "CreateSummaryDbWriter"),
    *("DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNanCount", "DebugNumericSummary"),
    *("PyFunc", "PyFuncStateless", "EagerPyFunc"),
    *("RpcCall", "RpcClient", "RpcServer", "RpcServerRegister", "RpcServerStart", "RemoteCall"),
    *("DataServiceDataset", "DataServiceDatasetV2", "DataServiceDatasetV3", "DataServiceDatasetV4"),
    *("RegisterDataset", "RegisterDatasetV2", "FileSystemSetConfiguration"),
    *("DatasetFromGraph", "TRTEngineOp", "XlaCustomCall", "XlaCustomCallV2"),
})  # fmt: skip

_PRINT = "PrintV2"
_FILE_STREAM = b"file://"


def parse_saved_model(directory: Path) -> Any:
    """The description of a SavedModel, as the message `SavedModel`.

    Raises:
        ArtifactLoadingException: the file is damaged.
        FileNotFoundError: there is none.
        MissingDependencyException: TensorFlow is not installed.
    """
    tensorflow = require("tensorflow")
    file = next(
        (directory / name for name in ("saved_model.pb", "saved_model.pbtxt") if (directory / name).exists()), None
    )
    if file is None:
        raise FileNotFoundError(2, "no such file", str(directory / "saved_model.pb"))
    try:
        # The parser of the loader itself: what is looked at is what is loaded.
        model = tensorflow.__internal__.saved_model.parse_saved_model(str(directory))
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactLoadingException(f"{file} is no SavedModel, or is damaged: {error}") from error
    if not model.meta_graphs:
        raise ArtifactLoadingException(f"{file} is no SavedModel, or is damaged: there is no graph in it")
    return model


def risky_operations(model: Any) -> list[str]:
    """Names of the operations in a SavedModel that reach beyond the computation, sorted; see `RISKY_OPERATIONS`.

    Every SavedModel has a part that saves its variables again, which nothing in it calls. That part does not count.

    Args:
        model: from `parse_saved_model`.
    """
    return sorted({node.op for graph in model.meta_graphs for node in _live_nodes(graph) if _is_risky(node)})


def _is_risky(node: Any) -> bool:
    if node.op == _PRINT:
        return bool(node.attr["output_stream"].s.startswith(_FILE_STREAM))
    return node.op in RISKY_OPERATIONS


def _live_nodes(graph: Any) -> Iterator[Any]:
    """All nodes but those that only the saving part needs."""
    nodes = {node.name: node for node in graph.graph_def.node}
    functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
    saving = _ancestors(nodes, [_node_name(graph.saver_def.save_tensor_name)])
    live = _ancestors(nodes, [*(name for name in nodes if name not in saving), *_named_outside(graph)])
    for_saving = _called(functions, (nodes[name] for name in saving - live))
    wanted = _called(functions, (nodes[name] for name in live)) | _functions_named_outside(graph)
    wanted |= functions.keys() - for_saving
    wanted |= _called(functions, (node for name in wanted & functions.keys() for node in functions[name]))
    yield from (nodes[name] for name in live)
    yield from (node for name in wanted & functions.keys() for node in functions[name])


def _named_outside(graph: Any) -> Iterator[str]:
    """Nodes that a signature, a collection or the restoring of variables asks for."""
    for signature in graph.signature_def.values():
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            yield from (_node_name(part.name) for part in (info, *info.composite_tensor.components))
    for collection in graph.collection_def.values():
        yield from map(_node_name, collection.node_list.value)
    yield _node_name(graph.saver_def.restore_op_name)


def _functions_named_outside(graph: Any) -> set[str]:
    """Functions that objects have, that stand for a gradient, or that TensorFlow may take in place of others."""
    library = graph.graph_def.library
    gradients = {gradient.gradient_func for gradient in (*library.gradient, *library.registered_gradients)}
    swapped = {function.signature.name for function in library.function if "api_implements" in function.attr}
    return set(graph.object_graph_def.concrete_functions) | gradients | swapped


def _node_name(tensor: str) -> str:
    """Node of a tensor or of a control input: `name:0`, `^name`."""
    return tensor.removeprefix("^").partition(":")[0]


def _ancestors(nodes: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """The nodes, and those that they need."""
    seen: set[str] = set()
    waiting = [name for name in names if name in nodes]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [needed for tensor in nodes[name].input if (needed := _node_name(tensor)) in nodes]
    return seen


def _called(functions: Mapping[str, Iterable[Any]], nodes: Iterable[Any]) -> set[str]:
    """Functions that nodes name, and those that these functions name.

    Args:
        functions: the nodes of each function of the graph.
        nodes: where to start.
    """
    seen: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        named = {node.op, *(name for value in node.attr.values() for name in _function_names(value))}
        for name in (named & functions.keys()) - seen:
            seen.add(name)
            waiting += functions[name]
    return seen


def _function_names(value: Any) -> Iterator[str]:
    yield value.func.name
    yield from (function.name for function in value.list.func)


def has_calls(model: Any) -> bool:
    """Whether there is a function or a signature in a SavedModel that can be called."""
    named = {name for graph in model.meta_graphs for name in graph.signature_def}
    return bool(named - {_INIT_SIGNATURE} or inputs_of_functions(model))


def inputs_of_signature(model: Any) -> list[dict[str, Any]] | None:
    """The inputs of `serving_default`: `name`, `dtype` and `shape`, None for what is not known; None without it."""
    for graph in model.meta_graphs:
        if SERVING_DEFAULT in graph.signature_def:
            inputs = graph.signature_def[SERVING_DEFAULT].inputs
            return [_described(name, inputs[name].dtype, inputs[name].tensor_shape) for name in sorted(inputs)]
    return None


def inputs_of_functions(model: Any) -> dict[str, list[list[dict[str, Any]]]]:
    """By the names of a model's functions: for each form that was traced, its tensors as in `inputs_of_signature`."""
    forms: dict[str, list[list[dict[str, Any]]]] = {}
    for graph in model.meta_graphs:
        objects = graph.object_graph_def
        for child in objects.nodes[0].children if objects.nodes else ():
            names = objects.nodes[child.node_id].function.concrete_functions
            traced = [objects.concrete_functions[name].canonicalized_input_signature for name in names]
            if traced:
                forms[child.local_name] = [list(_specs(signature)) for signature in traced]
    return forms


def _specs(value: Any) -> Iterator[dict[str, Any]]:
    """The tensors in a structure of arguments, in order."""
    kind = value.WhichOneof("kind")
    if kind in {"tensor_spec_value", "bounded_tensor_spec_value"}:
        spec = getattr(value, kind)
        yield _described(spec.name or None, spec.dtype, spec.shape)
    elif kind in {"tuple_value", "list_value"}:
        for item in getattr(value, kind).values:
            yield from _specs(item)
    elif kind == "dict_value":
        for key in sorted(value.dict_value.fields):
            yield from _specs(value.dict_value.fields[key])
    elif kind == "named_tuple_value":
        for pair in value.named_tuple_value.values:
            yield from _specs(pair.value)


def _described(name: str | None, dtype: int, shape: Any) -> dict[str, Any]:
    sizes = None if shape.unknown_rank else [None if dim.size == -1 else dim.size for dim in shape.dim]
    return {"name": name, "dtype": require("tensorflow").dtypes.as_dtype(dtype).name, "shape": sizes}


def count_parameters(model: Any) -> int | None:
    """How many floating-point numbers the variables hold; None where the model does not list them."""
    as_dtype = require("tensorflow").dtypes.as_dtype
    variables = [
        node.variable
        for graph in model.meta_graphs
        for node in graph.object_graph_def.nodes
        if node.WhichOneof("kind") == "variable" and as_dtype(node.variable.dtype).is_floating
    ]
    if not any(graph.object_graph_def.nodes for graph in model.meta_graphs):
        return None
    return sum(prod(int(dim.size) for dim in variable.shape.dim) for variable in variables)
