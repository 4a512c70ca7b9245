"""Does what a page of the documentation tells its reader to do, and compares what comes out with what the page shows.

One page, one home with an empty directory in it, shown as `/home/ada/work`: files with a title are written, console
commands run in a shell whose directory and variables last to the end of the page, Python runs in one session.
`bentoml serve` and `yatai-service-start` start a real server in the background on a free port, one of each kind at a
time; the port that the page names is replaced in commands, and put back in their output. Versions and ages of a few
seconds differ each time, so any matches any other.
"""

from __future__ import annotations

import contextlib
import doctest
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.docs.blocks import Block, Command, read_commands

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

COMMAND_LIMIT_S = 240.0  # the longest takes seconds where nothing else runs
START_LIMIT_S = 120.0
STOP_LIMIT_S = 30.0
DEFAULT_PORT = 5000
_SERVE = re.compile(r"((?:\w+=\S+ )*)(bentoml (?:serve|serve-gunicorn|yatai-service-start) .*)", re.DOTALL)
_PORT_OPTION = re.compile(r"(--port|--ui-port|-p)[ =](\d+)")
SHOWN_HOME = "/home/ada"
_CHANGES_EACH_TIME = (
    (r"\b\d{14}_[0-9A-F]{6}\b", "VERSION"),
    (r"\b(?:\d+ minutes? and )?[\d.]+ seconds?\b", "AGE"),
    (r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]", "[TIME]"),
)
"""Generated versions, ages and times: the pages show some, which are as good as any."""


class PageError(AssertionError):
    """The page and the product disagree."""


