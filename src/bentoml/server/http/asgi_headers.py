"""Headers as ASGI has them: pairs of bytes, names in lower case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def first_value(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The value of the first header of a name; None when there is none."""
    return next((value for name, value in headers if name == wanted), None)
