"""Functions that JAX has exported: StableHLO, a language of operations on arrays, without Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# An exported function runs on all of them; which one is chosen when it is loaded.
_PLATFORMS = ("cpu", "cuda")
# Calls out of the language that are markers, or that look at numbers only. Others reach native functions by name with
# operands of the file's choice, among them those that take the address of a Python object.
_HARMLESS_CALLS = frozenset(
    {
        "Sharding",
        "SPMDFullToShardShape",
        "SPMDShardToFullShape",
        "annotate_device_placement",
        "shape_assertion",
        "stablehlo.dynamic_approx_top_k",
        "stablehlo.dynamic_reduce_window",
        "stablehlo.dynamic_rng_bit_generator",
        "stablehlo.dynamic_top_k",
    }
)
# Languages that occur in such a function beside the first.
_DIALECTS = ("stablehlo", "chlo", "sdy")
_CALL = "stablehlo.custom_call"


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


def foreign_calls(exported: Any) -> list[str]:
    """Names of the native functions that an exported function calls, sorted, less those known to be harmless."""
    ir = require("jax.extend.mlir.ir", "jax")
    stablehlo, *others = (require(f"jax.extend.mlir.dialects.{name}", "jax") for name in _DIALECTS)
    found: set[str] = set()

    def look_at(operation: Any) -> Any:
        if operation.name == _CALL:
            found.add(operation.attributes["call_target_name"].value)
        return ir.WalkResult.ADVANCE

    with ir.Context() as context:
        for dialect in (stablehlo, *others):
            dialect.register_dialect(context)
        module = stablehlo.deserialize_portable_artifact(context, exported.mlir_module_serialized)
        module.operation.walk(look_at)
    return sorted(found - _HARMLESS_CALLS)
