"""The Flax artifact, on networks that are trained here to read digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bentoml.frameworks.flax import FlaxModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.flax_training import DIGITS, IMAGES, linen_artifact, nnx_artifact, trained_linen, trained_nnx
from tests.server.test_failures import last_line, serve_to_the_end

pytestmark = pytest.mark.environment("jax")

jax = late_import("jax")
export = late_import("jax.export")

NETS = (Path(__file__).parent / "flax_nets.py").read_text(encoding="utf-8")
SERVICE = """
import bentoml
import numpy
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.flax import FlaxModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([FlaxModelArtifact("model", ARGUMENTS)])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 64)), batch=True, mb_max_latency=5000)
    def predict(self, images):
        return numpy.asarray(self.artifacts.model(images)).tolist()
"""


class FlaxContract(FrameworkContract):
    library: ClassVar[str | None] = "jax"
    requirement = "jax"
    pinned = ("jax", "jaxlib", "flax")
    files = frozenset({"model.safetensors"})

    def wrong_object(self) -> Any:
        return {"params": {}}

    def outcome(self, obj: Any) -> Any:
        if isinstance(obj, tuple):
            return self.outcome(obj[0].bind(obj[1]))
        return np.asarray(getattr(obj, "call", obj)(IMAGES)).tolist()

    def questions(self, obj: Any) -> list[Question]:
        scores = self.outcome(obj)
        return [
            Question(json.dumps(IMAGES[rows].tolist()).encode(), scores[rows])
            for rows in (slice(0, 1), slice(5, 8), slice(1796, 1797))
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digits with the number of rows."""
        return np.shape(actual) == np.shape(expected) and np.allclose(actual, expected, rtol=1e-4, atol=1e-4)


class TestLinen(FlaxContract):
    service = NETS + SERVICE.replace("ARGUMENTS", 'LinenDigits, {"hidden": 48}')
    facts: ClassVar[dict[str, Any]] = {
        "framework": "flax",
        "class": "tests.frameworks.flax_nets.LinenDigits",
        "parameters": 64 * 48 + 48 + 2 * 48 + 48 * 10 + 10,
        "dtype": "float32",
    }

    def new(self, name: str = "model") -> FlaxModelArtifact:
        return linen_artifact(name)

    def good_object(self) -> Any:
        return trained_linen()

    def test_preload_is_refused_since_workers_would_hang(self, bundle: Path, tmp_path: Path) -> None:
        done = serve_to_the_end(bundle, tmp_path, "--preload")
        assert done.returncode != 0
        assert "--preload does not go with 'model' (FlaxModelArtifact)" in last_line(done)


class TestNnx(FlaxContract):
    service = NETS + SERVICE.replace("ARGUMENTS", 'NnxDigits, {"hidden": 48}')
    facts: ClassVar[dict[str, Any]] = {
        "framework": "flax",
        "class": "tests.frameworks.flax_nets.NnxDigits",
        "parameters": 64 * 48 + 48 + 2 * 48 + 48 * 10 + 10,
        "dtype": "float32",
    }

    def new(self, name: str = "model") -> FlaxModelArtifact:
        return nnx_artifact(name)

    def good_object(self) -> Any:
        return trained_nnx()


class TestExport(FlaxContract):
    pinned = ("jax", "jaxlib", "flatbuffers")
    files = frozenset({"model.jaxexport"})
    pickles = True
    service = SERVICE.replace("ARGUMENTS", 'format="export"')
    facts: ClassVar[dict[str, Any]] = {
        "framework": "jax",
        "class": "jax.export.Exported",
        "input_signature": [{"name": None, "dtype": "float32", "shape": [None, 64]}],
        "platforms": ["cpu"],
    }

    def new(self, name: str = "model") -> FlaxModelArtifact:
        return FlaxModelArtifact(name, format="export")

    def good_object(self) -> Any:
        module, variables = trained_linen()
        (batch,) = export.symbolic_shape("batch")
        function = jax.jit(lambda images: module.apply(variables, images))
        return export.export(function)(jax.ShapeDtypeStruct((batch, 64), "float32"))


def test_networks_have_learned_to_read_digits() -> None:
    module, variables = trained_linen()
    for scores in (module.apply(variables, IMAGES), trained_nnx()(IMAGES)):
        assert np.mean(np.asarray(scores).argmax(axis=1) == DIGITS) > 0.95
