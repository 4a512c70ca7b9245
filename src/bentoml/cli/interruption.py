"""An end from outside, as an exception: what is begun is put in order first."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM leave the block as ctrl-C does, by an exception."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as Python calls it
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
