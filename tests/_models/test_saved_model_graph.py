"""What a graph may do is seen without running it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bentoml._models.saved_model_graph import RISKY_OPERATIONS, parse_saved_model, risky_operations
from tests.environments.late_import import late_import

pytestmark = pytest.mark.environment("tensorflow")

tf = late_import("tensorflow")

# Their names sound like those of the risky ones, but they compute, read, or print to the terminal.
HARMLESS = re.compile(
    r"""
    Reader\w* | \w*TFRecord(Dataset|Reader)\w* | FixedLengthRecord\w+ | RecordInput | TextLine\w+ | WholeFileReader\w*
    | ReadFile | \w*MatchingFiles\w* | InitializeTableFromTextFile\w* | LoadDataset | SnapshotChunkDataset
    | ListSnapshotChunksDataset | Snapshot\w*Reader | Snapshot | Print(V2)? | ShardedFile\w+ | Copy\w* | DeepCopy
    | DebugGradient\w+ | DebugNumericSummaryV2 | \w*DebugOutputs | \w*Summary(V2)? | Write\w+Summary | WriteSummary
    | (Close|Flush)SummaryWriter | StatsAggregatorSetSummaryWriter | TensorArrayWrite\w* | \w*MemoryCache
    | (Delete|Rpc)\w*(Future|CheckStatus|GetValue)\w* | XlaLaunch\w* | XlaCallModule | \w*XlaHost\w+ | DisableCopyOnRead
    | TPUCopyWithDynamicShape | DataFormat\w+ | _DisconnectHostFromDistributedTPUSystem | ReaderRestoreState\w*
    | RestoreSlice | Restore(V2)? | DTensorRestoreV2 | \w*CustomCombiner\w+ | CustomAggregator
    """,
    re.VERBOSE,
)
SUSPICIOUS = re.compile(
    r"Write|Save|File|Record|Dump|Print|Debug|SummaryWriter|Cache|Snapshot|Py[A-Z]|Rpc|Remote|Sql|Custom|Copy|"
    r"MergeV2|DataService|Register|Restore|FromGraph|Launch|CallModule|HostCompute|Shell|Exec[^u]|Http|Url"
)


def saved(directory: Path, effect: Callable[[Any], Any]) -> Any:
    """The description of a model that takes a text, does something with it and returns it."""

    def call(text: Any) -> Any:
        effect(text)
        return text

    module = tf.Module()
    module.call = tf.function(call, input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    tf.saved_model.save(module, str(directory))
    return parse_saved_model(directory)


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (lambda text: tf.io.write_file(text, "x"), ["WriteFile"]),
        (lambda text: tf.cond(text == "", lambda: tf.io.write_file(text, "x"), tf.no_op), ["WriteFile"]),
        (lambda _: tf.py_function(lambda: 1, [], tf.int32), ["EagerPyFunc"]),
        (lambda _: tf.numpy_function(lambda: 1, [], tf.int32), ["PyFunc"]),
        (lambda text: tf.print(text, output_stream="file:///nowhere"), ["PrintV2"]),
        (
            lambda text: tf.raw_ops.SaveV2(prefix=text, tensor_names=["a"], shape_and_slices=[""], tensors=[[1]]),
            ["SaveV2"],
        ),
        (lambda text: next(iter(tf.data.Dataset.range(3).cache("/nowhere").batch(3).take(1))), ["CacheDatasetV2"]),
        (lambda text: tf.print(text, 1), []),
        (lambda text: tf.io.read_file(text + "1"), []),
        (lambda text: tf.strings.upper(text + "1"), []),
    ],
    ids=[
        "writes",
        "in a branch",
        "python",
        "numpy",
        "prints to a file",
        "saves",
        "cache",
        "prints",
        "reads",
        "computes",
    ],
)
def test_operations_that_reach_out_are_found(tmp_path: Path, effect: Callable[[Any], Any], expected: list[str]) -> None:
    assert risky_operations(saved(tmp_path, effect)) == expected


def test_writing_when_the_model_is_loaded_is_found(tmp_path: Path) -> None:
    class Table(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc, name-defined]
        def _create_resource(self) -> Any:
            return tf.raw_ops.HashTableV2(key_dtype=tf.int32, value_dtype=tf.int32)

        def _initialize(self) -> None:
            tf.io.write_file(str(tmp_path / "written"), "x")

    module = tf.Module()
    module.table = Table()
    tf.saved_model.save(module, str(tmp_path / "model"))
    assert risky_operations(parse_saved_model(tmp_path / "model")) == ["WriteFile"]
    assert not (tmp_path / "written").exists()
    tf.saved_model.load(str(tmp_path / "model"))
    assert (tmp_path / "written").exists()


def module_with_variable(tmp_path: Path) -> Any:
    module = tf.Module()
    module.variable = tf.Variable([1.0])
    module.call = tf.function(lambda: module.variable + 1, input_signature=[])
    tf.saved_model.save(module, str(tmp_path / "model"))
    return parse_saved_model(tmp_path / "model")


def test_the_part_that_saves_variables_does_not_count(tmp_path: Path) -> None:
    model = module_with_variable(tmp_path)
    operations = {node.op for one in model.meta_graphs[0].graph_def.library.function for node in one.node_def}
    assert {"SaveV2", "MergeV2Checkpoints"} <= operations
    assert risky_operations(model) == []


def saving_node(graph: Any) -> Any:
    name = graph.saver_def.save_tensor_name.partition(":")[0]
    return next(node for node in graph.graph_def.node if node.name == name)


def call_from_signature(graph: Any) -> None:
    graph.signature_def["serving_default"].outputs["x"].name = graph.saver_def.save_tensor_name


def call_from_node(graph: Any) -> None:
    node = graph.graph_def.node.add(name="more", op="Identity")
    node.input.append(f"^{saving_node(graph).name}")


def call_from_function(graph: Any) -> None:
    name = saving_node(graph).attr["f"].func.name
    body = next(one for one in graph.graph_def.library.function if "traced_save" not in one.signature.name)
    body.node_def.add(name="more", op="StatefulPartitionedCall").attr["f"].func.name = name


def call_by_name_of_operation(graph: Any) -> None:
    graph.graph_def.node.add(name="more", op=saving_node(graph).attr["f"].func.name)


def call_as_gradient(graph: Any) -> None:
    graph.graph_def.library.gradient.add(function_name="x", gradient_func=saving_node(graph).attr["f"].func.name)


def call_as_replacement(graph: Any) -> None:
    name = saving_node(graph).attr["f"].func.name
    function = next(one for one in graph.graph_def.library.function if one.signature.name == name)
    function.attr["api_implements"].s = b"x"


def call_while_loading(graph: Any) -> None:
    graph.collection_def["saved_model_main_op"].node_list.value.append(saving_node(graph).name)


def call_while_restoring(graph: Any) -> None:
    graph.saver_def.restore_op_name = saving_node(graph).name


@pytest.mark.parametrize(
    "change",
    [
        call_from_signature,
        call_from_node,
        call_from_function,
        call_by_name_of_operation,
        call_as_gradient,
        call_as_replacement,
        call_while_loading,
        call_while_restoring,
    ],
)
def test_the_part_that_saves_counts_when_anything_else_calls_it(tmp_path: Path, change: Callable[[Any], None]) -> None:
    model = module_with_variable(tmp_path)
    change(model.meta_graphs[0])
    assert "SaveV2" in risky_operations(model)


def test_every_operation_that_sounds_risky_was_looked_at() -> None:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    registered = op_def_pb2.OpList()
    registered.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    names = {one.name for one in registered.op}
    unknown = {name for name in names if SUSPICIOUS.search(name) and not HARMLESS.fullmatch(name)} - RISKY_OPERATIONS
    assert sorted(unknown) == []
    # Some are not in every build.
    assert len(RISKY_OPERATIONS & names) > len(RISKY_OPERATIONS) - 3


def test_text_form_is_read_like_the_loader_does(tmp_path: Path) -> None:
    from google.protobuf import text_format  # type: ignore[import-untyped]

    shown = text_format.MessageToString(saved(tmp_path, lambda text: tf.io.write_file(text, "x")))
    (tmp_path / "saved_model.pbtxt").write_text("", encoding="utf-8")
    assert risky_operations(parse_saved_model(tmp_path)) == ["WriteFile"]  # the other file comes first
    (tmp_path / "saved_model.pb").unlink()
    (tmp_path / "saved_model.pbtxt").write_text(shown, encoding="utf-8")
    assert risky_operations(parse_saved_model(tmp_path)) == ["WriteFile"]
