"""GPUs for workers: which there are to be, and the variables that show a worker its own alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICE = "BENTOML_DEVICE"

_NAME = re.compile(r"[0-9]{1,3}|(GPU|MIG)-[0-9A-Za-z/-]{1,100}")


def parse_gpus(text: str) -> tuple[str, ...]:
    """The GPUs in a comma list of numbers or of the names that `nvidia-smi -L` shows.

    Raises:
        InvalidArgument: one is neither, or stands there twice.
    """
    gpus = tuple(part.strip() for part in text.split(","))
    for gpu in gpus:
        if not _NAME.fullmatch(gpu):
            raise InvalidArgument(
                f"{gpu!r} is no GPU; give numbers from 0, or names as `nvidia-smi -L` shows them, with commas between"
            )
    normal = tuple(str(int(gpu)) if gpu.isdigit() else gpu for gpu in gpus)
    if len(set(normal)) < len(normal):
        raise InvalidArgument(f"GPUs {text!r} name one twice; several workers share one by --workers")
    return normal


def visible_gpus(gpus: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The same GPUs, where numbers count among those that `CUDA_VISIBLE_DEVICES` leaves to this process.

    Args:
        gpus: numbers and names.
        environ: the variables of this process.

    Raises:
        InvalidArgument: there are not so many.
    """
    shown = environ.get(VISIBLE)
    if shown is None:
        return tuple(gpus)
    names = [name.strip() for name in shown.split(",") if name.strip()]
    resolved = []
    for gpu in gpus:
        if gpu.isdigit() and int(gpu) >= len(names):
            raise InvalidArgument(f"there is no GPU {gpu}: {VISIBLE}={shown} leaves {len(names)} to this process")
        resolved.append(names[int(gpu)] if gpu.isdigit() else gpu)
    return tuple(resolved)


def check_gpus(gpus: Sequence[str], workers: int, *, preload: bool) -> None:
    """Whether so many workers can be shared out among the GPUs.

    Raises:
        InvalidArgument: they cannot, or the bundle is loaded before there are workers.
    """
    if not gpus:
        return
    if workers % len(gpus):
        raise InvalidArgument(
            f"{workers} workers cannot be shared out evenly among {len(gpus)} GPUs; "
            f"leave out --workers for one each, or give a multiple of {len(gpus)}"
        )
    if preload:
        raise InvalidArgument("--gpus and --preload do not go together: each worker loads the model to its own GPU")


def check_device(environ: Mapping[str, str], configured: str) -> None:
    """Whether the device that models are loaded to is one that a worker with one GPU sees.

    Args:
        environ: the variables of this process.
        configured: the device in the configuration.

    Raises:
        InvalidArgument: it is not.
    """
    device = environ.get(DEVICE) or configured
    kind, _, index = device.partition(":")
    if index not in {"", "0"}:
        raise InvalidArgument(f"with --gpus each worker sees one GPU, {kind}:0, so the device cannot be {device}")


def gpu_variables(gpu: str, environ: Mapping[str, str], configured: str) -> dict[str, str]:
    """The variables to start a worker with.

    Args:
        gpu: the one that it is to see; for it that is number 0.
        environ: the variables of this process; a device that `BENTOML_DEVICE` names stays.
        configured: the device in the configuration.
    """
    device = environ.get(DEVICE) or configured
    # Nobody asks for GPUs to load to the CPU, unless the variable says so.
    is_default = device == "cpu" and not environ.get(DEVICE)
    return {VISIBLE: gpu, DEVICE: "cuda" if is_default else device}
