"""The last connections of a listener that is about to close: those the kernel has made, but nobody has accepted.

Closing a listener resets them. So no new ones are begun first, those whose handshake is under way get a moment, and
what then waits in the queue is accepted.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import socket
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

# A handshake that is under way takes one round trip to its end.
HANDSHAKE_END_S = 0.25

_SO_ATTACH_FILTER = 26
# Classic BPF over a packet that starts with its TCP header: (code, if true skip, if false skip, value).
_DROP_FIRST_PACKETS = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # take the whole packet
)


def begin_no_more(listeners: Iterable[socket.socket]) -> bool:
    """Let no further TCP connection begin: whoever tries does so again in a second, and is refused by then.

    Returns:
        Whether there may be handshakes to wait for. Where the system cannot do all that (it takes Linux), connections
        that begin at the very moment of the close are reset.
    """
    has_handshakes = False
    for listener in listeners:
        if listener.family != socket.AF_UNIX and sys.platform == "linux":
            try:
                _attach_filter(listener)
            except OSError as error:
                logger.debug("New connections cannot be kept from the listener: %s", error)
            else:
                has_handshakes = True
    return has_handshakes


def _attach_filter(listener: socket.socket) -> None:
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_FIRST_PACKETS)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HL", len(_DROP_FIRST_PACKETS), ctypes.addressof(buffer))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def accept_waiting(listeners: Iterable[socket.socket]) -> list[socket.socket]:
    """The connections that wait in the listeners' queues."""
    accepted: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        with contextlib.suppress(OSError):
            if listener.family == socket.AF_UNIX:
                # From now on it refuses; what is queued stays, other than with TCP.
                listener.shutdown(socket.SHUT_RDWR)
            while True:
                sock, _ = listener.accept()
                sock.setblocking(False)
                accepted.append(sock)
    return accepted
