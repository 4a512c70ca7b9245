"""Parts of one transfer at the same time; the first that fails ends the others."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.yatai.remote.progress import Meter

_Item = TypeVar("_Item")


def do_all(work: Callable[[_Item], None], items: Sequence[_Item], at_once: int, meter: Meter) -> None:
    """Do the work for each item, in their order, several at the same time.

    Args:
        work: is called with an item, in some thread.
        items: what there is to do.
        at_once: most at the same time.
        meter: is stopped when one fails, or the wait for them is interrupted.

    Raises:
        Exception: what the first that failed has raised.
    """
    if not items:
        return
    with ThreadPoolExecutor(min(at_once, len(items)), thread_name_prefix="registry") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            meter.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
