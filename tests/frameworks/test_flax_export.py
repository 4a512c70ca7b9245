"""Functions that JAX has exported, in a Flax artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.flax import FlaxModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.flax_training import IMAGES, trained_linen, trained_nnx

pytestmark = pytest.mark.environment("jax")

jax = late_import("jax")
export = late_import("jax.export")


def artifact() -> FlaxModelArtifact:
    return FlaxModelArtifact("model", format="export")


def exported(function: Any, *shape: Any) -> Any:
    return export.export(jax.jit(function))(jax.ShapeDtypeStruct(shape, "float32"))


@pytest.mark.parametrize("module", ["linen", "nnx"])
def test_export_of_a_model_answers_batches_of_any_size(tmp_path: Path, module: str) -> None:
    model: Any = trained_linen() if module == "linen" else trained_nnx()
    packed = artifact().pack(model, example=IMAGES[:1])
    assert packed.facts()["platforms"] == ["cpu", "cuda"]
    packed.save(str(tmp_path))
    loaded = artifact().load(str(tmp_path)).get()
    expected = np.asarray(model[0].apply(model[1], IMAGES) if module == "linen" else model(IMAGES))
    for size in (1, 5, 64):
        assert np.allclose(loaded(IMAGES[:size]), expected[:size], atol=1e-4)


def test_export_without_an_example_asks_for_one() -> None:
    with pytest.raises(InvalidArgument, match="needs example="):
        artifact().pack(trained_nnx())


def test_exported_function_that_calls_native_ones_gives_same_answers(tmp_path: Path) -> None:
    artifact().pack(exported(jax.numpy.linalg.cholesky, 2, 2)).save(str(tmp_path))
    matrix = np.asarray([[4.0, 2.0], [2.0, 5.0]], "float32")
    assert np.allclose(artifact().load(str(tmp_path)).get()(matrix), np.linalg.cholesky(matrix))


@pytest.mark.parametrize("share", [0.0, 0.002, 0.01, 0.5, 0.98])
def test_load_of_a_cut_file_names_the_artifact(tmp_path: Path, share: float) -> None:
    content = bytes(exported(jax.numpy.tanh, 3).serialize())
    (tmp_path / "model.jaxexport").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        artifact().load(str(tmp_path))


def test_load_compiles_for_the_chosen_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact().pack(exported(jax.numpy.tanh, 3)).save(str(tmp_path))
    answer = artifact().load(str(tmp_path)).get()(np.zeros(3, "float32"))
    assert answer.devices() == {jax.devices("cpu")[0]}
    assert answer.committed
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:1")
    with pytest.raises(ArtifactLoadingException, match="no device cuda:1, only cpu:0"):
        artifact().load(str(tmp_path))


def test_set_dependencies_needs_no_flax() -> None:
    env = BentoServiceEnv(infer_pip_packages=True)
    artifact().set_dependencies(env)
    assert env._pip_packages == ["jax", "jaxlib", "flatbuffers"]
