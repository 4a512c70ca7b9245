"""What a file of `torch.export` can do to those who read it."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bentoml._models.exported_program import inputs_of, read_program, write_program
from bentoml.exceptions import ArtifactLoadingException
from bentoml.frameworks.pytorch import PytorchModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks.digits_network import exported

pytestmark = pytest.mark.environment("torch")

torch = late_import("torch")


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_exported_program_from_a_stranger_runs_code_and_so_counts_as_a_pickle(tmp_path: Path) -> None:
    """When this fails, PyTorch reads the format without pickles: look at the rest of `exported_program` again."""
    artifact = PytorchModelArtifact("model", format="export").pack(exported())
    assert artifact.carries_pickle
    artifact.save(str(tmp_path))
    content = io.BytesIO()
    torch.save(_Runs(tmp_path / "ran"), content)
    changed = tmp_path / "changed"
    with zipfile.ZipFile(tmp_path / "model.pt2") as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            is_sample = name.endswith("sample_inputs/model.pt")
            new.writestr(name, content.getvalue() if is_sample else old.read(name))
    changed.rename(tmp_path / "model.pt2")
    assert PytorchModelArtifact("model").has_pickle_in(str(tmp_path))
    with pytest.raises(ArtifactLoadingException):
        PytorchModelArtifact("model").load(str(tmp_path))
    assert (tmp_path / "ran").is_dir()


def test_read_for_another_device_moves_all_weights(tmp_path: Path) -> None:
    write_program(exported(), tmp_path / "program.pt2")
    program = read_program(tmp_path / "program.pt2", torch.device("meta"))
    assert {tensor.device.type for tensor in program.state_dict.values()} == {"meta"}
    assert program.module()(torch.zeros(3, 64, device="meta")).shape == (3, 10)


def test_inputs_that_are_no_tensors_are_left_out() -> None:
    class Scaled(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, rows: Any, factor: float, mask: Any) -> Any:
            return rows * factor + mask

    program = torch.export.export(Scaled(), (torch.zeros(2, 3), 2.0, torch.zeros(3, dtype=torch.int64)))
    assert inputs_of(program) == [
        {"name": "rows", "dtype": "float32", "shape": [2, 3]},
        {"name": "mask", "dtype": "int64", "shape": [3]},
    ]
