"""The server of the bundle behind a replica: that of `bentoml serve`, on a unix socket nobody else can reach."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bentoml._util import proc
from bentoml._util.daemon_thread import run_in_daemon_thread
from bentoml._util.optional import require
from bentoml.deploy.ray.socket_directory import SocketDirectory
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_POLL_S = 0.05
_ANSWER_S = 10.0
_IDLE_S = 2.0  # less than the server keeps a connection without requests
_LAST_LINES = 20
_LAST_WORDS_S = 1.0  # what it has printed before its end is there at once


class BundleServer:
    """One server process, started once.

    Args:
        bundle: directory of the bundle.
        workers: worker processes.
        env: variables added to those of this process.
        grace_s: how long it may take to end; then it is killed.

    Attributes:
        session: asks the server; the host in its URLs says nothing.
    """

    session: Any

    def __init__(self, bundle: Path, workers: int, env: Mapping[str, str], grace_s: float) -> None:
        self._bundle = bundle
        self._workers = workers
        self._env = env
        self._grace_s = grace_s
        self._directory = SocketDirectory()
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lifeline: int | None = None

    async def start(self) -> None:
        """Start it, and wait until it can answer: as long as the model takes to load.

        Raises:
            BentoMLException: it ends instead; the text has its last lines.
        """
        aiohttp = require("aiohttp")
        socket = self._directory.path / "server.sock"
        process = self._process = self._spawned(socket)
        connector = aiohttp.UnixConnector(str(socket), limit=0, keepalive_timeout=_IDLE_S)
        self.session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(),
        )
        while not await self._answers("/readyz"):
            if process.poll() is not None:
                await self.stop()
                raise BentoMLException(f"the server of the bundle has ended: {self._said()}")
            await asyncio.sleep(_POLL_S)

    async def check(self) -> None:
        """See whether it lives.

        Raises:
            BentoMLException: it does not.
        """
        if self._process is None or self._process.poll() is not None:
            raise BentoMLException(f"the server of the bundle has ended: {self._said()}")
        if not await self._answers("/livez"):
            raise BentoMLException("the server of the bundle does not answer")

    async def stop(self) -> None:
        """End it, once it has answered what it was asked."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            ended = asyncio.ensure_future(run_in_daemon_thread(self._process.wait))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), self._grace_s)
            self._process.kill()
            await ended
        if self._reader is not None:
            self._reader.join(_LAST_WORDS_S)
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
            await self.session.close()
            self._directory.remove()

    def _spawned(self, socket: Path) -> subprocess.Popen[bytes]:
        read_end, self._lifeline = os.pipe()
        argv = [sys.executable, "-m", "bentoml.deploy.ray.lifeline", str(read_end), "serve-gunicorn", str(self._bundle)]
        argv += [f"--uds={socket}", f"--workers={self._workers}"]
        try:
            process = proc.spawn(
                argv,
                env=self._env,
                pass_fds=(read_end, self._directory.lock),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        finally:
            os.close(read_end)
        self._reader = threading.Thread(target=self._hand_on, args=(process,), name="bundle-server-lines", daemon=True)
        self._reader.start()
        return process

    def _hand_on(self, process: subprocess.Popen[bytes]) -> None:
        """Write its lines where those of this process go, which Ray collects."""
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._last_lines.append(line.decode(errors="replace").rstrip())
                sys.stderr.write(f"{self._last_lines[-1]}\n")

    def _said(self) -> str:
        return "\n".join(self._last_lines) or "it has said nothing"

    async def _answers(self, path: str) -> bool:
        aiohttp = require("aiohttp")
        limit = aiohttp.ClientTimeout(total=_ANSWER_S)
        try:
            async with self.session.get(f"http://bundle{path}", timeout=limit) as answer:
                return bool(answer.status == 200)
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError):
            return False
