"""Request ids: the client's own when it is usable, else a new UUID4."""

from __future__ import annotations

import os
import re

_BATCH = 256
_usable = re.compile(rb"[!-~]{1,128}").fullmatch
# The variant digit of a UUID4 is 8, 9, a or b: two random bits under a fixed 10.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class _IdStock:
    """UUID4 texts made from one read of the system's random source per `_BATCH` ids."""

    def __init__(self) -> None:
        self._ready: list[str] = []
        self._fork_guarded = False

    def take(self) -> str:
        try:
            return self._ready.pop()
        except IndexError:
            return self._refill()

    def _refill(self) -> str:
        if not self._fork_guarded:
            # Parent and child must not hand out the same ids.
            os.register_at_fork(after_in_child=self._ready.clear)
            self._fork_guarded = True
        digits = os.urandom(16 * _BATCH).hex()
        fresh = [_as_uuid4(digits[start : start + 32]) for start in range(0, len(digits), 32)]
        taken = fresh.pop()
        self._ready.extend(fresh)
        return taken


def _as_uuid4(digits: str) -> str:
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_stock = _IdStock()
new_request_id = _stock.take


def request_id_of(header: bytes | None) -> str:
    """The id of a request.

    Args:
        header: value of the client's `X-Request-Id`, or None.

    Returns:
        That value when it is 1 to 128 printable ASCII characters without spaces, else a new UUID4.
    """
    if header is not None and _usable(header):
        return header.decode("ascii")
    return new_request_id()
