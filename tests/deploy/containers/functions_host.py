"""A look-alike of the Functions host, for an image that has no other: it is no host, and knows what is used here only.

As the real one it reads `host.json` and each `function.json` below `AzureWebJobsScriptRoot`, listens where
`ASPNETCORE_URLS` says, starts the custom handler on a free port and waits until that can be connected to, checks the
key of a function, and sends a request on as it came, with an id of its own. It is run by the Python of the image.
https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("AzureWebJobsScriptRoot", "."))  # noqa: SIM112 - the host calls it so
KEY = "key-of-the-function"
START_LIMIT_S = 60


def functions() -> dict[str, str]:
    """Levels of authorization by route; those without a wildcard first."""
    found = {}
    for path in ROOT.glob("*/function.json"):
        trigger, answer = json.loads(path.read_text(encoding="utf-8"))["bindings"]
        assert (trigger["type"], answer["type"]) == ("httpTrigger", "http"), "else requests are not sent on as they are"
        found[trigger["route"]] = trigger["authLevel"]
    return dict(sorted(found.items(), key=lambda item: item[0].startswith("{*")))


def start_handler(settings: dict[str, Any]) -> tuple[subprocess.Popen[bytes], int]:
    """The process of the custom handler, and its port, once it accepts connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    description = settings["description"]
    program = ROOT / description["workingDirectory"] / description["defaultExecutablePath"]
    env = {**os.environ, "FUNCTIONS_CUSTOMHANDLER_PORT": str(port), "FUNCTIONS_HTTPWORKER_PORT": str(port)}
    handler = subprocess.Popen([str(program), *description["arguments"]], cwd=ROOT, env=env)
    end_s = time.monotonic() + START_LIMIT_S
    while not accepts(port):
        assert handler.poll() is None, "the custom handler has ended"
        assert time.monotonic() < end_s, "the custom handler does not listen"
        time.sleep(0.05)
    return handler, port


def accepts(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run until SIGTERM."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    prefix = host["extensions"]["http"]["routePrefix"]
    assert host["customHandler"]["enableForwardingHttpRequest"] is True
    routes = functions()
    handler, handler_port = start_handler(host["customHandler"])

    class Requests(BaseHTTPRequestHandler):
        def respond(self) -> None:
            path = self.path.partition("?")[0].strip("/").removeprefix(prefix).strip("/")
            level = next((level for route, level in routes.items() if route == path or route.startswith("{*")), None)
            if level is None or path.startswith(("admin/", "runtime/")):
                self.answer(404, b"", [])
            elif level != "anonymous" and self.headers.get("x-functions-key") != KEY:
                self.answer(401, b"", [])
            else:
                self.send_on()

        def send_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            own = {"X-Azure-Functions-InvocationId": str(uuid.uuid4()), "User-Agent": "Azure-Functions-Host/4"}
            connection = http.client.HTTPConnection("127.0.0.1", handler_port, timeout=230)
            connection.request(self.command, self.path, body, {**self.headers, **own})
            answer = connection.getresponse()
            self.answer(answer.status, answer.read(), answer.getheaders())
            connection.close()

        def answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in {"connection", "content-length", "date", "server", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = respond  # noqa: N815 - as the library calls them

    def end(*_: object) -> None:
        handler.terminate()
        sys.exit(handler.wait())

    signal.signal(signal.SIGTERM, end)
    port = int(os.environ["ASPNETCORE_URLS"].rpartition(":")[2])
    print("the look-alike listens", flush=True)
    ThreadingHTTPServer(("", port), Requests).serve_forever()


if __name__ == "__main__":
    main()
