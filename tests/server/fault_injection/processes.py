"""The processes of a server, as the system shows them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path


def processes_of(home: Path) -> list[int]:
    """Every live process that was started with this `$BENTOML_HOME`, other than this one."""
    mark = f"BENTOML_HOME={home}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:  # it is gone, or a zombie
                continue
    return found


def role(pid: int) -> str:
    """`front`, `worker`, or another last part of the module that a process runs; empty when it is gone."""
    module = _module(pid)
    if module == "fork_server" and _module(_parent(pid)) == module:
        return "worker"
    return module


def _module(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    modules = [word.decode().rpartition(".")[2] for word in words if word.startswith(b"bentoml.server.")]
    return modules[0] if modules else "supervisor"


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def age_s(pid: int) -> float:
    """Seconds since a process was started; 0 when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
        up_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0.0
    return up_s - int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> dict[str, str]:
    """Open sockets, pipes and the like of a process: what each descriptor stands for. Files are left out."""
    found: dict[str, str] = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            what = str(entry.readlink())
            if not what.startswith("/"):
                found[entry.name] = what
    return found


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    """Look again and again until a condition holds."""
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, f"after {limit_s:g} s: {what}"
        time.sleep(0.05)
