"""Modules of PyTorch as an architecture, which is code of the caller, and files that hold no code.

The weights are in a file of safetensors. Beside it a file of JSON has the arguments that the architecture is called
with, and `same`, the names of weights that are identical with others and so are not in the file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml._models.torch_weights import put_weights, read_weights, weights_of, write_weights
from bentoml._util.files import replaced_file, write_atomic
from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def arguments_that_rebuild(
    architecture: Callable[..., Any], arguments: Mapping[str, Any], module: Any
) -> dict[str, Any]:
    """The arguments as they come back from JSON, after they were tried.

    Raises:
        ValueError: JSON can not express them, or what the architecture makes with them would not be the module even
            with its weights.
        TypeError: likewise.
    """
    plain: dict[str, Any] = json.loads(json.dumps(dict(arguments), allow_nan=False))
    built = _made(architecture, plain)
    if _class_name(built) != _class_name(module):  # by name: parametrizations make a class for each module
        raise ValueError(f"it makes {type(built)}")
    # Before any weight of the module could be changed by it.
    weights = weights_of(module)
    put_weights(built, weights)
    made = dict(built.named_buffers())
    other = [name for name, buffer in module.named_buffers() if not _is_equal(made.get(name), buffer)]
    if other:
        raise ValueError(f"buffers that are not persistent, and so in no file, differ: {', '.join(other)}")
    return plain


def write_module(weights_file: Path, description: Path, module: Any, arguments: Mapping[str, Any]) -> None:
    """Write both files.

    Raises:
        ValueError: the weights are such that safetensors can not hold them.
    """
    with replaced_file(weights_file) as file:
        try:
            same = write_weights(file, weights_of(module))
        except require("safetensors").SafetensorError as error:
            raise ValueError(str(error)) from error
    described = {"class": _class_name(module), "arguments": arguments, "same": same}
    write_atomic(description, json.dumps(described, indent=1, allow_nan=False) + "\n")


def read_module(
    weights_file: Path, description: Path, architecture: Callable[..., Any], device: Any
) -> tuple[Any, dict[str, Any]]:
    """Make the module again.

    Args:
        weights_file: of safetensors.
        description: the file of JSON; what it says of the class is for people alone.
        architecture: makes the module.
        device: the `torch.device` where it is put.

    Returns:
        The module, and the arguments that it was made with.

    Raises:
        ValueError: the files are not as they were written, or not those of this architecture.
    """
    weights_file.stat()  # said in words of all artifacts when it is missing
    described = json.loads(description.read_text(encoding="utf-8"))
    try:
        arguments, same = dict(described["arguments"]), dict(described["same"])
        weights = read_weights(weights_file)
        weights |= {name: weights[kept] for name, kept in same.items()}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{description} is damaged: {error!r}") from error
    module = _made(architecture, arguments)
    put_weights(module, weights)
    return module.to(device), arguments


def _made(architecture: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """What the architecture makes; its parameters, all of which are replaced later, are not given first values."""
    torch = require("torch")
    fills = {torch.Tensor.normal_, torch.Tensor.uniform_}

    class Unfilled(torch.overrides.TorchFunctionMode):  # type: ignore[misc, name-defined]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            first = args[0] if args else (kwargs or {}).get("tensor")
            is_filling = function in fills or getattr(function, "__module__", None) == "torch.nn.init"
            if is_filling and isinstance(first, torch.nn.Parameter):
                return first
            return function(*args, **(kwargs or {}))

    with Unfilled():
        return architecture(**arguments)


def _class_name(module: Any) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _is_equal(one: Any, other: Any) -> bool:
    if one is None or one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool(require("torch").allclose(one.cpu(), other.cpu(), rtol=0, atol=0, equal_nan=True))
