"""Functions that JAX has exported: StableHLO, a language of operations on arrays, without Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# An exported function runs on all of them; which one is chosen when it is loaded.
_PLATFORMS = ("cpu", "cuda")


def export_in_batches(function: Callable[..., Any], examples: Sequence[Any]) -> Any:
    """Export a function of arrays whose first axes are one batch, of any size.

    Args:
        function: what to export; JAX traces it.
        examples: an array for each argument, `(batch, ...)`.

    Returns:
        A `jax.export.Exported` for CPUs and for GPUs of NVIDIA.
    """
    jax, export = require("jax"), require("jax.export")
    (batch,) = export.symbolic_shape("batch")
    shapes = [jax.ShapeDtypeStruct((batch, *example.shape[1:]), example.dtype) for example in examples]
    return export.export(jax.jit(function), platforms=_PLATFORMS)(*shapes)


def signature_of(exported: Any) -> list[dict[str, Any]]:
    """Types and shapes of the arrays that an exported function takes; None for sizes that are open."""
    return [
        {
            "name": None,
            "dtype": str(aval.dtype),
            "shape": [size if isinstance(size, int) else None for size in aval.shape],
        }
        for aval in exported.in_avals
    ]
