"""The Gluon artifact, on networks that are trained here."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.gluon import GluonModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

pytestmark = pytest.mark.environment("gluon")

mxnet = late_import("mxnet")

SERVICE = """
import bentoml
import mxnet
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.gluon import GluonModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([GluonModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 2)), batch=True, mb_max_latency=5000)
    def predict(self, rows):
        return self.artifacts.model(mxnet.nd.array(rows)).asnumpy()
"""


@functools.cache
def points() -> tuple[Any, Any]:
    """Two clouds of points, `(100, 2)`, and which of them each is from."""
    numbers = np.random.default_rng(0)
    clouds = [numbers.normal(center, 0.5, (50, 2)) for center in (-1, 1)]
    return np.concatenate(clouds).astype(np.float32), np.repeat([0, 1], 50)


@functools.cache
def trained() -> Any:
    mxnet.random.seed(0)
    rows, labels = points()
    block = mxnet.gluon.nn.HybridSequential(prefix="net_")
    with block.name_scope():
        block.add(mxnet.gluon.nn.Dense(8, activation="relu"), mxnet.gluon.nn.BatchNorm(), mxnet.gluon.nn.Dense(2))
    block.initialize(mxnet.init.Xavier())
    block.hybridize()
    loss_of = mxnet.gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = mxnet.gluon.Trainer(block.collect_params(), "adam", {"learning_rate": 0.05})
    for _ in range(30):
        with mxnet.autograd.record():
            loss = loss_of(block(mxnet.nd.array(rows)), mxnet.nd.array(labels))
        loss.backward()
        trainer.step(len(rows))
    return block


def answers(block: Any) -> Any:
    return block(mxnet.nd.array(points()[0])).asnumpy()


class TestBlock(FrameworkContract):
    library: ClassVar[str | None] = "mxnet"
    requirement = "mxnet"
    files = frozenset({"model-symbol.json", "model-0000.params"})
    service = SERVICE
    pinned = ("mxnet", "numpy")
    facts: ClassVar[dict[str, Any]] = {
        "framework": "mxnet",
        "class": "mxnet.gluon.nn.basic_layers.HybridSequential",
        "parameters": 2 * 8 + 8 + 4 * 8 + 8 * 2 + 2,
    }

    def new(self, name: str = "model") -> GluonModelArtifact:
        return GluonModelArtifact(name)

    def good_object(self) -> Any:
        return trained()

    def wrong_object(self) -> Any:
        return "model-symbol.json"

    def outcome(self, obj: Any) -> Any:
        return answers(obj).tolist()

    def questions(self, obj: Any) -> list[Question]:
        rows, expected = points()[0], answers(obj)
        return [
            Question(json.dumps(rows[part].tolist()).encode(), expected[part].tolist())
            for part in (slice(0, 1), slice(48, 53), slice(99, 100))
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digit with the number of rows."""
        return np.allclose(np.array(actual), np.array(expected), rtol=1e-4, atol=1e-5)


def load(directory: Path) -> Any:
    return GluonModelArtifact("model").load(str(directory)).get()


def test_network_has_learned_and_still_knows_when_loaded(tmp_path: Path) -> None:
    GluonModelArtifact("model").pack(trained()).save(str(tmp_path))
    assert np.mean(answers(load(tmp_path)).argmax(axis=1) == points()[1]) > 0.9


def test_loaded_block_tells_the_same_number_of_parameters(tmp_path: Path) -> None:
    artifact = GluonModelArtifact("model").pack(trained())
    artifact.save(str(tmp_path))
    loaded = GluonModelArtifact("model").load(str(tmp_path))
    assert loaded.facts()["parameters"] == artifact.facts()["parameters"]


@pytest.mark.filterwarnings("ignore:Cannot decide type:UserWarning")
def test_block_that_was_read_from_files_keeps_its_weights_without_a_call(tmp_path: Path) -> None:
    trained().export(str(tmp_path / "other"))
    files = [str(tmp_path / name) for name in ("other-symbol.json", "other-0000.params")]
    GluonModelArtifact("model").pack(mxnet.gluon.SymbolBlock.imports(files[0], ["data"], files[1])).save(str(tmp_path))
    assert np.array_equal(answers(load(tmp_path)), answers(trained()))


def test_block_with_two_inputs_is_loaded_with_both(tmp_path: Path) -> None:
    class Sum(mxnet.gluon.HybridBlock):  # type: ignore[misc,name-defined]  # it is imported late
        def hybrid_forward(self, F: Any, left: Any, right: Any) -> Any:  # noqa: N803 - MXNet names it so
            return F.broadcast_add(left, right)

    block = Sum()
    block.hybridize()
    ones = mxnet.nd.ones((1, 2))
    block(ones, ones)
    GluonModelArtifact("model").pack(block).save(str(tmp_path))
    assert load(tmp_path)(ones, ones * 2).asnumpy().tolist() == [[3, 3]]


def test_block_that_was_never_called_says_what_to_do(tmp_path: Path) -> None:
    block = mxnet.gluon.nn.HybridSequential()
    block.add(mxnet.gluon.nn.Dense(2))
    block.initialize()
    artifact = GluonModelArtifact("model").pack(block)
    assert "parameters" not in artifact.facts()
    with pytest.raises(InvalidArgument, match=r"call hybridize\(\) of the block, then the block itself"):
        artifact.save(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["model-symbol.json", "model-0000.params"])
@pytest.mark.parametrize("content", [b"", b"{}", b"nothing of that kind"], ids=["empty", "braces", "words"])
def test_damaged_file_names_the_artifact(tmp_path: Path, file: str, content: bytes) -> None:
    GluonModelArtifact("model").pack(trained()).save(str(tmp_path))
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        load(tmp_path)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_device_that_is_not_there_says_what_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    GluonModelArtifact("model").pack(trained()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", device)
    with pytest.raises(ArtifactLoadingException, match=rf"cpu and \d+ GPUs \(cuda:N\) here, not {device}"):
        load(tmp_path)


def test_newer_numpy_is_named_as_what_is_wrong() -> None:
    # From 1.24 on it has no such name, which this one knows through a function.
    script = (
        "import numpy\n"
        "def gone(name): raise AttributeError(f'module numpy has no attribute {name}')\n"
        "numpy.__getattr__ = gone\n"
        "from bentoml.frameworks.gluon import GluonModelArtifact\n"
        "GluonModelArtifact('model').pack(None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("run: pip install 'numpy<1.24'")


@pytest.mark.parametrize(("infer", "expected"), [(True, ["mxnet", "numpy"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_mxnet_and_numpy_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    GluonModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
