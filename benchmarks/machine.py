"""What a run was made on and with: machine, time, versions."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.wrk import need_wrk

ROOT = Path(__file__).resolve().parents[1]
OUR_DISTRIBUTIONS = ("uvicorn", "uvloop", "httptools", "starlette", "numpy", "pandas", "scikit-learn")


def describe_machine() -> dict[str, Any]:
    """Processor, memory, system, time and versions, as they are shown with the results."""
    began = dt.datetime.now(dt.timezone.utc)
    return {
        "date": began.strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int((_field("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) / 1024**2, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "wrk": _first_words([need_wrk(), "-v"]),
        "load_average": round(os.getloadavg()[0], 2),
        "revision": _first_words(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
        "versions": {name: importlib.metadata.version(name) for name in OUR_DISTRIBUTIONS},
    }


def _field(path: str, name: str) -> str | None:
    """The value of the first line of a `name: value` file that has this name."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _first_words(argv: list[str]) -> str:
    """The first two words that a command prints, "" when it is not there or says nothing."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return " ".join(done.stdout.split()[:2])