def output_matches(shown: str, printed: str) -> bool:
    """Whether a command printed what the page shows; `...` stands for anything, runs of blanks are one blank."""
    for pattern, word in _CHANGES_EACH_TIME:
        shown, printed = re.sub(pattern, word, shown), re.sub(pattern, word, printed)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(shown.rstrip("\n") + "\n", printed.rstrip("\n") + "\n", flags)


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    """Whether the server on a local port says that it can answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


class PageRun:
    """Runs the blocks of one page, in their order, inside `directory`.

    Args:
        directory: An empty directory; everything the page does stays in it.
    """

    def __init__(self, directory: Path) -> None:
        self.home = directory.resolve() / "home"
        self.work = self.home / "work"
        self.work.mkdir(parents=True)
        (self.home / ".curlrc").write_text('silent\nshow-error\nnoproxy = "*"\n', encoding="utf-8")
        self.state = directory / "shell-state"
        self.state.write_text(f"cd {shlex.quote(str(self.work))}\n", encoding="utf-8")
        self.directory = directory
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("BENTOML_")}
        self.env |= {
            "HOME": str(self.home),
            "CURL_HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_COMPILE": "1",  # most of what is installed is never imported
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.ports: dict[int, int] = {}
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self.python: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.python is not None:
            assert self.python.stdin is not None
            assert self.python.stdout is not None
            self.python.stdin.close()
            self.python.wait(STOP_LIMIT_S)
            self.python.stdout.close()
        for name in reversed([*self.servers]):
            self.stop_server(name, check=kind is None)

    def run_block(self, block: Block) -> None:
        """Does what one block says.

        Raises:
            PageError: when the outcome is not the one that the page shows, or when nobody can tell what the block is.
        """
        if block.not_run is not None:
            return
        try:
            self._do(block)
        except PageError as problem:
            raise PageError(f"block at line {block.line}: {problem}") from None

    def _do(self, block: Block) -> None:
        if block.title is not None:
            self._write_file(block.title, block.text)
        elif block.language == "console":
            for command in read_commands(block.text):
                self.run_command(command)
        elif block.language in {"python", "pycon"}:
            self._run_python(block)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language != "text":
            raise PageError(f"nobody runs a block of language {block.language!r}: name another one, or say why")

    def run_command(self, command: Command) -> None:
        """Runs one shell command; one that the page shows to print `Error:` has to fail, every other one to succeed."""
        serve = _SERVE.fullmatch(command.line)
        if serve is not None:
            self._start_server(serve[1], serve[2], command.shown)
            return
        text = self._with_real_ports(command.line)
        script = (
            f". {shlex.quote(str(self.state))}\nset -a\n{text}\ncode=$?\n"
            f"{{ printf 'cd %q\\n' \"$PWD\"; export -p; }} >{shlex.quote(str(self.state))}\nexit $code\n"
        )
        process = subprocess.Popen(
            ["bash", "-c", script],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=COMMAND_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with what the shell has started, which holds its output open
            output, _ = process.communicate()
            late = f"did not end within {COMMAND_LIMIT_S:g} seconds, printed:\n{self._as_shown(output)}"
            raise PageError(f"$ {command.line}\n{late}{self._log_tail()}") from None
        printed = self._as_shown(output)
        if (process.returncode != 0) != ("Error:" in command.shown):
            raise PageError(f"$ {command.line}\nexit code {process.returncode}, printed:\n{printed}{self._log_tail()}")
        if command.shown and not output_matches(command.shown, printed):
            raise PageError(f"$ {command.line}\nthe page shows:\n{command.shown}\nprinted:\n{printed}")

    def stop_server(self, name: str, check: bool = True) -> None:
        """Ends a server of the page, if it runs; it has to go with exit code 0."""
        server = self.servers.pop(name, None)
        if server is None:
            return
        server.send_signal(signal.SIGTERM)
        try:
            code = server.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            code = -signal.SIGKILL
        if check and code != 0:
            raise PageError(f"the {name} ended with exit code {code}{self._log_tail()}")

    def _write_file(self, title: str, text: str) -> None:
        path = self.work / title
        if self.work.resolve() not in path.resolve().parents:
            raise PageError(f"{title} lies outside of the directory of the page")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._with_real_ports(text), encoding="utf-8")

    def _start_server(self, assignments: str, command: str, shown: str) -> None:
        name = "registry" if "yatai-service-start" in command else "server"
        self.stop_server(name)
        option = _PORT_OPTION.search(command)
        shown_port = int(option[2]) if option else DEFAULT_PORT
        port = self.ports[shown_port] = free_port()
        if option:
            command = f"{command[: option.start(2)]}{port}{command[option.end(2) :]}"
        else:
            assignments += f"BENTOML_PORT={port} "
        command = self._with_real_ports(command)
        script = f". {shlex.quote(str(self.state))}\n{assignments}exec {command}\n"
        with self._log_of(name).open("wb") as log:
            server = self.servers[name] = subprocess.Popen(["bash", "-c", script], env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + START_LIMIT_S
        while not (self._is_up(name, port) and (not shown or output_matches(shown, self._output_of(name)))):
            if server.poll() is not None or time.monotonic() > deadline:
                raise PageError(f"$ {command}\nis not ready or prints something else than:\n{shown}{self._log_tail()}")
            time.sleep(0.1)

    def _is_up(self, name: str, port: int) -> bool:
        """Whether a server answers, or says so: with TLS or on a unix socket its port alone cannot tell."""
        return is_ready(port) or "* Press Ctrl-C to stop" in self._output_of(name)

    def _run_python(self, block: Block) -> None:
        if self.python is None:
            child = str(Path(__file__).with_name("python_child.py"))
            self.python = subprocess.Popen(
                [sys.executable, child],
                env=self.env,
                cwd=self.work,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self.python.stdin is not None
        assert self.python.stdout is not None
        source = self._with_real_ports(block.text)
        request = {"kind": block.language, "source": source, "name": f"block at line {block.line}"}
        self.python.stdin.write(json.dumps(request) + "\n")
        self.python.stdin.flush()
        answer: dict[str, Any] = json.loads(self.python.stdout.readline())
        if answer["problem"]:
            raise PageError(answer["problem"])

    def _with_real_ports(self, text: str) -> str:
        for shown, real in self.ports.items():
            text = re.sub(rf"\b(localhost|127\.0\.0\.1|0\.0\.0\.0):{shown}\b", rf"\g<1>:{real}", text)
        return text

    def _as_shown(self, text: str) -> str:
        text = text.replace(str(self.home), SHOWN_HOME)
        for shown, real in self.ports.items():
            text = re.sub(rf":{real}\b", f":{shown}", text)
        return text

    def _log_of(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _output_of(self, name: str) -> str:
        return self._as_shown(self._log_of(name).read_text(encoding="utf-8", errors="replace"))

    def _log_tail(self) -> str:
        tails = [f"\n{name} log:\n{self._output_of(name)[-4000:]}" for name in ("registry", "server")
                 if self._log_of(name).exists()]  # fmt: skip
        return "".join(tails)
