"""What models are called, and the paths under which they are found.

An API is the model `<Service>.<api>`. `<Service>` alone is the API that is called `predict`, or else the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = "/v2"
MODELS = f"{ROOT}/models/"
_VERSIONS = "/versions/"
_DEFAULT_API = "predict"
INFER = "/infer"
# As the OpenAPI document has it.
INFER_TEMPLATE = f"{MODELS}{{model}}{INFER}"


def models_of(service: str, apis: Iterable[str]) -> dict[str, str]:
    """The APIs of a service by the names of their models, the default one first.

    Args:
        service: its name.
        apis: names of those that take tensors, in their order.
    """
    names = list(apis)
    if not names:
        return {}
    default = _DEFAULT_API if _DEFAULT_API in names else names[0]
    return {service: default, **{f"{service}.{name}": name for name in names}}


def model_path(model: str, version: str | None = None) -> str:
    """The path of a model, or of one version of it, as a client that asks for metadata writes it; decoded."""
    return f"{MODELS}{model}" if version is None else f"{MODELS}{model}{_VERSIONS}{version}"


def infer_paths(model: str, version: str) -> tuple[str, str]:
    """The paths that take requests for inference: without the version, and with it."""
    return f"{model_path(model)}{INFER}", f"{model_path(model, version)}{INFER}"


def is_infer_path(path: str) -> bool:
    """Whether a path is one of `infer_paths` of some model."""
    return path.startswith(MODELS) and path.endswith(INFER)


def model_in(path: str) -> str:
    """The model that one of `infer_paths` names."""
    return path.removeprefix(MODELS).partition("/")[0]
