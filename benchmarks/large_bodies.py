"""Bodies of 1 MiB: bytes per second of our server, and of a bare uvicorn that only reads and counts them."""

from __future__ import annotations

import contextlib
import http.client
import sys
from typing import TYPE_CHECKING

from benchmarks.contestant import OURS, SERVICES, our_launch
from benchmarks.live_server import Launch, ServerError, live_server
from benchmarks.probe import Ask
from benchmarks.setting import say
from benchmarks.wrk import run_wrk

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.setting import Setting

NAME = "large-bodies"
OURS_JSON = "ours-json"
ECHO = "uvicorn"
BODY_BYTES = 1024 * 1024
CONNECTIONS = 8
_ANSWER_LIMIT_S = 30.0


def json_text(size_bytes: int) -> bytes:
    """A JSON text of this size."""
    return b'"' + b"x" * (size_bytes - 2) + b'"'


def launches(setting: Setting) -> dict[str, Launch]:
    """The servers that are compared."""
    bundle = setting.bundles["length"]
    echo = (sys.executable, "-m", "uvicorn", "bare_echo:app", "--host", "127.0.0.1", "--port", "{port}")
    return {
        OURS: our_launch(bundle, setting.home, path="/length"),
        OURS_JSON: our_launch(bundle, setting.home, path="/length_of_text"),
        ECHO: Launch(ECHO, (*echo, "--no-access-log", "--log-level", "warning"), SERVICES, Ask("/")),
    }


def _right_length(port: int, path: str, size_bytes: int) -> bool:
    """Whether a body is answered with its size, or with that of the text without its quotes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_LIMIT_S)
    try:
        connection.request("POST", path, json_text(size_bytes), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status == 200 and int(response.read()) in {size_bytes, size_bytes - 2}
    finally:
        connection.close()


def _ready(launch: Launch, port: int) -> Callable[[], bool]:
    def asked() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return _right_length(port, launch.ask.path, 100)
        return False

    return asked


def measure_large_bodies(name: str, setting: Setting) -> None:
    """Measure in interleaved rounds.

    Raises:
        ServerError, WrkError: it could not be measured.
    """
    pace = setting.pace
    for number in range(pace.rounds):
        for server_name, launch in launches(setting).items():
            if setting.results.has(name, server_name, number):
                continue
            with live_server(launch, setting.logs / f"{name}-{server_name}-{number}.log", _ready) as server:
                body = json_text(BODY_BYTES)
                run_wrk(server.url, body, connections=CONNECTIONS, duration_s=pace.warm_up_s)
                server.wait_until_idle()
                load = run_wrk(server.url, body, connections=CONNECTIONS, duration_s=pace.duration_s)
                if load.errors or not _right_length(server.port, launch.ask.path, BODY_BYTES + 1):
                    raise ServerError(f"{server_name} did not answer every body rightly: {load.errors}")
            rate = load.rate * BODY_BYTES / 1e6
            setting.results.add(name, server_name, number, megabytes_per_s=rate, rate=load.rate, p99_ms=load.p99_ms)
            say(f"{name} round {number + 1}  {server_name:26} {rate:10,.0f} MB/s")
