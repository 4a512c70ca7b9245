"""A server under test: started on a free port, waited for, measured from outside, and ended with all its processes."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.probe import FLOWERS, WrongAnswerError, ask_once, check_answers
from benchmarks.processes import (
    descendants,
    end_all,
    own_variables,
    processor_seconds,
    proportional_bytes,
    resident_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.probe import Ask

START_LIMIT_S = 120.0
STOP_LIMIT_S = 15.0
IDLE_LIMIT_S = 20.0
IDLE_SHARE = 0.3
"""Share of one core below which a server counts as idle; some peers never rest completely."""
_IDLE_SAMPLE_S = 0.2
_POLL_S = 0.01


class ServerError(Exception):
    """A server did not start, or ended under load; the text has the end of its log."""


@dataclass(frozen=True)
class Launch:
    """How a server is started.

    Attributes:
        name: What tables call it.
        argv: Program and arguments; `{port}` stands for the port.
        directory: Where it is started.
        ask: How it is asked.
        variables: Environment variables that are added to those of this process; `{port}` stands for the port, and
            `{port2}` and `{port3}` for two more free ones.
    """

    name: str
    argv: tuple[str, ...]
    directory: Path
    ask: Ask
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveServer:
    """A server that has answered.

    Attributes:
        port: Where it listens on 127.0.0.1.
        start_s: Seconds from its start to the first right answer.
        others: What ran below this process before.
    """

    launch: Launch
    port: int
    process: subprocess.Popen[bytes]
    start_s: float
    log: Path
    others: set[int]

    @property
    def url(self) -> str:
        """Where predictions are asked for."""
        return f"http://127.0.0.1:{self.port}{self.launch.ask.path}"

    def resident_bytes(self) -> int:
        """Resident set sizes of all its processes, summed."""
        return resident_bytes(self._pids())

    def proportional_bytes(self) -> int:
        """Proportional set sizes of all its processes, summed."""
        return proportional_bytes(self._pids())

    def wait_until_idle(self, limit_s: float = IDLE_LIMIT_S) -> None:
        """Return when its processes have hardly computed for a moment, or the limit has passed.

        A server goes on with requests whose clients have left; the next measurement begins after that.
        """
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            before = self._processor_seconds()
            time.sleep(_IDLE_SAMPLE_S)
            if self._processor_seconds() - before < IDLE_SHARE * _IDLE_SAMPLE_S:
                return

    def _processor_seconds(self) -> float:
        return processor_seconds(self._pids())

    def _pids(self) -> set[int]:
        """Its processes, with those that detached themselves and were adopted by this one."""
        return descendants(os.getpid()) - self.others

    def check_answers(self, at_once: int = 3, *, under_load: bool = False) -> None:
        """Ask about flowers of all species.

        Args:
            at_once: requests at the same time.
            under_load: connections that fail are no fault, since load may be more than the server takes.

        Raises:
            ServerError: no answer or a wrong one.
        """
        try:
            check_answers(self.port, self.launch.ask, at_once)
        except WrongAnswerError as error:
            raise ServerError(f"{self.launch.name}: {error}; its log ends with: {_tail(self.log)}") from error
        except (OSError, http.client.HTTPException) as error:
            if not under_load:
                raise ServerError(f"{self.launch.name}: {error!r}; its log ends with: {_tail(self.log)}") from error


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _answers_rightly(launch: Launch, port: int) -> Callable[[], bool]:
    row, label = FLOWERS[0]

    def asked() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException, WrongAnswerError):
            return ask_once(port, launch.ask, row) == label
        return False

    return asked


@contextlib.contextmanager
def live_server(
    launch: Launch, log: Path, ready: Callable[[Launch, int], Callable[[], bool]] = _answers_rightly
) -> Iterator[LiveServer]:
    """Run a server while the block runs; afterwards nothing of it is left.

    Args:
        launch: how it is started.
        log: file that its output goes to.
        ready: makes the condition that says that it answers.

    Raises:
        ServerError: it ended while starting, or gave no right answer within `START_LIMIT_S`.
    """
    ports = dict(zip(("port", "port2", "port3"), map(str, free_ports(3)), strict=True))
    others = descendants(os.getpid())
    variables = {name: value.format(**ports) for name, value in launch.variables.items()}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            [word.replace("{port}", ports["port"]) for word in launch.argv],
            cwd=launch.directory,
            env={**own_variables(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        port = int(ports["port"])
        _wait_until_ready(process, launch, ready(launch, port), log)
        yield LiveServer(launch, port, process, time.monotonic() - began, log, others)
    finally:
        _stop(process)
        end_all(lambda: descendants(os.getpid()) - others, STOP_LIMIT_S)


def _wait_until_ready(process: subprocess.Popen[bytes], launch: Launch, ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not ready():
        if process.poll() is not None:
            raise ServerError(f"{launch.name} ended while starting, exit code {process.returncode}: {_tail(log)}")
        if time.monotonic() > deadline:
            raise ServerError(f"{launch.name} gave no right answer within {START_LIMIT_S:.0f} s: {_tail(log)}")
        time.sleep(_POLL_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; kill it when it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT_S)
    if process.poll() is None:
        process.kill()
    process.wait()


def _tail(log: Path) -> str:
    """The last lines of a log on one line."""
    return " / ".join(line.strip() for line in log.read_text(errors="replace").strip().splitlines()[-6:])
