"""The weights of a module of PyTorch in a file of safetensors, which holds numbers and names and nothing else.

The tensors that are read lie on a private mapping of the file: processes that read the same file share its pages until
one of them writes to a tensor.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Of problems in a message.
MOST_SHOWN = 5


def weights_of(module: Any) -> dict[str, Any]:
    """The parameters and persistent buffers of a module, by the names in its `state_dict`: the tensors themselves.

    Raises:
        ValueError: there is more in its state, such as packed weights or what hooks have made of it; or a tensor is not
            one of plain numbers in memory.
    """
    own = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    state: dict[str, Any] = module.state_dict(keep_vars=True)
    strange = [name for name, value in state.items() if own.get(name) is not value]
    if strange:
        raise ValueError(f"its state has more than parameters and buffers: {', '.join(strange[:MOST_SHOWN])}")
    unfit = [name for name, tensor in state.items() if not _is_plain(tensor)]
    if unfit:
        raise ValueError(f"these are not tensors of plain numbers in memory: {', '.join(unfit[:MOST_SHOWN])}")
    return state


def write_weights(path: Path, weights: Mapping[str, Any]) -> dict[str, str]:
    """Write tensors, each once.

    Args:
        path: the file, replaced if it exists.
        weights: dense tensors by name.

    Returns:
        For the names of tensors that others are identical with, and so are not in the file, the name that is.

    Raises:
        MissingDependencyException: safetensors is not installed.
        safetensors.SafetensorError: it has no such type of numbers.
    """
    first: dict[Any, str] = {}
    same: dict[str, str] = {}
    for name, tensor in weights.items():
        kept = first.setdefault(_place(tensor), name)
        if kept != name:
            same[name] = kept
    tensors = {name: weights[name].detach().contiguous() for name in first.values()}
    storages = {name: tensor.untyped_storage().data_ptr() for name, tensor in tensors.items()}
    times = Counter(storages.values())
    for name, storage in storages.items():
        if times[storage] > 1:  # parts of one array: safetensors would refuse them
            tensors[name] = tensors[name].clone()
    require("safetensors.torch", "safetensors").save_file(tensors, path, {"format": "pt"})
    return same


def read_weights(path: Path) -> dict[str, Any]:
    """The tensors of a file by name, mapped into memory.

    Raises:
        MissingDependencyException: safetensors is not installed.
        safetensors.SafetensorError: the file is damaged.
    """
    loaded: dict[str, Any] = require("safetensors.torch", "safetensors").load_file(path)
    return loaded


def put_weights(module: Any, weights: Mapping[str, Any]) -> None:
    """Let the parameters and persistent buffers of a module be other tensors, on their memory and of their type.

    They stay the objects that they are, so that whatever else in the module refers to them follows.

    Raises:
        ValueError: names or shapes are not those of the module, or its state has more than parameters and buffers.
    """
    own = weights_of(module)
    if problem := _misfit(own, weights):
        raise ValueError(problem)
    for name, tensor in own.items():
        tensor.data = weights[name].detach()


def _misfit(expected: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """What is wrong with the names or shapes of tensors, empty when they are as expected."""
    found = [f"{name} is missing" for name in expected.keys() - given.keys()]
    found += [f"there is no {name}" for name in given.keys() - expected.keys()]
    found += [
        f"{name} has the shape {tuple(given[name].shape)} and not {tuple(expected[name].shape)}"
        for name in expected.keys() & given.keys()
        if given[name].shape != expected[name].shape
    ]
    return "; ".join(sorted(found)[:MOST_SHOWN])


def _is_plain(tensor: Any) -> bool:
    torch = require("torch")
    if torch.nn.parameter.is_lazy(tensor):
        return False
    is_dense = tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_meta
    return is_dense and type(tensor.data) is torch.Tensor  # no subclass, which may hold anything


def _place(tensor: Any) -> Any:
    """The same for tensors that are the same numbers in memory."""
    if tensor.numel() == 0:
        return id(tensor)
    where = tensor.device, tensor.data_ptr(), tensor.dtype
    return *where, tuple(tensor.shape), tuple(tensor.stride())
