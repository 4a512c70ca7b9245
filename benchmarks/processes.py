"""The processes that a server consists of: found through /proc, counted, and ended without remainder (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.01


def adopt_orphans() -> None:
    """Make this process the parent of every orphan among its descendants, so that none can hide from `descendants`.

    Raises:
        OSError: the system refuses.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def own_variables() -> dict[str, str]:
    """The environment variables of this process, without what would configure the servers from outside."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BENTOML")}


def _parents() -> dict[int, int]:
    """The parent of every process of the machine that is not a zombie."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # The name in parentheses may hold blanks and parentheses itself; state and parent follow the last one.
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    found[int(entry.name)] = int(parent)
    return found


def descendants(pid: int) -> set[int]:
    """Every living process below `pid`, itself not included."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents().items():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    open_ends = [pid]
    while open_ends:
        for child in children.get(open_ends.pop(), ()):
            if child not in found:
                found.add(child)
                open_ends.append(child)
    return found


def resident_bytes(pids: Iterable[int]) -> int:
    """Sum of the resident set sizes; a page shared by several processes counts for each, one that ended counts 0."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(pids: Iterable[int]) -> int:
    """Sum of the proportional set sizes; each sharer of a page has a part of it, one that ended has 0."""
    kibibytes = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            (pss,) = re.findall(r"^Pss: +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
            kibibytes += int(pss)
    return kibibytes * 1024


def processor_seconds(pids: Iterable[int]) -> float:
    """Time that processes have computed so far, in user and in system mode; one that ended counts 0."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    """Poll a condition; tells whether it came true within the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def end_all(pids: Callable[[], set[int]], limit_s: float) -> None:
    """Kill processes until none is left, those that appear meanwhile too.

    Args:
        pids: asked again and again which processes are there.
        limit_s: most seconds this may take.

    Raises:
        TimeoutError: some are still there.
    """

    def gone() -> bool:
        left = pids()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap(left)
        return not left

    if not wait_until(gone, limit_s):
        raise TimeoutError(f"processes {sorted(pids())} survived SIGKILL for {limit_s:.0f} s")


def _reap(pids: Iterable[int]) -> None:
    """Collect the exit codes of adopted processes, so that they do not stay as zombies."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
