"""What `scripts/demo` does once the environment stands: train, pack, save, list, serve, ask, stop."""

from __future__ import annotations

import contextlib
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
BENTOML = str(Path(sys.executable).with_name("bentoml"))
START_LIMIT_S = 90.0
STOP_LIMIT_S = 30.0
CLIENTS = 64


class DemoError(Exception):
    """A step did not do what it should; the text says which."""


@dataclass(frozen=True)
class Ask:
    """One request and the answer that it must get: the status, and a text that stands in the body."""

    path: str
    status: int
    contains: str
    body: str | None = None
    content_type: str = "application/json"

    def as_curl(self, port: int) -> str:
        """The same request as a command line."""
        words = ["curl"]
        if self.body is not None:
            words += ["-X", "POST", "-H", f"Content-Type: {self.content_type}", "--data-binary", self.body]
        return shlex.join([*words, f"http://127.0.0.1:{port}{self.path}"])


ASKS = (
    Ask("/predict", 200, "[0]", body="[[5.1, 3.5, 1.4, 0.2]]"),
    Ask("/predict", 200, "[0, 1, 2]", body="[[5.1, 3.5, 1.4, 0.2], [5.9, 2.8, 4.3, 1.3], [6.9, 3.1, 5.4, 2.1]]"),
    Ask("/predict", 200, "[2]", body="a,b,c,d\n6.9,3.1,5.4,2.1\n", content_type="text/csv"),
    Ask("/predict", 400, "", body="{bad"),
    Ask("/metadata", 200, '"algorithm"'),
    Ask("/healthz", 200, "\n"),
)


def announce(text: str) -> None:
    """Prints a heading."""
    print(f"\n== {text}", flush=True)


def demo_environment() -> dict[str, str]:
    """The variables the steps run with: the demo's own home directory, and no colours or settings from outside."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BENTOML_")}
    env["BENTOML_HOME"] = os.environ.get("BENTOML_HOME", str(ROOT / ".demo"))
    return env


def step(argv: list[str], env: dict[str, str], cwd: Path | None = None) -> str:
    """Runs one command to its end, shows it with its output, and returns what it printed.

    Raises:
        DemoError: when it exits with anything but 0.
    """
    print("$ " + shlex.join([Path(argv[0]).name, *argv[1:]]), flush=True)
    done = subprocess.run(argv, env=env, cwd=cwd, text=True, stdout=subprocess.PIPE, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        raise DemoError(f"{shlex.join(argv)} exited with {done.returncode}")
    return done.stdout


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(port: int, ask: Ask) -> tuple[int, str]:
    """Sends one request; returns the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        if ask.body is None:
            connection.request("GET", ask.path)
        else:
            connection.request("POST", ask.path, ask.body.encode(), {"Content-Type": ask.content_type})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    """Returns when the server says that a worker can answer.

    Raises:
        DemoError: when it exits first, or is not ready within `START_LIMIT_S`.
    """
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DemoError(f"the server ended while starting, exit code {server.returncode}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            if fetch(port, Ask("/readyz", 200, ""))[0] == 200:
                return
        time.sleep(0.1)
    raise DemoError(f"the server was not ready within {START_LIMIT_S:.0f} s")


def stop(server: subprocess.Popen[bytes]) -> None:
    """Asks the server to stop, waits for it.

    Raises:
        DemoError: when it exits with anything but 0.
        subprocess.TimeoutExpired: when it is still there after `STOP_LIMIT_S`.
    """
    server.send_signal(signal.SIGTERM)
    code = server.wait(STOP_LIMIT_S)
    if code != 0:
        raise DemoError(f"the server stopped with exit code {code}")


@contextlib.contextmanager
def served(bento: str, port: int, env: dict[str, str]) -> Iterator[None]:
    """Serves a saved bundle while the block runs, then stops the server and looks at its exit code."""
    argv = [BENTOML, "serve", bento, "--port", str(port)]
    print("$ " + shlex.join(["bentoml", *argv[1:]]), flush=True)
    log_path = Path(env["BENTOML_HOME"]) / "demo-server.log"
    with log_path.open("wb") as log:
        server = subprocess.Popen(argv, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(server, port)
        yield
        stop(server)
    except (DemoError, subprocess.TimeoutExpired):
        sys.stderr.write(log_path.read_text(errors="replace"))
        raise
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def converse(port: int) -> None:
    """Sends every request of `ASKS` and shows it like a session with curl.

    Raises:
        DemoError: when an answer is not the expected one.
    """
    for ask in ASKS:
        print("$ " + ask.as_curl(port), flush=True)
        status, body = fetch(port, ask)
        shown = json.dumps(json.loads(body), indent=2) if ask.path == "/metadata" else body.strip()
        print(f"HTTP {status}" + (f"\n{shown}" if shown else ""), flush=True)
        if status != ask.status or ask.contains not in body:
            raise DemoError(f"{ask.path} answered {status} {body!r}, expected {ask.status} with {ask.contains!r}")


def crowd(port: int) -> None:
    """Lets many clients ask at once, each about its own rows, and says how many calls of the model that took.

    Raises:
        DemoError: when one of them does not get its own answer.
    """
    flowers = ("[5.1, 3.5, 1.4, 0.2]", "[5.9, 2.8, 4.3, 1.3]", "[6.9, 3.1, 5.4, 2.1]")
    asks = [Ask("/predict", 200, f"[{number % 3}]", body=f"[{flowers[number % 3]}]") for number in range(CLIENTS)]
    calls_before = model_calls(port)
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda ask: fetch(port, ask), asks))
    wrong = [answer for ask, answer in zip(asks, answers, strict=True) if answer != (ask.status, ask.contains)]
    if wrong:
        raise DemoError(f"{len(wrong)} of {CLIENTS} clients got another answer than their own, such as {wrong[0]}")
    calls = model_calls(port) - calls_before
    print(f"{CLIENTS} clients at once: each got its own answer, from {calls} calls of the model.")


def model_calls(port: int) -> int:
    """How often the model has been called for a batch, as the server's metrics tell."""
    _, text = fetch(port, Ask("/metrics", 200, ""))
    counts = re.findall(r'_mb_batch_size_count\{endpoint="predict"\} (\d+)', text)
    if not counts:
        raise DemoError("/metrics does not count batches")
    return int(counts[0])


def run_demo() -> None:
    """The whole flow."""
    env = demo_environment()
    Path(env["BENTOML_HOME"]).mkdir(parents=True, exist_ok=True)
    announce("Train a model, pack it, save the bundle (examples/iris)")
    step([sys.executable, "bento_packer.py"], env, cwd=ROOT / "examples" / "iris")
    announce("What the local repository holds")
    step([BENTOML, "list"], env)
    saved_path = step([BENTOML, "get", "IrisClassifier:latest", "--print-location", "--quiet"], env).strip()
    announce("Serve it and ask it")
    port = free_port()
    with served("IrisClassifier:latest", port, env):
        converse(port)
        crowd(port)
        if fetch(port, Ask("/docs", 200, ""))[0] != 200:
            raise DemoError("/docs does not show Swagger UI")
        print(f"\nSwagger UI while it ran: http://127.0.0.1:{port}/docs")
    print("The server stopped cleanly.")
    print(f"The bundle stays here:   {saved_path}")
    home = shlex.quote(env["BENTOML_HOME"])
    print(f"Serve it again with:     BENTOML_HOME={home} {BENTOML} serve IrisClassifier:latest")


if __name__ == "__main__":
    try:
        run_demo()
    except (DemoError, subprocess.TimeoutExpired) as problem:
        sys.exit(f"error: {problem}")
