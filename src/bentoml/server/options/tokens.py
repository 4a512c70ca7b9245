"""Tokens that let their holder ask, and the digests that stand for them in the configuration.

The configuration never holds a token: who reads it cannot ask. A token is random and long, so a plain digest of it can
neither be turned around nor guessed; `bentoml token` makes one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGEST_PREFIX = "sha256:"
TOKEN_BYTES = 32
_is_digest = re.compile(r"sha256:[0-9a-f]{64}").fullmatch


def new_token() -> str:
    """A random token of 256 bits, safe in a header and in a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> str:
    """What stands for a token in the configuration."""
    return DIGEST_PREFIX + hashlib.sha256(token.encode()).hexdigest()


def check_digests(name: str, digests: Iterable[str]) -> None:
    """See that these are digests.

    Args:
        name: what the list of them is called.
        digests: to check.

    Raises:
        InvalidArgument: one is something else; the text does not show it, as it may be a token.
    """
    for position, digest in enumerate(digests, 1):
        if not isinstance(digest, str) or not _is_digest(digest):
            raise InvalidArgument(
                f"entry {position} of {name} is not the digest of a token, {DIGEST_PREFIX} and 64 hexadecimal digits "
                "in lower case; run `bentoml token` for a new token and its digest"
            )
