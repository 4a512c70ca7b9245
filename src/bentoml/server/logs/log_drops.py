"""Lines that did not come into the logs, as `/metrics` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.server.logs.log_frames import LOGGERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.server.logs.log_pipe import LogPipe


class DroppedLines:
    """Adds up what the writer has said and what this process has dropped itself, which nobody else then counts.

    Args:
        pipe: the way of this process's logs.
    """

    def __init__(self, pipe: LogPipe | None) -> None:
        self._pipe = pipe
        self._elsewhere: dict[str, int] = {}
        if pipe is not None:
            pipe.reports_drops = False

    def hear(self, counts: Mapping[str, int]) -> None:
        """The writer has said how many lines were dropped elsewhere, by logger."""
        self._elsewhere = dict(counts)

    def totals(self) -> dict[str, int]:
        """All of them since the start, by logger."""
        totals = {**dict.fromkeys(LOGGERS, 0), **self._elsewhere}
        if self._pipe is not None:
            for name, count in list(self._pipe.dropped.items()):
                totals[name] += count
        return totals
