"""Words between a job and its workers: JSON, a line each, over a socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_READ_BYTES = 2**16


def send(channel: socket.socket, word: dict[str, Any]) -> None:
    """Say a word.

    Raises:
        OSError: nobody is there any more.
    """
    channel.sendall(json.dumps(word).encode() + b"\n")


class Words:
    """Hears words.

    Args:
        channel: from which they come.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._rest = b""

    def heard(self) -> list[dict[str, Any]] | None:
        """The words of the next bytes, perhaps none; None when the other side is gone."""
        try:
            found = self._channel.recv(_READ_BYTES)
        except ConnectionError:
            return None
        if not found:
            return None
        *lines, self._rest = (self._rest + found).split(b"\n")
        return [json.loads(line) for line in lines]
