"""The access log of a running server, as a test looks at it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from tests.server.live import LiveServer

_LINE = re.compile(
    r"(?P<time>\S+Z) (?P<client>\S+) \"(?P<target>.*)\" (?P<status>\d+) (?P<bytes>\d+) (?P<ms>[\d.]+) (?P<id>\S+)"
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
LIMIT_S = 20.0


def access_file(server: LiveServer) -> Path:
    return server.log.parent / "logs" / "access.log"


class AccessLines:
    """What comes into the log from now on."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._file = access_file(server)
        self._seen = self._file.stat().st_size if self._file.exists() else 0
        # Those of requests just before may still come.
        self.take()

    def take(self) -> list[str]:
        """The lines of the requests so far, without what differs each time: `CLIENT "METHOD PATH" STATUS BYTES ID`."""
        marker = f"marker-{os.urandom(8).hex()}"
        assert self._server.client.get("/livez", headers={"X-Request-Id": marker}).status_code == 200
        end_s = time.monotonic() + LIMIT_S
        while True:
            new = self._file.read_bytes()[self._seen :] if self._file.exists() else b""
            if f" {marker}\n".encode() in new:
                break
            assert time.monotonic() < end_s, new
            time.sleep(0.005)  # between looks at the real thing, under a deadline
        self._seen += len(new)
        return [_without_what_differs(line) for line in new.decode("utf-8").splitlines() if marker not in line]


def _without_what_differs(line: str) -> str:
    found = _LINE.fullmatch(line)
    assert found is not None, line
    request_id = _UUID.sub("UUID", found["id"])
    return f'{found["client"]} "{found["target"]}" {found["status"]} {found["bytes"]} {request_id}'
