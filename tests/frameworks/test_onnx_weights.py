"""Files of ONNX models: weights apart, and what is damaged or not where it should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.onnx import OnnxModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks import onnx_models
from tests.frameworks.onnx_models import graph_of, load, save_apart, saved, session_of

pytestmark = pytest.mark.environment("onnx")

onnx = late_import("onnx")
onnxruntime = late_import("onnxruntime")

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("together", [None, "weights.bin"], ids=["one file each", "one file"])
def test_weights_apart_are_copied_into_one_file(tmp_path: Path, together: str | None) -> None:
    (tmp_path / "source").mkdir()
    source = save_apart(onnx_models.digits(), tmp_path / "source" / "digits.onnx", together=together)
    (tmp_path / "bundle").mkdir()
    saved(str(source), tmp_path / "bundle")
    for file in source.parent.iterdir():
        file.unlink()
    loaded = onnx.load(str(tmp_path / "bundle" / "model.onnx"))
    whole = onnx_models.digits()
    assert [onnx.numpy_helper.to_array(tensor).tolist() for tensor in loaded.graph.initializer] == [
        onnx.numpy_helper.to_array(tensor).tolist() for tensor in whole.graph.initializer
    ]
    pixels = {"pixels": onnx_models.DIGITS.astype(np.float32)}
    expected = session_of(whole).run(["label"], pixels)[0]
    assert np.array_equal(load(tmp_path / "bundle").run(["label"], pixels)[0], expected)


def test_save_of_a_model_in_one_file_removes_weights_of_the_one_before(tmp_path: Path) -> None:
    saved(onnx_models.travellers(), tmp_path)
    saved(onnx_models.iris(), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"model.onnx"}


def test_packed_model_can_be_saved_twice_and_changed_afterwards(tmp_path: Path) -> None:
    model = graph_of()
    artifact = OnnxModelArtifact("model").pack(model)
    model.graph.ClearField("node")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        artifact.save(str(tmp_path / name))
        assert load(tmp_path / name).run(None, {"x": np.array([[-1, 2]], np.float32)})[0].tolist() == [[0, 2]]


@pytest.mark.parametrize(
    "location",
    ["../digits.data", "/etc/hostname", "C:\\weights", "sub/../../digits.data", "..\\digits.data", ""],
)
def test_weights_elsewhere_are_refused_when_packed_and_when_loaded(tmp_path: Path, location: str) -> None:
    (tmp_path / "model").mkdir()
    file = save_apart(onnx_models.digits(), tmp_path / "model" / "model.onnx", together="digits.data")
    (tmp_path / "digits.data").write_bytes((tmp_path / "model" / "digits.data").read_bytes())
    _relocate(file, location)
    with pytest.raises(InvalidArgument, match=r"own directory|are missing"):
        OnnxModelArtifact("model").pack(file)
    with pytest.raises(ArtifactLoadingException, match=r"own directory|are missing"):
        load(file.parent)


def _relocate(file: Path, location: str) -> None:
    model = onnx.load(str(file), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    file.write_bytes(model.SerializeToString())


def test_address_in_memory_is_no_place_for_weights(tmp_path: Path) -> None:
    file = save_apart(onnx_models.digits(), tmp_path / "model.onnx", together="digits.data")
    _relocate(file, "*/_ORT_MEM_ADDR_/*")
    with pytest.raises(ArtifactLoadingException, match="are missing"):
        load(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("operator", "packs", "mapped"),
    [("Gather", True, True), ("MatMul", True, False), ("MatMul", False, True)],
    ids=["taken as they are", "packed", "not packed"],
)
def test_weights_apart_are_mapped_where_the_runtime_takes_them_as_they_are(
    tmp_path: Path, operator: str, packs: bool, mapped: bool
) -> None:
    (tmp_path / "source").mkdir()
    saved(save_apart(onnx_models.lookup(operator), tmp_path / "source" / "a.onnx", together="a.bin"), tmp_path)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_prepacking", "0" if packs else "1")
    session = load(tmp_path, session_options=options)
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert (str(tmp_path / "model.data") in maps) is mapped
    x = np.array([3]) if operator == "Gather" else np.ones((1, 512), np.float32)
    assert session.run(None, {"x": x})[0].sum() == (256 if operator == "Gather" else 512 * 256)


def test_cut_weights_are_refused(tmp_path: Path) -> None:
    saved(onnx_models.travellers(), tmp_path)
    data = tmp_path / "model.data"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ArtifactLoadingException, match="go beyond its end; save the service again"):
        load(tmp_path)


def test_proto_whose_weights_were_left_on_disk_is_refused(tmp_path: Path) -> None:
    file = save_apart(onnx_models.digits(), tmp_path / "model.onnx", together="digits.data")
    with pytest.raises(InvalidArgument, match="pack the path of a file"):
        OnnxModelArtifact("model").pack(onnx.load(str(file), load_external_data=False))


@pytest.mark.parametrize("content", [b"", b"nothing of that kind", b"\x08\x08"], ids=["empty", "words", "no graph"])
def test_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(InvalidArgument, match="is no ONNX model"):
        OnnxModelArtifact("model").pack(tmp_path / "model.onnx")
    with pytest.raises(ArtifactLoadingException, match="save the service again"):
        load(tmp_path)


@pytest.mark.parametrize("harm", ["cut", "changed", "random"])
def test_damaged_files_never_end_the_process(tmp_path: Path, harm: str) -> None:
    command = [sys.executable, "-m", "tests.frameworks.onnx_damage", harm, "1", "150", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded, refused = map(int, done.stdout.splitlines()[-1].split())  # the runtime may have said something before
    assert loaded + refused == 150
    assert refused >= (150 if harm == "random" else 75)
