"""A registry in a process of its own, and requests to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import urllib3

START_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
ANSWER_LIMIT_S = 120.0


class RegistryError(Exception):
    """The registry did not start, or gave an answer that it must not give."""


class RegistryProcess:
    """A server on a free port, with a home of its own.

    Args:
        home: of it; what it prints goes to `server.log` there.
        options: of `bentoml yatai-service-start`.
        port: where it listens; 0 takes a free one.
        variables: of the environment, besides.

    Attributes:
        url: where it listens.
        process: of it.
    """

    def __init__(self, home: Path, options: tuple[str, ...] = (), port: int = 0, **variables: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / "server.log"
        self._home = home
        command = [sys.executable, "-m", "bentoml", "yatai-service-start", "--ui-port", str(port), *options]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment(home, **variables), stdout=log, stderr=log)
        self.url = self._wait()

    def _wait(self) -> str:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"^\* Listening on (\S+)$", self._log.read_text(), re.MULTILINE)
            if found:
                return found[1]
            time.sleep(0.02)
        self.process.kill()
        raise RegistryError(f"the registry did not start:\n{self._log.read_text()}")

    @property
    def most_memory_bytes(self) -> int:
        """The most memory that it has had in use so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(kib) << 10

    def stop(self) -> int:
        """End it in order; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)

    def kill(self) -> None:
        """End it at once, as by a failure of the machine's memory."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_LIMIT_S)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Variables of a process with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("BENTOML")}
    return {**kept, "BENTOML_HOME": str(home), **variables}


def run_command(home: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run `bentoml` to its end; its exit status, and all that it printed."""
    command = [sys.executable, "-m", "bentoml", *arguments]
    done = subprocess.run(
        command,
        env=environment(home, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


class Api:
    """Requests over one connection; not for several threads.

    Args:
        url: of the registry.
        token: None where nobody has to log in.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self._pool = urllib3.connection_from_url(url, timeout=ANSWER_LIMIT_S, retries=False)
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._pool.request(method, path, body=body, headers={**self._headers, **named})
        return answer.status, answer.data

    def tell(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Status and document of an answer; None where it has no body."""
        if document is None:
            status, data = self.ask(method, path)
        else:
            status, data = self.ask(method, path, json.dumps(document).encode(), content_type="application/json")
        return status, json.loads(data) if data else None

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
