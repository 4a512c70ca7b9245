"""What a connection tells the sweep that looks for slow clients, see `slow_clients.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._http.closing import ClosingProtocol

if TYPE_CHECKING:
    from bentoml._http.slow_clients import Progress


class WatchedProtocol(ClosingProtocol):
    """A client connection whose requests are looked at while they come.

    Attributes:
        progress: belongs to the sweep.
        reading: belongs to the sweep.
    """

    def __init__(self, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.progress: Progress | None = None
        self.reading: Progress | None = None
        # Of the body that is arriving.
        self._body_bytes = 0

    @property
    def is_in_head(self) -> bool:
        """Whether a head has begun and not ended."""
        return not (self._is_at_boundary or self._is_receiving or self._is_unreadable)

    @property
    def is_in_body(self) -> bool:
        """Whether a head has ended, and the body behind it has not."""
        return self._is_receiving and not self._is_unreadable

    @property
    def received_bytes(self) -> int:
        """What has come of the body."""
        return self._body_bytes

    @property
    def is_kept_waiting(self) -> bool:
        """Whether it is for us that nothing comes: we do not read, or it is another request's turn."""
        return self.flow.read_paused or (bool(self.pipeline) and self._is_receiving)
