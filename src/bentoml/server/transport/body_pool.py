"""Large bodies on their way to a worker: through memory files that the worker reads itself.

A slot is a file in memory (`memfd_create`) of the front. A body is written into it at once, the frame names it as
`[pid, fd, number, size]`, and the worker reads it through `/proc/<pid>/fd/<fd>`. That takes two copies, where the
socket takes four and, as it holds little, several changes between the processes. Nothing has a name in a file
system: when the front is gone, however it ended, so are its slots.

Each worker has slots of its own, used again once the batch is answered and not before: a worker that was given up may
still be reading. Each slot begins with its number, which a worker checks, as the system uses descriptors again.
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from contextlib import suppress
from itertools import count

# Where the socket is slower, see docs/decisions/0010-large-bodies.md.
MIN_BODY_BYTES = 128 << 10
# What the slots of one worker may hold; what is over that goes through the socket.
MAX_POOL_BYTES = 128 << 20
# What those may hold that wait to be used again.
MAX_FREE_BYTES = 64 << 20

_NUMBER = struct.Struct(">Q")
_PROBE = b"can you read this?"
_PROBE_BATCH_ID = 0

# Names a slot in a frame: process id, descriptor, number, size of the body in bytes.
Reference = list[int]


class UnreadableBodyError(OSError):
    """A slot cannot be opened, or is another one meanwhile."""


class Slot:
    """A file in memory.

    Attributes:
        capacity_bytes: the most it has held, which it keeps.

    Raises:
        OSError: there is no memory or descriptor left.
    """

    _numbers = count(1)

    def __init__(self) -> None:
        self._number = next(self._numbers)
        self._fd = os.memfd_create("bentoml-body", os.MFD_CLOEXEC)
        self.capacity_bytes = 0

    def write(self, body: bytes) -> Reference:
        """Keep a body; returns its name.

        Raises:
            OSError: there is no memory left.
        """
        buffers: list[bytes | memoryview] = [_NUMBER.pack(self._number), body]
        written = os.pwritev(self._fd, buffers, 0)
        while written < _NUMBER.size + len(body):
            written += os.pwritev(self._fd, [memoryview(body)[written - _NUMBER.size :]], written)
        self.capacity_bytes = max(self.capacity_bytes, len(body))
        return [os.getpid(), self._fd, self._number, len(body)]

    def close(self) -> None:
        """Let go of its memory."""
        os.close(self._fd)


class BodyPool:
    """The slots of one worker.

    Attributes:
        is_enabled: whether the worker has shown that it can read them.
    """

    def __init__(self) -> None:
        self.is_enabled = False
        self._used: dict[int, list[Slot]] = defaultdict(list)
        self._free: list[Slot] = []
        self._total_bytes = 0

    def probe(self) -> Reference | None:
        """Name a small body, to try whether it can be read; None where there are no memory files."""
        if not hasattr(os, "memfd_create"):
            return None
        return self._store(_PROBE_BATCH_ID, _PROBE)

    def confirm(self, *, is_readable: bool) -> None:
        """The worker has tried to read the probe."""
        self.is_enabled = is_readable
        self.release(_PROBE_BATCH_ID)

    def send_form(self, batch_id: int, body: bytes) -> bytes | Reference:
        """What stands for a body in the frame of a batch: its name, or itself."""
        if not self.is_enabled or len(body) < MIN_BODY_BYTES:
            return body
        return self._store(batch_id, body) or body

    def release(self, batch_id: int) -> None:
        """A batch is answered; its slots can be used again."""
        for slot in self._used.pop(batch_id, ()):
            if sum(free.capacity_bytes for free in self._free) + slot.capacity_bytes > MAX_FREE_BYTES:
                self._drop(slot)
            else:
                self._free.append(slot)

    def close(self) -> None:
        """The worker is gone: let go of everything."""
        self.is_enabled = False
        for slot in [*self._free, *(slot for slots in self._used.values() for slot in slots)]:
            self._drop(slot)
        self._free.clear()
        self._used.clear()

    def _store(self, batch_id: int, body: bytes) -> Reference | None:
        # The one that was used last: its memory is there, and maybe still in the caches.
        kept_bytes = self._free[-1].capacity_bytes if self._free else 0
        if self._total_bytes + max(len(body) - kept_bytes, 0) > MAX_POOL_BYTES:
            return None
        with suppress(OSError):
            slot = self._free.pop() if self._free else Slot()
            self._total_bytes -= slot.capacity_bytes
            try:
                reference = slot.write(body)
            except OSError:
                slot.close()
                raise
            self._total_bytes += slot.capacity_bytes
            self._used[batch_id].append(slot)
            return reference
        # No memory or descriptor is left for it; the socket needs neither.
        return None

    def _drop(self, slot: Slot) -> None:
        self._total_bytes -= slot.capacity_bytes
        slot.close()


def read_body(reference: Reference) -> bytes:
    """Read a body from its slot, in another process.

    Raises:
        UnreadableBodyError: the system does not let us, or the slot is gone.
    """
    pid, fd, number, size_bytes = reference
    path = f"/proc/{pid}/fd/{fd}"
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            found, body = os.pread(opened, _NUMBER.size, 0), os.pread(opened, size_bytes, _NUMBER.size)
        finally:
            os.close(opened)
    except OSError as error:
        raise UnreadableBodyError(f"{path} cannot be read: {error}") from error
    if found != _NUMBER.pack(number) or len(body) != size_bytes:
        raise UnreadableBodyError(f"{path} is not slot {number}")
    return body


def can_read(reference: Reference) -> bool:
    """Whether bodies can be read from the slots of a process; `reference` comes from `BodyPool.probe`."""
    with suppress(UnreadableBodyError):
        return read_body(reference) == _PROBE
    return False
