"""The interface of Lambda that the client of its runtime, awslambdaric, talks to, on this machine."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PREFIX = "/2018-06-01/runtime"
_LIMIT_S = 60.0


@dataclass
class Runtime:
    """A client that waits for events.

    Attributes:
        process: of the client.
        events: body of each event that it will be given.
        answers: the last part of the path it answered at (`response` or `error`), and the document.
    """

    process: subprocess.Popen[str]
    events: queue.Queue[bytes]
    answers: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)

    def invoke(self, event: Mapping[str, Any]) -> tuple[str, Any]:
        self.events.put(json.dumps(event).encode())
        return self.answer()

    def answer(self) -> tuple[str, Any]:
        return self.answers.get(timeout=_LIMIT_S)


@contextmanager
def running_function(argv: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> Iterator[Runtime]:
    """Start a program that is the client, or has it in a container."""
    events: queue.Queue[bytes] = queue.Queue()
    answers: queue.Queue[tuple[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", "request")
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + _LIMIT_S) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:f")
            self.send_header("Content-Type", "application/json")  # without it the client crashes
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answers.put((self.path.rpartition("/")[2], json.loads(body)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    env = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        **variables,
    }
    with subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            yield Runtime(process, events, answers)
        finally:
            process.kill()
            events.put(b"{}")  # for the thread that waits for one
            server.shutdown()
            server.server_close()
            thread.join()
