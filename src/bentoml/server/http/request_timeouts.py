"""How long a client says that it waits for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_HEADER = b"x-request-timeout-ms"
# More digits than any limit of a server has.
_MAX_DIGITS = 12


def timeout_ms_of(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The shortest time that the headers of a request ask for.

    Args:
        headers: (name, value) pairs, names in lower case.

    Returns:
        Milliseconds, at least 1; None when no value is a whole positive number.
    """
    wishes = [_milliseconds(value) for name, value in headers if name == TIMEOUT_HEADER]
    return min((wish for wish in wishes if wish), default=None)


def _milliseconds(value: bytes) -> int:
    digits = value.strip(b" \t")
    return int(digits) if digits.isdigit() and len(digits) <= _MAX_DIGITS else 0
