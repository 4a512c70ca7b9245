"""Whether artifacts may be unpickled here and now."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALLOWED: ContextVar[bool] = ContextVar("bentoml_pickles_allowed", default=True)


def pickles_are_allowed() -> bool:
    """Whether `load` of an artifact may read pickles."""
    return _ALLOWED.get()


@contextmanager
def pickles_allowed(allowed: bool) -> Iterator[None]:
    """Say it for what runs inside the block."""
    token = _ALLOWED.set(allowed)
    try:
        yield
    finally:
        _ALLOWED.reset(token)
