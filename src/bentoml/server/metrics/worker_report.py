"""What one worker has said about the metrics of users' code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.server.metrics.metric_parts import Part, unpacked

if TYPE_CHECKING:
    from collections.abc import Generator


class WorkerReport:
    """What a worker said last.

    Attributes:
        is_awaited: it has been asked and has not answered yet.
        asked_s: when it was asked, by the clock of the event loop.
        is_last: when it has answered, its connection is closed.
        parts: what it said, as far as it has been read.
    """

    def __init__(self) -> None:
        self.is_awaited = self.is_last = False
        self.asked_s = 0.0
        self.parts: list[Part] = []
        self._unread: list[bytes] | None = None

    def __bool__(self) -> bool:
        """Whether it has said anything."""
        return bool(self.parts or self._unread)

    def replace(self, data: list[bytes]) -> None:
        """A newer report has come; it is read when it is needed."""
        self._unread = data

    def reading(self) -> Generator[None, None, None]:
        """Read what has come into `parts`, which stay as they are when it makes no sense.

        Raises:
            ValueError: it makes no sense.
        """
        data = self._unread
        if data is None:
            return
        parts: list[Part] = []
        try:
            for number, part in enumerate(data):
                # Mostly the same samples as before are in the same places, which need no second look.
                parts.append(unpacked(part, self.parts[number].values if number < len(self.parts) else ()))
                yield
        except ValueError:
            self._put_away(data)
            raise
        self.parts = parts
        self._put_away(data)

    def _put_away(self, data: list[bytes]) -> None:
        """A report has been read; a newer one may have come meanwhile."""
        if self._unread is data:
            self._unread = None
