"""Parts of one transfer at the same time; the first that fails ends the others."""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.yatai.remote.progress import Meter

_Item = TypeVar("_Item")


def do_all(work: Callable[[_Item], None], items: Sequence[_Item], at_once: int, meter: Meter) -> None:
    """Do the work for each item, in their order, several at the same time.

    Whoever interrupts the wait is not kept waiting for a line that is silent: threads that are in the middle of
    something end with their next bytes, or with the process.

    Args:
        work: is called with an item, in some thread.
        items: what there is to do.
        at_once: most at the same time.
        meter: is stopped when one fails, or the wait for them is interrupted.

    Raises:
        Exception: what the first that failed has raised.
    """
    left = iter(items)
    lock = Lock()
    failures: list[BaseException] = []

    def take() -> _Item | None:
        with lock:
            return None if meter.is_stopped else next(left, None)

    def go_on() -> None:
        try:
            for item in iter(take, None):
                work(item)
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            failures.append(error)
            meter.stop()

    threads = [Thread(target=go_on, name="registry-transfer", daemon=True) for _ in range(min(at_once, len(items)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        meter.stop()
        raise
    if failures:
        raise failures[0]
