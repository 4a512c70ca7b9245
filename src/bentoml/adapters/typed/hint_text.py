"""How a type hint is written."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin


def hint_text(hint: Any) -> str:
    """A hint as a programmer writes it: `list[int]`, `Item | None`."""
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, str):
        return hint
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return " | ".join(map(hint_text, args))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, args))}]"
    if hasattr(hint, "__metadata__"):  # Annotated
        return hint_text(hint.__origin__)
    name = (
        getattr(origin or hint, "__qualname__", None)
        or getattr(origin, "__name__", None)
        or str(hint).removeprefix("typing.")
    )
    shown = [hint_text(arg) if arg is not ... else "..." for arg in args if not isinstance(arg, list)]
    return f"{name}[{', '.join(shown)}]" if shown else name
