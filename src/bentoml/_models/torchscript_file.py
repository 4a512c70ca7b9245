"""Files of TorchScript: zip files with programs of PyTorch's own language and their weights.

No Python runs when they are read or used, and no pickle in them can name a class of Python. But the programs, which may
run when the file is read, are not limited to numbers: `torch.save` writes to any file, `torch.from_file` maps one into
memory, and operators of other libraries may do anything.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from pathlib import Path

_CONSTANTS = "constants.pkl"
_REACHES_OUT = re.compile(
    rb"\b(save|from_file)\b"  # operators of PyTorch that write and map files
    rb"|\bops\s*\.(?!\s*(aten|prim|prims|quantized|torchvision)\s*\.)"  # operators of other libraries
    rb"|\btorch\.classes\.(?!quantized\.)"  # classes written in C++
    rb"|\bgetattr\s*\([^)]*\\"  # a name that is not as it is written
)


def is_torchscript(path: Path) -> bool:
    """Whether a file is TorchScript; nothing of it is loaded."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _is_torchscript(archive)


def only_computes(file: Path | IO[bytes]) -> bool:
    """Whether a file is TorchScript whose programs use no operators that reach outside of the process.

    False when there is doubt, such as about a method with the name of one of these, and for a file that is missing or
    damaged. Nothing of it is loaded.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith((".py", ".pkl"))]
            # In pickles, names of classes are on two lines.
            texts = [archive.read(info).replace(b"\n", b".") for info in members]
            return _is_torchscript(archive) and not any(map(_REACHES_OUT.search, texts))
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        return False


def read_torchscript(path: Path, device: Any) -> Any:
    """The `torch.jit.ScriptModule` of a file, in the mode for inference.

    Args:
        path: the file.
        device: the `torch.device` where its weights are put.
    """
    return require("torch").jit.load(str(path), map_location=device).eval()


def script_only_computes(module: Any) -> bool:
    """`only_computes` of the file that a `torch.jit.ScriptModule` would be."""
    buffer = io.BytesIO()
    require("torch").jit.save(module, buffer)
    return only_computes(buffer)


def _is_torchscript(archive: zipfile.ZipFile) -> bool:
    return any(name.partition("/")[2] == _CONSTANTS for name in archive.namelist())
