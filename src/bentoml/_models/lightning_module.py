"""Which objects are modules of PyTorch Lightning, by whichever of its two names it was imported."""

from __future__ import annotations

import sys
from typing import Any

from bentoml._util.optional import is_installed, require

_NAMES = ("lightning.pytorch", "pytorch_lightning")


def is_lightning_module(model: Any) -> bool:
    """Whether an object is a `LightningModule`.

    Raises:
        MissingDependencyException: Lightning is not installed.
    """
    if not any(is_installed(name.partition(".")[0]) for name in _NAMES):
        require("pytorch_lightning", "pytorch-lightning")
    # An object of it is there only if it has been imported.
    loaded = [sys.modules[name] for name in _NAMES if sys.modules.get(name) is not None]
    return any(isinstance(model, module.LightningModule) for module in loaded)
