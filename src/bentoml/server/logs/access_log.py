"""The access log of the front: a line per request. Requests leave a tuple each, and lines are made of many at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bentoml._util.logs import is_wanted
from bentoml.configuration import get_config
from bentoml.server.logs.access_line import NOTHING, Target, json_line, json_of, text_line, text_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from bentoml.server.logs.log_pipe import LogPipe
    from bentoml.server.options.serve_options import ServeOptions

CHANNEL = "bentoml.access"
# Making a line takes a microsecond: at 20,000 requests per second others wait for half a millisecond.
_FLUSH_EVERY_S = 0.02


class AccessLog:
    """Collects requests and sends their lines.

    Args:
        pipe: where to.
        loop: the running event loop.
        as_json: lines of JSON instead of text.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        pipe: LogPipe,
        loop: asyncio.AbstractEventLoop,
        *,
        as_json: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pipe = pipe
        self._loop = loop
        self._what_of, self._line_of = (json_of, json_line) if as_json else (text_of, text_line)
        self._clock = clock
        self._entries: list[tuple[float, Target, str, str, int, int, float]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._second = -1
        self._second_text = ""

    def add(
        self, target: Target, client: str, request_id: str, status: int, size_bytes: int, duration_s: float
    ) -> None:
        """Enter a request that has ended.

        Args:
            target: what it asked for.
            client: address of the peer; empty for one without.
            request_id: printable ASCII without blanks.
            status: of the answer; 499 where the client left before it.
            size_bytes: of the body of the answer.
            duration_s: since the request was complete.
        """
        self._entries.append((self._clock(), target, client, request_id, status, size_bytes, duration_s))
        if self._timer is None:
            self._timer = self._loop.call_later(_FLUSH_EVERY_S, self.flush)

    def flush(self) -> None:
        """Send the lines of all requests so far."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._entries:
            lines = "".join(self._lines()).encode("utf-8", "backslashreplace")
            count = len(self._entries)
            self._entries = []
            self._pipe.send(CHANNEL, lines, count)

    # -- inside -------------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[str]:
        what_of, line_of = self._what_of, self._line_of
        last_ms, when = -1, ""
        for time_s, target, client, request_id, status, size_bytes, duration_s in self._entries:
            now_ms = int(time_s * 1000)
            if now_ms != last_ms:
                last_ms, when = now_ms, self._time_text(now_ms)
            what = target.line_text
            if what is None:
                what = target.line_text = what_of(target)
            yield line_of(when, client or NOTHING, what, status, size_bytes, duration_s * 1000, request_id)

    def _time_text(self, now_ms: int) -> str:
        """ISO 8601 in UTC, to the millisecond."""
        second, ms = divmod(now_ms, 1000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{ms:03d}Z"


def open_access_log(pipe: LogPipe | None, options: ServeOptions, loop: asyncio.AbstractEventLoop) -> AccessLog | None:
    """The access log as it is configured; None when there is to be none.

    Args:
        pipe: the way to the writer.
        options: of the server.
        loop: event loop of the front.
    """
    if pipe is None or not is_wanted("access", console_copies=options.debug or not options.quiet):
        return None
    config = get_config().logging
    # Records of `logging.advanced` carry the values; the writer makes text of them.
    return AccessLog(pipe, loop, as_json=config.advanced.enabled or config.access.format == "json")
