"""The closed-loop load generator `wrk`: run it, read what it reports."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("wrk.lua")
REQUEST_LIMIT_S = 60
"""A request that takes longer counts as an error; wrk's own limit of 2 s is below what slow servers need."""
END_LIMIT_S = 30.0


class WrkError(Exception):
    """wrk is missing or failed; the text says what to do."""


@dataclass(frozen=True)
class Load:
    """What wrk measured.

    Attributes:
        requests: Answers within the time, whatever their status.
        duration_s: Length of the measurement.
        errors: Failed connects, reads, writes, time-outs and answers other than 2xx and 3xx, by kind, without zeros.
        p50_ms, p90_ms, p99_ms, max_ms: Latencies.
    """

    requests: int
    duration_s: float
    errors: dict[str, int]
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.duration_s if self.duration_s else 0.0


def need_wrk() -> str:
    """Path of wrk.

    Raises:
        WrkError: it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise WrkError("wrk is not installed; on Debian run: sudo apt-get install wrk")
    return found


def run_wrk(url: str, body: bytes, *, connections: int, duration_s: int) -> Load:
    """Drive a server from one thread of wrk.

    Args:
        url: where every request is posted.
        body: of every request, sent as JSON.
        connections: open at the same time, each with one request at a time.
        duration_s: seconds, whole ones.

    Raises:
        WrkError: wrk is missing, failed, or did not end.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        argv = [need_wrk(), "-t1", f"-c{connections}", f"-d{duration_s}s", "--timeout", f"{REQUEST_LIMIT_S}s"]
        argv += ["-s", str(SCRIPT), url, "--", file.name]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=duration_s + END_LIMIT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise WrkError(f"wrk did not end {END_LIMIT_S:.0f} s after its time") from error
    if done.returncode != 0:
        raise WrkError(f"wrk failed with exit code {done.returncode}: {(done.stderr + done.stdout).strip()[-500:]}")
    return parse_report(done.stdout)


def parse_report(output: str) -> Load:
    """Read the JSON line that `wrk.lua` writes after wrk's own lines.

    Raises:
        WrkError: it is not there.
    """
    lines = [line for line in output.splitlines() if line.startswith('{"requests"')]
    if len(lines) != 1:
        raise WrkError(f"wrk printed no report: {output.strip()[-500:]!r}")
    report: dict[str, Any] = json.loads(lines[0])
    kinds = ("connect", "read", "write", "status", "timeout")
    return Load(
        requests=report["requests"],
        duration_s=report["duration_us"] / 1e6,
        errors={kind: report[kind] for kind in kinds if report[kind]},
        p50_ms=report["p50_us"] / 1e3,
        p90_ms=report["p90_us"] / 1e3,
        p99_ms=report["p99_us"] / 1e3,
        max_ms=report["max_us"] / 1e3,
    )
