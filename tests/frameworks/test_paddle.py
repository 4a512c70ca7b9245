"""The PaddlePaddle artifact, on a network that is trained here to read digits."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.paddle import PaddlePaddleModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

pytestmark = pytest.mark.environment("paddle")

paddle = late_import("paddle")

IMAGES, DIGITS = load_digits(return_X_y=True)
IMAGES = IMAGES.astype("float32")
# One number less, and a file is not whole.
PARAMETERS = 64 * 32 + 32 + 4 * 32 + 32 * 10 + 10

SERVICE = """
import bentoml
import paddle
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.paddle import PaddlePaddleModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts(
    [PaddlePaddleModelArtifact("model", input_spec=[paddle.static.InputSpec([None, 64], "float32", "images")])]
)
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 64)), batch=True, mb_max_latency=5000)
    def predict(self, images):
        (scores,) = self.artifacts.model.run([paddle.to_tensor(images.copy())])
        return scores.numpy().tolist()
"""


@functools.cache
def images_spec() -> list[Any]:
    return [paddle.static.InputSpec([None, 64], "float32", "images")]


def artifact(name: str = "model") -> PaddlePaddleModelArtifact:
    return PaddlePaddleModelArtifact(name, input_spec=images_spec())


@functools.cache
def trained() -> Any:
    """A network after some steps, in training mode still."""
    paddle.seed(0)
    nn = paddle.nn
    layers = [nn.Linear(64, 32), nn.BatchNorm1D(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10)]
    network = nn.Sequential(*layers)
    optimizer = paddle.optimizer.Adam(0.02, parameters=network.parameters())
    images, digits = paddle.to_tensor(IMAGES / 16), paddle.to_tensor(DIGITS)
    for _ in range(60):
        nn.functional.cross_entropy(network(images), digits).backward()
        optimizer.step()
        optimizer.clear_grad()
    return network


def scores_of(network: Any) -> Any:
    """What a layer answers, in its mode for inference; it goes on as it was."""
    network.eval()
    scores = network(paddle.to_tensor(IMAGES / 16)).numpy()
    network.train()
    return scores


def answer(predictor: Any) -> Any:
    """What a predictor answers."""
    (scores,) = predictor.run([paddle.to_tensor(IMAGES / 16)])
    return scores.numpy()


class TestLayer(FrameworkContract):
    library: ClassVar[str | None] = "paddle"
    requirement = "paddlepaddle"
    files = frozenset({"model.json", "model.pdiparams"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "paddle",
        "class": "paddle.base.libpaddle.PaddleInferPredictor",
        "input_signature": [{"name": "images", "dtype": "float32", "shape": [None, 64]}],
        "parameters": PARAMETERS,
    }

    def new(self, name: str = "model") -> PaddlePaddleModelArtifact:
        return artifact(name)

    def good_object(self) -> Any:
        images_spec()
        return trained()

    def wrong_object(self) -> Any:
        return "model.pdmodel"

    def outcome(self, obj: Any) -> Any:
        """The digits alone: a predictor fuses operations that a layer does one by one, and gets other last digits."""
        scores = scores_of(obj) if isinstance(obj, paddle.nn.Layer) else answer(obj)
        return scores.argmax(axis=1).tolist()

    def questions(self, obj: Any) -> list[Question]:
        scores = scores_of(obj)
        return [
            Question(json.dumps((IMAGES[rows] / 16).tolist()).encode(), scores[rows].tolist())
            for rows in (slice(0, 1), slice(5, 8), slice(1796, 1797))
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        return np.shape(actual) == np.shape(expected) and np.allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_packed_network_reads_digits_though_it_was_in_training_mode(tmp_path: Path) -> None:
    packed = artifact().pack(trained())
    assert np.mean(answer(packed.get()).argmax(axis=1) == DIGITS) > 0.95
    assert np.allclose(answer(packed.get()), scores_of(trained()), atol=1e-4)
    assert all(layer.training for layer in trained().sublayers(include_self=True))
    packed.save(str(tmp_path))
    assert np.array_equal(answer(artifact().load(str(tmp_path)).get()), answer(packed.get()))


def test_predictor_answers_by_its_handles_as_well(tmp_path: Path) -> None:
    artifact().pack(trained()).save(str(tmp_path))
    predictor = artifact().load(str(tmp_path)).get()
    handle = predictor.get_input_handle("images")
    handle.reshape(IMAGES.shape)
    handle.copy_from_cpu(IMAGES / 16)
    predictor.run()
    (name,) = predictor.get_output_names()
    assert np.array_equal(predictor.get_output_handle(name).copy_to_cpu(), answer(predictor))


def test_pack_of_a_layer_that_to_static_was_told_needs_no_specification() -> None:
    layer = paddle.jit.to_static(paddle.nn.Linear(64, 3), input_spec=images_spec(), full_graph=True)
    packed = PaddlePaddleModelArtifact("model").pack(layer)
    assert packed.facts()["input_signature"] == TestLayer.facts["input_signature"]


def test_pack_of_a_loaded_layer_knows_its_inputs(tmp_path: Path) -> None:
    paddle.jit.save(trained(), str(tmp_path / "model"), input_spec=images_spec())
    packed = PaddlePaddleModelArtifact("model").pack(paddle.jit.load(str(tmp_path / "model")))
    assert packed.facts()["parameters"] == PARAMETERS
    assert np.allclose(answer(packed.get()), scores_of(trained()), atol=1e-4)


def test_pack_without_a_specification_says_how_to_give_one() -> None:
    with pytest.raises(InvalidArgument, match=r"input_spec=\[paddle\.static\.InputSpec.* or paddle\.jit\.to_static"):
        PaddlePaddleModelArtifact("model").pack(paddle.nn.Linear(64, 3))


def test_pack_of_a_model_with_a_trainer_says_what_to_pack() -> None:
    with pytest.raises(InvalidArgument, match=r"pack model\.network"):
        artifact().pack(paddle.Model(paddle.nn.Linear(64, 3), images_spec()))


def test_layer_without_parameters_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "model.pdiparams").write_bytes(b"of the model before")
    with pytest.warns(UserWarning, match="no variable in your model"):
        packed = artifact().pack(paddle.nn.Softmax())
    assert packed.facts()["parameters"] == 0
    packed.save(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]
    assert answer(artifact().load(str(tmp_path)).get()).sum(axis=1) == pytest.approx(1)


def test_files_of_a_packed_model_are_gone_when_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    packed = artifact().pack(paddle.nn.Linear(64, 3))
    assert len([*tmp_path.iterdir()]) == 1
    del packed
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("suffix", ["json", "pdiparams"])
def test_load_of_a_cut_file_names_it(tmp_path: Path, suffix: str, share: float) -> None:
    artifact().pack(trained()).save(str(tmp_path))
    file = tmp_path / f"model.{suffix}"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactLoadingException, match=f"model.*{suffix if share else ''}"):
        artifact().load(str(tmp_path))


def test_program_that_writes_files_is_refused(tmp_path: Path) -> None:
    artifact().pack(paddle.nn.Linear(64, 3)).save(str(tmp_path))
    file = tmp_path / "model.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"1.matmul"', '"1.save_combine"'), encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match="reaches files or Python: save_combine"):
        artifact().load(str(tmp_path))


# Paddle 2 wrote such programs; Paddle 3 does when it is told so at its start.
WRITE_OLD = """
import sys, paddle
layer = paddle.nn.Linear(64, 3)
paddle.jit.save(layer, sys.argv[1], input_spec=[paddle.static.InputSpec([None, 64], "float32", "images")])
print(layer(paddle.ones([1, 64])).numpy().tolist())
"""


def test_program_of_paddle_2_is_read_and_counts_as_a_pickle(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WRITE_OLD, str(tmp_path / "model")],
        env={**os.environ, "FLAGS_enable_pir_api": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "model.pdmodel").exists()
    assert artifact().has_pickle_in(str(tmp_path))
    loaded = artifact().load(str(tmp_path))
    assert loaded.carries_pickle
    (scores,) = loaded.get().run([paddle.ones([1, 64])])
    assert np.allclose(scores.numpy(), json.loads(done.stdout.splitlines()[-1]), atol=1e-5)
    assert loaded.facts()["input_signature"] == [{"name": "images", "dtype": None, "shape": None}]
    assert loaded.facts()["parameters"] == 64 * 3 + 3
    (tmp_path / "again").mkdir()
    loaded.save(str(tmp_path / "again"))
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"model.pdmodel", "model.pdiparams"}


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_load_onto_a_device_that_is_not_there_says_which_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    artifact().pack(trained()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", device)
    with pytest.raises(ArtifactLoadingException, match=f"no device {device}, only cpu;"):
        artifact().load(str(tmp_path))


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_paddle_only_when_inferring(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    PaddlePaddleModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == ["paddlepaddle"] * infer
