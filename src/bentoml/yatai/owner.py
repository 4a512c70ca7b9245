"""Who holds something in the catalog or the staging area, and whether that process still lives."""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Owner:
    """One process, told apart from a later one that gets the same pid.

    Attributes:
        host: host name.
        boot: digest of what separates pid spaces: the boot of the machine and the pid namespace.
        pid: process id in that space.
        started: start time of the process in the clock of its machine; empty where the system does not tell.
    """

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        pid = os.getpid()  # asked each time, because a fork changes it
        return cls(socket.gethostname().replace("/", "_"), _pid_space(), pid, _start_time(pid))

    @classmethod
    def parse(cls, token: str) -> Owner | None:
        """The owner that a token stands for, or None when the text is not a token."""
        parts = token.rsplit(".", 3)
        if len(parts) != 4 or not parts[2].isdigit():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    @property
    def token(self) -> str:
        """Text form, also usable as a file name."""
        return f"{self.host}.{self.boot}.{self.pid}.{self.started}"

    def is_alive(self) -> bool | None:
        """Whether the process lives; None when it runs where this process cannot see it."""
        here = Owner.current()
        if (self.host, self.boot) != (here.host, here.boot):
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it lives, under another user
        return _start_time(self.pid) == self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def os_user() -> str:
    """The name of the user that this process runs as; `uid 1000` where the system knows no name."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@lru_cache(maxsize=1)
def _pid_space() -> str:
    """Digest of boot id and pid namespace; the same for all processes that see each other's pids."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        boot = namespace = ""  # not Linux: the host name alone must do
    return hashlib.sha256(f"{boot}\n{namespace}".encode()).hexdigest()[:12]


def _start_time(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty when it is gone or the system does not tell."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else fields[18]
