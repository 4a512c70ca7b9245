"""The header that names the file in an answer."""

from __future__ import annotations

import re
from urllib.parse import quote

MAX_CHARACTERS = 200

_UNSAFE = re.compile(r"[^\w!#$&+.^`|~ ()\[\]{}=,@;-]", re.ASCII)


def attachment(file_name: str) -> str:
    """A value of `Content-Disposition` (RFC 6266) that has a browser save the answer under some name.

    Args:
        file_name: anything; what is not its last part as a path, and what cannot be seen, is left out.
    """
    name = base_name(file_name)
    if not name:
        return "attachment"
    plain = _UNSAFE.sub("_", name)
    if plain == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def base_name(file_name: str) -> str:
    """The last part of a path, without what cannot be seen, and never one that stands for a directory."""
    last = re.split(r"[/\\]", file_name)[-1]
    name = "".join(character for character in last if character.isprintable())[:MAX_CHARACTERS].strip()
    return name if name.strip(".") else ""
