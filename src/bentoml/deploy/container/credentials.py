"""Passwords and tokens in addresses, which an image would show to everybody who has it."""

from __future__ import annotations

import itertools
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

# How services mark the tokens that they give out.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|pypi-AgE[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{32,}|xox[abprs]-[A-Za-z0-9-]{16,}"
    r"|AKIA[A-Z0-9]{16}(?![A-Z0-9]))|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
# Words of a name, as in API_TOKEN or apiToken; `tokenizer` and `keyboard` are others.
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset(
    {"apikey", "auth", "credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret", "secrets"}
    | {"token", "tokens"}
)
_KEY_WORDS = frozenset({"access", "api", "deploy", "encryption", "private", "signing", "ssh"})

ADVICE = (
    "everybody who has the image could read it. Write the address without them, and give the credentials while the "
    "image is built: --pip-config FILE for a pip.conf, --netrc FILE, or --secret"
)


def addresses_with_credentials(text: str) -> list[str]:
    """The addresses in a text that carry a password or a token, without these, in their order."""
    found = [f"{match['scheme']}://***@" for match in _ADDRESS.finditer(text) if _is_secret(match)]
    return found + ["https://.../t/***/" for _ in _CONDA_TOKEN.finditer(text)]


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is meant to hold a password, a token or a key."""
    words = [word.lower() for word in _NAME_WORD.findall(name)]
    has_key = any(first in _KEY_WORDS and second in {"key", "keys"} for first, second in itertools.pairwise(words))
    return has_key or not _SECRET_WORDS.isdisjoint(words)


def refuse_credentials(bundle: Path, build_args: Mapping[str, str]) -> None:
    """Check what would get into the image.

    Args:
        bundle: directory of the bundle.
        build_args: values that the history of the image keeps.

    Raises:
        InvalidArgument: a file or an argument has an address with a password, or a token, or an argument is named like
            one; nothing of these is in the text.
    """
    for name in _FILES:
        path = bundle / name
        if not path.is_file():
            continue
        _refuse(path.read_text(encoding="utf-8", errors="replace"), f"{name} of the bundle")
    for name, value in build_args.items():
        if value and is_secret_name(name):
            raise InvalidArgument(
                f"the build argument {name} is named like a secret, and the history of the image would show it to "
                f"everybody; let the build alone see it: --secret id={name},env={name}"
            )
        _refuse(value, f"the build argument {name}")


def _refuse(text: str, where: str) -> None:
    found = addresses_with_credentials(text)
    if found:
        raise InvalidArgument(f"{where} has an address with credentials ({found[0]}); {ADVICE}")
    token = _TOKEN.search(text)
    if token is not None:
        raise InvalidArgument(
            f"{where} has what looks like a token or a key ({token[0][:4]}***), which everybody who has the image "
            "could read; take it out, and give it while the image is built: --secret id=NAME,env=NAME"
        )


def _is_secret(match: re.Match[str]) -> bool:
    password = match["password"] or ""
    if password.strip(":"):
        return _VARIABLE.fullmatch(password) is None
    # `git+ssh://git@host` names a user; over HTTP a name alone is a token.
    return "http" in match["scheme"].lower() and bool(match["user"]) and _VARIABLE.fullmatch(match["user"]) is None
