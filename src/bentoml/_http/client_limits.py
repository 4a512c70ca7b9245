"""How long the front has patience with clients that send or read slowly."""

from __future__ import annotations

from dataclasses import dataclass

# A connection without a request.
KEEP_ALIVE_S = 75.0
# A client gets its time for silence once, and beyond that a second for so many bytes.
MIN_BYTES_PER_S = 500


@dataclass(frozen=True)
class ClientLimits:
    """Time limits of a connection, in seconds.

    Attributes:
        header_timeout_s: for the head of a request from its first byte, for the first byte of a connection, and for a
            TLS handshake.
        body_timeout_s: the longest silence within a body, and of a client that does not read its answers. A body or
            an answer takes at most this long and a second more per `MIN_BYTES_PER_S` bytes of it.
        keep_alive_s: for a connection whose requests are answered.
    """

    header_timeout_s: float
    body_timeout_s: float
    keep_alive_s: float = KEEP_ALIVE_S

    @property
    def sweep_every_s(self) -> float:
        """How often to look; a limit is passed by so much at most."""
        return max(0.05, min(5.0, self.header_timeout_s / 4, self.body_timeout_s / 4, self.keep_alive_s / 4))
