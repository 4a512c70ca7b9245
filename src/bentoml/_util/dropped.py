"""Names that the classic system had and this library has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIPPER_KINDS = ("Bytes", "Floats", "Ints", "Doubles", "Strings")
CLIPPER_REASON = "the Clipper project is no longer alive"


def refuse_name(module: str, name: str, dropped: Mapping[str, str]) -> NoReturn:
    """Do what the `__getattr__` of a module does for a name that it does not have.

    Args:
        module: name of the module.
        name: what was asked for.
        dropped: why a name was dropped and what to use instead, by name.

    Raises:
        ImportError: the name was dropped.
        AttributeError: it never was there.
    """
    if name in dropped:
        raise ImportError(f"{name} was dropped: {dropped[name]}")
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
