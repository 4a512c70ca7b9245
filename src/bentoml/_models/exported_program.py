"""Programs of `torch.export` in files.

`torch.export.load` unpickles parts of a file without limits, evaluates expressions and finds operators by any dotted
name, so a file can run code when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from pathlib import Path


def write_program(program: Any, path: Path) -> None:
    """Write a `torch.export.ExportedProgram`; by handle, as PyTorch wants file names to end in `.pt2`."""
    with path.open("wb") as file:
        require("torch").export.save(program, file)


def read_program(path: Path, device: Any) -> Any:
    """Read a program, and move its weights and what it makes by itself to a device.

    Args:
        path: ends in `.pt2`.
        device: a `torch.device`.
    """
    torch = require("torch")
    program = torch.export.load(path)
    tensors = [*program.state_dict.values(), *program.constants.values()]
    if any(isinstance(tensor, torch.Tensor) and tensor.device != device for tensor in tensors):
        program = require("torch.export.passes").move_to_device_pass(program, device)
    return program


def inputs_of(program: Any) -> list[dict[str, Any]]:
    """Name, dtype and shape of the tensors that a program takes; lengths that may differ are None."""
    nodes = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    tensors: dict[str, Any] = {
        name: nodes.get(name) for name in program.graph_signature.user_inputs if isinstance(name, str)
    }
    return [
        {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": [size if isinstance(size, int) else None for size in tensor.shape],
        }
        for name, tensor in tensors.items()
        if hasattr(tensor, "dtype")
    ]
