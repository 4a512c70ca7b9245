"""Passwords and tokens in addresses, which an image would show to everybody who has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle import layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Files that are read while an image is built, or that say what is.
_FILES = (layout.REQUIREMENTS, layout.CONDA_ENVIRONMENT, layout.SETUP_SH, layout.MANIFEST, layout.LOCK)
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^\s/@:\"'<>]*)(?P<password>:[^\s/@<>]*)?@")
_CONDA_TOKEN = re.compile(r"https?://[^\s/]+/t/[^\s/]{8,}/")
# pip puts the value of a variable in its place while it installs.
_VARIABLE = re.compile(r":?\$\{[A-Z0-9_]+\}")

ADVICE = (
    "everybody who has the image could read it. Write the address without them, and give the credentials while the "
    "image is built: --pip-config FILE for a pip.conf, or --netrc FILE"
)


def addresses_with_credentials(text: str) -> list[str]:
    """The addresses in a text that carry a password or a token, without these, in their order."""
    found = [f"{match['scheme']}://***@" for match in _ADDRESS.finditer(text) if _is_secret(match)]
    return found + ["https://.../t/***/" for _ in _CONDA_TOKEN.finditer(text)]


def refuse_credentials(bundle: Path, build_args: Mapping[str, str]) -> None:
    """Check what would get into the image.

    Args:
        bundle: directory of the bundle.
        build_args: values that the history of the image keeps.

    Raises:
        InvalidArgument: a file or an argument has an address with a password or a token; neither is in the text.
    """
    for name in _FILES:
        path = bundle / name
        if not path.is_file():
            continue
        found = addresses_with_credentials(path.read_text(encoding="utf-8", errors="replace"))
        if found:
            raise InvalidArgument(f"{name} of the bundle has an address with credentials ({found[0]}); {ADVICE}")
    for name, value in build_args.items():
        found = addresses_with_credentials(value)
        if found:
            raise InvalidArgument(f"the build argument {name} has an address with credentials ({found[0]}); {ADVICE}")


def _is_secret(match: re.Match[str]) -> bool:
    password = match["password"] or ""
    if password.strip(":"):
        return _VARIABLE.fullmatch(password) is None
    # `git+ssh://git@host` names a user; over HTTP a name alone is a token.
    return "http" in match["scheme"].lower() and bool(match["user"]) and _VARIABLE.fullmatch(match["user"]) is None
