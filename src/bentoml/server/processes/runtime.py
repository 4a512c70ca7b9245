"""What all processes of one server share: a private directory, and a lifeline whose other end the supervisor holds."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from bentoml.configuration import get_config, snapshot
from bentoml.server.processes.allocator import allocator_settings
from bentoml.server.processes.child import CONFIG_FILE
from bentoml.server.processes.child_process import ChildProcess
from bentoml.server.processes.places import make_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Mapping


class Runtime:
    """The directory and the lifeline of one server.

    Attributes:
        directory: for options, the configuration, and sockets.
        lifeline_fd: read end of the lifeline, which every child inherits.

    Raises:
        BentoMLException: there is no place for the directory.
    """

    def __init__(self) -> None:
        self.directory = make_runtime_dir()
        (self.directory / CONFIG_FILE).write_text(snapshot.to_json(get_config()), encoding="utf-8")
        self.lifeline_fd, self._lifeline_write = os.pipe()

    def start(self, module: str, generation: int, *fds: int, env: Mapping[str, str] | None = None) -> ChildProcess:
        """Run a module of ours; see `ChildProcess.start`.

        Raises:
            OSError: there is no memory, descriptor or process left for it.
        """
        variables = {**allocator_settings(os.environ), **(env or {})}
        return ChildProcess.start(module, self.directory, generation, self.lifeline_fd, fds, variables)

    def close(self) -> None:
        """Let go of files and descriptors; children that are left notice and end."""
        os.close(self._lifeline_write)
        os.close(self.lifeline_fd)
        shutil.rmtree(self.directory, ignore_errors=True)
