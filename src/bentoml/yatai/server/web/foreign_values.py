"""Values out of documents that a bundle has written, and which may be of any form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def mapping(value: object) -> Mapping[str, Any]:
    """The value as a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
