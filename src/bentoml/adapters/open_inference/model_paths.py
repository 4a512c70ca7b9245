"""The paths under which a model is found."""

from __future__ import annotations

ROOT = "/v2"
MODELS = f"{ROOT}/models/"
_VERSIONS = "/versions/"
INFER = "/infer"


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
