"""Modules of Flax, of linen and of nnx, and the arrays in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from bentoml._models.array_tree import named_leaves
from bentoml._util.optional import require

_VALUES = (bool, int, float, str, bytes)
_PLACE = {"parent", "name"}  # fields of a linen module that say where it is, not what


def is_nnx(model: Any) -> bool:
    """Whether something is a module of nnx, and not of linen."""
    return isinstance(model, require("flax.nnx").Module)


def is_key(array: Any) -> bool:
    """Whether an array is one of random keys, which only functions of JAX's own look into."""
    dtypes = require("jax").dtypes
    return bool(dtypes.issubdtype(array.dtype, dtypes.prng_key))


def leaves_of(model: Any) -> dict[str, Any]:
    """All arrays of an nnx module, or of a linen module that is bound to them, by name."""
    if not is_nnx(model):
        return named_leaves(model.variables)
    nnx = require("flax.nnx")
    return named_leaves(nnx.to_pure_dict(nnx.state(model)))


def parameters_of(model: Any) -> list[Any]:
    """The arrays of a model that are trained."""
    if not is_nnx(model):
        return list(named_leaves(model.variables.get("params", {})).values())
    nnx = require("flax.nnx")
    return list(named_leaves(nnx.to_pure_dict(nnx.state(model, nnx.Param))).values())


def difference_of_modules(made: Any, given: Any) -> str:
    """How the architecture of one module differs from another, in words; empty when nothing is found.

    Fields of linen modules are looked into; what is inside modules of nnx shows in their arrays. Functions are not
    compared: a lambda is another one each time it is made. Classes are the same when their names are, since a script
    may have a copy of its own.

    Args:
        made: a module, or the value of a field of one.
        given: what is compared with it.
    """
    if _is_sequence(made) and _is_sequence(given):
        return _difference_of_parts(made, given)
    if isinstance(made, Mapping) and isinstance(given, Mapping):
        return _difference_of_parts([*made.items()], [*given.items()])
    if not _is_module(made) and callable(made) and callable(given):
        return ""
    if type(made).__name__ != type(given).__name__ or (isinstance(made, _VALUES) and made != given):
        return f"{made!r} instead of {given!r}"
    if not isinstance(made, require("flax.linen").Module):
        return ""
    names = [field.name for field in fields(made) if field.name not in _PLACE]
    parts = ((name, difference_of_modules(getattr(made, name), getattr(given, name, None))) for name in names)
    return next((f"{type(made).__name__}.{name}: {part}" for name, part in parts if part), "")


def _difference_of_parts(made: Sequence[Any], given: Sequence[Any]) -> str:
    if len(made) != len(given):
        return f"{len(made)} parts instead of {len(given)}"
    return next(filter(None, map(difference_of_modules, made, given)), "")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_module(value: Any) -> bool:
    return isinstance(value, (require("flax.linen").Module, require("flax.nnx").Module))
