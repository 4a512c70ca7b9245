"""A look-alike of the dashboard of a Ray cluster: it takes applications, packages and jobs, and runs nothing.

Errors it answers are those that a dashboard of Ray 2.60 has been seen to answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

APPLICATIONS, JOBS, PACKAGES = "/api/serve/applications/", "/api/jobs/", "/api/packages/gcs/"


@dataclass
class LookAlike:
    """What it has been given, by names.

    Attributes:
        refusal: is answered to the next list of applications.
        token: has to come with each request; None for none.
    """

    address: str = ""
    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, bytes] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    refusal: str | None = None
    token: str | None = None
    server: ThreadingHTTPServer | None = None

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == APPLICATIONS:
            return self._answer_about_applications(method, body)
        if path.startswith(PACKAGES):
            self.packages[path.removeprefix(PACKAGES)] = body
            return 200, ""
        if (method, path) == ("POST", JOBS):
            document = json.loads(body)
            name = document["submission_id"]
            if name in self.jobs:
                return 500, f"ValueError: Job with submission_id {name} already exists."
            self.jobs[name] = {**document, "status": "RUNNING"}
            return 200, {"submission_id": name}
        return self._answer_about_job(method, *path.removeprefix(JOBS).partition("/")[::2])

    def _answer_about_applications(self, method: str, body: bytes) -> tuple[int, Any]:
        if method == "GET":
            return 200, {**self.cluster, "applications": self.applications}
        if self.refusal is not None:
            return 400, self.refusal
        kept = {name: each for name, each in self.applications.items() if each["source"] == "imperative"}
        self.applications = kept | {
            each["name"]: self.applications.get(each["name"], {}) | described(each)
            for each in json.loads(body)["applications"]
        }
        self.cluster = {key: value for key, value in json.loads(body).items() if key != "applications"}
        return 200, ""

    def _answer_about_job(self, method: str, name: str, verb: str) -> tuple[int, Any]:
        if name not in self.jobs:
            return 404, f"Job {name} does not exist"
        if method == "DELETE":
            if self.jobs[name]["status"] == "RUNNING":
                return 500, f"Job {name} is not in a terminal state"
            return 200, {"deleted": self.jobs.pop(name) is not None}
        if verb == "stop":
            self.jobs[name]["status"] = "STOPPED"
            return 200, {"stopped": True}
        return 200, self.jobs[name]


def described(document: dict[str, Any], source: str = "declarative") -> dict[str, Any]:
    """An application as the dashboard describes it."""
    replicas = [{"replica_id": "a", "state": "RUNNING"}]
    return {
        "name": document["name"],
        "route_prefix": document.get("route_prefix"),
        "status": "RUNNING",
        "message": "",
        "source": source,
        "deployed_app_config": document,
        "deployments": {"Server": {"status": "HEALTHY", "message": "", "replicas": replicas}},
    }


@contextmanager
def running_lookalike() -> Iterator[LookAlike]:
    found = LookAlike()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status, answer = 401, "Unauthorized: Missing authentication token"
            if found.token is None or self.headers["authorization"] == f"Bearer {found.token}":
                status, answer = found.answer(self.command, self.path, body)
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nobody reads it."""

    found.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{found.server.server_address[1]}"
    thread = Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join()
