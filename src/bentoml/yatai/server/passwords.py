"""Passwords and tokens as they are kept: nobody can find them out from the database.

Passwords go through scrypt, which costs 32 MiB and some tenths of a second for each guess. Tokens are random and long,
so a plain digest is enough.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading

from bentoml.exceptions import InvalidArgument

MIN_PASSWORD = 10
MAX_PASSWORD = 1024
TOKEN_PREFIX = "bnt_"  # noqa: S105 - not a token
_N, _R, _P = 1 << 15, 8, 2
_MAX_MEMORY = 64 << 20
# Two at a time: who guesses must not take the memory of the machine.
_turns = threading.BoundedSemaphore(2)
_is_token = re.compile(r"bnt_[A-Za-z0-9_-]{43}").fullmatch


def hash_password(password: str) -> str:
    """What is kept of a password.

    Raises:
        InvalidArgument: it is too short or too long.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidArgument(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters; choose a longer one")
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_scrypt(password, salt, _N, _R, _P))}"


def is_password(password: str, kept: str | None) -> bool:
    """Whether a password is the one that `kept` was made of. It takes as long when there is none."""
    if len(password) > MAX_PASSWORD:
        return False
    if kept is None:
        _scrypt(password, b"no such user", _N, _R, _P)
        return False
    _, n, r, p, salt, expected = kept.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(expected))


def new_token() -> str:
    """A random token of 256 bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str | None:
    """What is kept of a token, in hexadecimal digits; None for what is no token of ours."""
    return secret_hash(token) if _is_token(token) else None


def secret_hash(secret: str) -> str:
    """What is kept of a random secret, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_hint(token: str) -> str:
    """The part of a token that may be shown, so that people know which it is."""
    return f"{token[: len(TOKEN_PREFIX) + 4]}..."


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    with _turns:
        return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
