"""The style sheet, scripts and icon of the pages, read once; their addresses change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIRECTORY = Path(__file__).with_name("static")
_CONTENT_TYPES = {
    "htmx/LICENSE": "text/plain; charset=utf-8",
    "htmx/htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "yatai.css": "text/css; charset=utf-8",
    "yatai.js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """One file.

    Attributes:
        digest: changes with the content; stands in the address.
    """

    body: bytes
    content_type: str
    digest: str


@lru_cache(maxsize=1)
def assets() -> Mapping[str, Asset]:
    """The files by their names."""
    found = {}
    for name, content_type in _CONTENT_TYPES.items():
        body = (_DIRECTORY / name).read_bytes()
        found[name] = Asset(body, content_type, hashlib.sha256(body).hexdigest()[:16])
    return MappingProxyType(found)
