"""A server in a child process, for trying a service out from a notebook."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
import weakref
from typing import TYPE_CHECKING

from bentoml._util import proc

if TYPE_CHECKING:
    from collections.abc import Callable

STOP_TIMEOUT_S = 10.0

logger = logging.getLogger(__name__)


class DevServer:
    """Runs `python -m bentoml serve` on a bundle in a temporary directory.

    The child ends with this object or with the process, whichever is first.

    Args:
        save_to_dir: writes the bundle into a directory; `BentoService.save_to_dir`.
    """

    def __init__(self, save_to_dir: Callable[..., None]) -> None:
        # Held weakly: the service owns this object, and both must go when the user drops the service.
        self._save_to_dir = weakref.WeakMethod(save_to_dir)
        self._child: _Child | None = None
        self._finalizer: weakref.finalize[[_Child], DevServer] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the child is alive."""
        return self._child is not None and self._child.is_running

    def start(self, port: int | None = None, *, debug: bool = False) -> None:
        """Start the child; its output goes to the log. Does nothing but warn when one is running.

        Args:
            port: TCP port; the configured one when None.
            debug: let the child log more.
        """
        if self.is_running:
            logger.warning("The dev server is already running; call stop_dev_server first")
            return
        self.stop(skip_log=True)
        save_to_dir = self._save_to_dir()
        assert save_to_dir is not None
        directory = tempfile.TemporaryDirectory(prefix="bentoml-dev-server-")
        try:
            save_to_dir(directory.name, lock="versions")  # nobody installs it
            argv = [sys.executable, "-m", "bentoml", "serve", directory.name]
            argv += [] if port is None else ["--port", str(port)]
            argv += ["--debug"] if debug else []
            process = proc.spawn(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except BaseException:
            directory.cleanup()
            raise
        self._child = _Child(process, directory)
        self._finalizer = weakref.finalize(self, _Child.stop, self._child)
        logger.info("Dev server started as process %d", process.pid)

    def stop(self, *, skip_log: bool = False) -> None:
        """Stop the child and remove its bundle.

        Args:
            skip_log: say nothing.
        """
        was_running = self.is_running
        if self._finalizer is not None:
            self._finalizer()
        self._child = self._finalizer = None
        if not skip_log:
            if was_running:
                logger.info("Dev server stopped")
            else:
                logger.warning("No dev server is running")


class _Child:
    """One server process, the thread that copies its output, and its bundle."""

    def __init__(self, process: subprocess.Popen[bytes], directory: tempfile.TemporaryDirectory[str]) -> None:
        self._process = process
        self._directory = directory
        self._log_thread = threading.Thread(target=self._copy_output, name="bentoml-dev-server-log", daemon=True)
        self._log_thread.start()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process, politely at first."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log_thread.join(STOP_TIMEOUT_S)
        self._directory.cleanup()

    def _copy_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                logger.info("%s", line.decode(errors="replace").rstrip())
