"""Devices of PyTorch by name."""

from __future__ import annotations

import pytest

from bentoml._util.torch_device import torch_device
from bentoml.exceptions import ArtifactLoadingException
from tests.environments.late_import import late_import

pytestmark = pytest.mark.environment("torch")

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
