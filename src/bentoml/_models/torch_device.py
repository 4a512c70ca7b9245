"""Devices of PyTorch by name."""

from __future__ import annotations

from typing import Any

from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException


def torch_device(name: str) -> Any:
    """A `torch.device` that this machine has.

    Args:
        name: such as `cpu`, `cuda` or `cuda:1`. Other libraries are asked nothing when it is `cpu`.

    Raises:
        ArtifactLoadingException: PyTorch finds no such device; the text says which there are.
        MissingDependencyException: PyTorch is not installed.
    """
    torch = require("torch")
    if name != "cpu":
        found = _devices(torch)
        if name not in found and f"{name}:0" not in found:
            without = " is built without CUDA and" if name.startswith("cuda") and torch.version.cuda is None else ""
            raise ArtifactLoadingException(
                f"there is no device '{name}': PyTorch {torch.__version__}{without} finds {', '.join(found)}; "
                "set BENTOML_DEVICE or bento_server.device to one of these"
            )
    return torch.device(name)


def _devices(torch: Any) -> list[str]:
    """Names of all, those that can be counted with their numbers."""
    found = ["cpu"]
    for kind in (torch.cuda, torch.xpu):
        if kind.is_available():
            found += [f"{kind.__name__.removeprefix('torch.')}:{number}" for number in range(kind.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found
