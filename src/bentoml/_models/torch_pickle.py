"""Modules of PyTorch in pickles. Reading one runs code that it names."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import cloudpickle

from bentoml._util.optional import require

if TYPE_CHECKING:
    from pathlib import Path

# How files begin that torch.save wrote before version 1.6.
_BEFORE_ZIP = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def write_pickled(obj: Any, path: Path) -> None:
    """Write an object as `torch.save` does, with cloudpickle: classes of a script or notebook are in the file.

    Raises:
        TypeError: it holds something that can not be pickled; also `AttributeError` and `pickle.PicklingError`.
    """
    require("torch").save(obj, path, pickle_module=cloudpickle)


def read_pickled_module(path: Path, device: Any) -> Any:
    """Read a module that `torch.save` has written, or cloudpickle by itself, as in bundles of the classic library.

    Args:
        path: the file. On the processor, tensors in a zip file are mapped into memory.
        device: the `torch.device` where the module is put.

    Raises:
        TypeError: it is something else, such as a `state_dict`.
    """
    torch = require("torch")
    is_zip = zipfile.is_zipfile(path)
    with path.open("rb") as file:
        if is_zip or file.read(len(_BEFORE_ZIP)) == _BEFORE_ZIP:
            module = torch.load(path, map_location=device, mmap=is_zip, weights_only=False)
        else:
            file.seek(0)
            module = _Unpickler(file).load()
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"{path} holds {type(module)} and no torch.nn.Module")
    return module.to(device)


class _Unpickler(pickle.Unpickler):
    """Tensors in a plain pickle would go to the device that they came from."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return _storage_on_processor
        return super().find_class(module, name)


def _storage_on_processor(content: bytes) -> Any:
    return require("torch").load(io.BytesIO(content), map_location="cpu", weights_only=False)
