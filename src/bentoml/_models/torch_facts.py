"""What can be told of a module of PyTorch."""

from __future__ import annotations

from typing import Any

from bentoml._util.optional import require


def torch_facts(model: Any) -> dict[str, Any]:
    """Facts about the weights of a module, or of anything else that has `parameters()`, such as an exported program.

    Returns:
        `framework`, `framework_version`, `class`; `parameters`, how many numbers there are, and `dtypes`, their types.
    """
    kind = type(model)
    parameters = list(model.parameters())
    return {
        "framework": "torch",
        "framework_version": str(require("torch").__version__),
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "parameters": sum(parameter.numel() for parameter in parameters),
        "dtypes": sorted({str(parameter.dtype).removeprefix("torch.") for parameter in parameters}),
    }
