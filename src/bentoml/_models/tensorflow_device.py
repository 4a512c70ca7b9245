"""Which device TensorFlow loads a model onto, and which distribution of it is installed."""

from __future__ import annotations

import logging

from bentoml._util.optional import installed_distribution, require
from bentoml.exceptions import ArtifactLoadingException

logger = logging.getLogger(__name__)

# The kind of a device in TensorFlow, by the name that it has here. Apple's GPUs are GPUs, too.
_KINDS = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU", "tpu": "TPU", "xpu": "XPU"}


def tensorflow_distribution() -> str:
    """The distribution that the module `tensorflow` is from."""
    return installed_distribution("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tensorflow-rocm")


def prepare_tensorflow_device(device: str) -> str:
    """Make TensorFlow ready for a device, as far as it has not started yet, and name it as TensorFlow does.

    Other devices are hidden from this process: it would otherwise take memory on each GPU. Of the one that it uses it
    takes memory as it is needed, where TensorFlow would take nearly all of it at once.

    Args:
        device: such as `cpu`, `cuda` or `cuda:1`.

    Returns:
        Such as `/CPU:0` or `/GPU:0`; the latter counts those that are not hidden.

    Raises:
        ArtifactLoadingException: TensorFlow sees no such device, or has started without it.
        MissingDependencyException: TensorFlow is not installed.
    """
    config = require("tensorflow").config
    name, _, number = device.partition(":")
    kind = _KINDS[name]
    here = config.list_physical_devices(kind)
    if int(number or 0) >= len(here):
        raise ArtifactLoadingException(
            f"TensorFlow sees no device {device} here, only {', '.join(_names())}; set BENTOML_DEVICE, or "
            "bento_server.device, to one of them, or install a TensorFlow that is built for the device"
        )
    chosen = here[int(number or 0)]
    try:
        if kind == "CPU":
            config.set_visible_devices([], "GPU")
        else:
            config.set_visible_devices([chosen], kind)
            config.experimental.set_memory_growth(chosen, True)
    except RuntimeError:
        # The service's own code, or another model, has started it; what that chose stands.
        logger.debug("TensorFlow has started already; its devices stay as they are")
    visible = config.get_visible_devices(kind)
    if chosen not in visible:
        raise ArtifactLoadingException(
            f"TensorFlow has started in this process without device {device}; load the model in a new process"
        )
    return f"/{kind}:{visible.index(chosen)}"


def _names() -> list[str]:
    """The devices that TensorFlow sees, by the names that they have here."""
    names = []
    for ours, kind in _KINDS.items():
        if ours != "mps":
            count = len(require("tensorflow").config.list_physical_devices(kind))
            names += [ours if ours == "cpu" else f"{ours}:{number}" for number in range(count)]
    return names
