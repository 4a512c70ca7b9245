"""The front's ear on its workers: which of them are stopped, silent or hung, so that they can be replaced.

Once in a period each worker is sent a ping, which its event loop answers, also while its thread runs a function.
Three things are taken for an end:

- stopped: no answer, and the system says that the process is stopped, as by SIGSTOP. Found within seconds.
- silent: no answer for the whole limit. Native code that holds the interpreter looks like this, so it gets that long.
- hung: one call of a plain function runs longer than the limit, or a coroutine that was told to end does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.server.transport import wire

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from bentoml.server.transport.worker_link import Pulse, WorkerLink

PERIOD_S = 1.0
# A process that the system calls stopped may only be so for a moment, as when a debugger attaches.
STOPPED_AFTER_S = 2.0

STOPPED, SILENT, HUNG = "stopped", "silent", "hung"
# What the log says about a worker that is replaced for each reason.
MEANINGS = {
    STOPPED: "is stopped and does not answer",
    SILENT: "has not answered for longer than worker_timeout_s",
    HUNG: "runs one call for longer than worker_timeout_s",
}


def is_stopped(pid: int) -> bool:
    """Whether the system says that a process is stopped; False where it does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except OSError:
        return False
    # The name in brackets before the state may hold anything, brackets as well.
    return stat.rpartition(")")[2].split()[0] == "T"


class Heartbeat:
    """Pings workers and judges their silence.

    Args:
        links: gives the workers that are connected.
        timeout_s: the limit for a call, and for silence.
        loop: its clock and its timers are used.
        on_stuck: called with a worker and the reason when it has to be replaced.
        tells_stopped: see `is_stopped`.
    """

    def __init__(
        self,
        links: Callable[[], Iterable[WorkerLink]],
        timeout_s: float,
        loop: asyncio.AbstractEventLoop,
        on_stuck: Callable[[WorkerLink, str], None],
        tells_stopped: Callable[[int], bool] = is_stopped,
    ) -> None:
        self._links = links
        self._timeout_s = timeout_s
        self._loop = loop
        self._on_stuck = on_stuck
        self._tells_stopped = tells_stopped
        self._period_s = min(PERIOD_S, timeout_s / 4)
        self._last_s = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        self._last_s = self._loop.time()
        self._timer = self._loop.call_at(self._last_s + self._period_s, self._beat)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_pong(self, link: WorkerLink, rss_bytes: int | None) -> None:
        """A worker has answered."""
        link.pulse.is_awaited = False
        link.rss_bytes = rss_bytes

    def _beat(self) -> None:
        now_s = self._loop.time()
        # A front that was itself held up must not blame its workers for the time.
        elapsed_s = min(now_s - self._last_s, 2 * self._period_s)
        self._last_s = now_s
        self._timer = self._loop.call_at(now_s + self._period_s, self._beat)
        for link in list(self._links()):
            reason = self._reason_to_replace(link, elapsed_s)
            if reason is not None:
                self._on_stuck(link, reason)

    def _reason_to_replace(self, link: WorkerLink, elapsed_s: float) -> str | None:
        pulse = link.pulse
        if pulse.is_awaited:
            pulse.silent_s += elapsed_s
            if pulse.silent_s >= min(STOPPED_AFTER_S, self._timeout_s) and self._tells_stopped(link.pid):
                return STOPPED
            if pulse.silent_s >= self._timeout_s:
                return SILENT
        else:
            pulse.is_awaited = True
            pulse.silent_s = 0.0
            link.protocol.send(wire.pack([wire.PING]))
        return HUNG if self._is_hung(link, pulse, elapsed_s) else None

    def _is_hung(self, link: WorkerLink, pulse: Pulse, elapsed_s: float) -> bool:
        if link.plain_batch_id is None or link.plain_batch_id != pulse.plain_batch_id:
            pulse.plain_batch_id = link.plain_batch_id
            pulse.plain_batch_s = 0.0
        else:
            pulse.plain_batch_s += elapsed_s
        for batch_id in link.cancelled:
            link.cancelled[batch_id] += elapsed_s
        longest_s = max(link.cancelled.values(), default=0.0)
        return max(pulse.plain_batch_s, longest_s) >= self._timeout_s
