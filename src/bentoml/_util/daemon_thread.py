"""A function in a thread of its own, awaited by the event loop, that does not keep the process from ending."""

from __future__ import annotations

import asyncio
import contextlib
from threading import Thread
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def run_in_daemon_thread(function: Callable[[], T]) -> asyncio.Future[T]:
    """Start a function.

    Unlike those of an executor, the thread is not waited for when the interpreter ends.

    Args:
        function: whatever it raises is raised where the future is awaited.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, failure: Exception | None) -> None:
        if outcome.done():
            return
        if failure is not None:
            outcome.set_exception(failure)
        else:
            outcome.set_result(cast("T", result))

    def run() -> None:
        result, failure = None, None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - handed to whoever awaits it
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(settle, result, failure)

    Thread(target=run, daemon=True).start()
    return outcome
