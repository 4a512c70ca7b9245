"""Devices of PyTorch by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bentoml._models.rebuilt_module import read_module, write_module
from bentoml._models.torch_device import torch_device
from bentoml._models.torch_pickle import read_pickled_module, write_pickled
from bentoml._models.torchscript_file import read_torchscript
from bentoml.exceptions import ArtifactLoadingException
from tests.environments.late_import import late_import
from tests.frameworks.digits_network import HIDDEN, network, trained

pytestmark = [
    pytest.mark.environment("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

torch = late_import("torch")


def test_processor_is_always_there() -> None:
    assert torch_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:63", "xpu:63", "tpu"])
def test_device_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(ArtifactLoadingException, match=rf"there is no device '{name}': PyTorch .* finds cpu.*; set"):
        torch_device(name)


def test_device_of_every_card_is_there() -> None:
    """On a machine without one, the build is named as the reason where it is."""
    cards = torch.cuda.device_count()
    if cards:
        assert torch_device("cuda") == torch.device("cuda")
        assert torch_device(f"cuda:{cards - 1}") == torch.device(f"cuda:{cards - 1}")
        return
    reason = "is built without CUDA and finds" if torch.version.cuda is None else "finds"
    with pytest.raises(ArtifactLoadingException, match=reason):
        torch_device("cuda")


def pickled(directory: Path, device: Any) -> Any:
    write_pickled(trained(), directory / "model.pt")
    return read_pickled_module(directory / "model.pt", device)


def scripted(directory: Path, device: Any) -> Any:
    torch.jit.save(torch.jit.script(trained()), str(directory / "model.pt"))
    return read_torchscript(directory / "model.pt", device)


def rebuilt(directory: Path, device: Any) -> Any:
    files = directory / "weights", directory / "description"
    write_module(*files, trained(), {"hidden": HIDDEN})
    return read_module(*files, network, device)[0]


@pytest.mark.parametrize("read", [pickled, scripted, rebuilt])
@pytest.mark.parametrize("name", ["cpu", "meta"])
def test_module_of_each_kind_of_file_is_put_onto_the_device(read: Any, name: str, tmp_path: Path) -> None:
    module = read(tmp_path, torch.device(name))
    assert {tensor.device.type for tensor in [*module.parameters(), *module.buffers()]} == {name}
    assert module(torch.zeros(3, 64, device=name)).device.type == name
