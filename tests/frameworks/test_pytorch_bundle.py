"""Modules of PyTorch whose class is in a module of the bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.environment("torch")

NETWORK = """
import torch


class Doubled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(1))

    def forward(self, rows):
        return rows * self.factor
"""

SERVICE = """
import bentoml
import torch
from bentoml.adapters import PytorchTensorInput
from bentoml.frameworks.pytorch import PytorchModelArtifact
from network_of_bundle import Doubled


@bentoml.artifacts([PytorchModelArtifact("model"OPTIONS)])
class Doubling(bentoml.BentoService):
    @bentoml.api(input=PytorchTensorInput(dtype="float32"), batch=True)
    def predict(self, batch):
        with torch.inference_mode():
            return self.artifacts.model(batch)
"""

SAVE = """
from network_of_bundle import Doubled
from service_of_bundle import Doubling
from torch import no_grad

model = Doubled()
with no_grad():
    model.factor += 1
Doubling().pack("model", model).save_to_dir("saved")
"""


def run(directory: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("options", ["", ', format="safetensors", architecture=Doubled'], ids=["pickle", "safetensors"])
def test_class_comes_from_the_bundle_where_its_source_is_gone(options: str, tmp_path: Path) -> None:
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    source.mkdir()
    elsewhere.mkdir()
    (source / "network_of_bundle.py").write_text(NETWORK, encoding="utf-8")
    (source / "service_of_bundle.py").write_text(SERVICE.replace("OPTIONS", options), encoding="utf-8")
    (source / "save.py").write_text(SAVE, encoding="utf-8")
    (source / "saved").mkdir()
    run(source, "save.py")
    (source / "saved").rename(elsewhere / "saved")
    arguments = ("-m", "bentoml", "run", "saved", "predict", "--quiet", "--input", "[[1, 2.5]]")
    assert json.loads(run(elsewhere, *arguments)) == [[2.0, 5.0]]
