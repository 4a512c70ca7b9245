"""What only the build may see gets to pip and setup.sh, and into nothing that somebody has who has the image."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.deploy.containers.running import BENTOML, MARKS, ask, container, save, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.containers.machine import Machine

pytestmark = MARKS
PASSWORD = 'it\'s $(hunter2) "secret"'
QUOTED = "it%27s%20%24%28hunter2%29%20%22secret%22"
TOKEN = "line one\nline 'two' \\ `id`"
WHEEL = "doubling-1.0-py3-none-any.whl"
WHEEL_FILE = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SERVICE = """
import bentoml
from bentoml.adapters import JsonInput

SETUP = '''#!/bin/sh
printf %s "$SETUP_TOKEN" | sha256sum | cut -c 1-64 >/digest
test -z "${SETUP_EMPTY-unset}"
'''


@bentoml.env(
    pip_packages=["doubling"],
    pip_extra_index_url="http://${INDEX_USER}:${INDEX_PASSWORD}@127.0.0.1:PORT/simple",
    setup_sh=SETUP,
)
class Doubler(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def double(self, number):
        from doubling import double

        return double(number)


if __name__ == "__main__":
    Doubler().save(version="1")
"""


def wheel() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("doubling.py", "def double(number):\n    return 2 * number\n")
        archive.writestr("doubling-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: doubling\nVersion: 1.0\n")
        archive.writestr(
            "doubling-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("doubling-1.0.dist-info/RECORD", "")
    return output.getvalue()


@contextmanager
def private_index(user: str, password: str) -> Iterator[int]:
    """A package index that answers those who know the password; its port."""
    expected = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    content = wheel()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {"/simple/doubling/": f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(), f"/{WHEEL}": content}
            allowed = self.headers.get("Authorization") == expected
            status = 200 if allowed and self.path in pages else 404 if allowed else 401
            body = pages[self.path] if status == 200 else b""
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_secrets_reach_pip_and_setup_sh_and_no_layer_history_or_label(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with private_index("ada", PASSWORD) as port:
        save(SERVICE.replace("PORT", str(port)), tmp_path, tmp_path / "work")
        env = {"BENTOML_HOME": str(tmp_path), "MY_PASSWORD": QUOTED, "MY_USER": "ada", "EMPTY": ""}
        words = ("--secret", f"id=SETUP_TOKEN,src={tmp_path}/token", "--secret", "id=INDEX_PASSWORD,env=MY_PASSWORD")
        more = ("--secret", "id=INDEX_USER,env=MY_USER", "--secret", "id=SETUP_EMPTY,env=EMPTY")
        for engine in ("podman", "buildah"):
            argv = (
                BENTOML,
                "containerize",
                "Doubler:1",
                "-t",
                f"doubler-of-{engine}",
                "--engine",
                engine,
                *words,
                *more,
            )
            machine.run(*argv, check=True, **env)
    for engine in ("podman", "buildah"):
        image = f"localhost/doubler-of-{engine}:1"
        with container(machine, "--", image) as (found, port):
            wait_until_ready(machine, found, port)
            assert ask(port, "/double", "4") == (200, "8")
            digest = machine.run("podman", "exec", found, "cat", "/digest")
            assert digest == hashlib.sha256(TOKEN.encode()).hexdigest()
            assert "INDEX_PASSWORD" not in machine.run("podman", "exec", found, "env")
        saved = tmp_path / f"{engine}.tar"
        machine.run("podman", "save", "-q", "-o", str(saved), image)
        everything = saved.read_bytes() + machine.run("podman", "history", "--no-trunc", image).encode()
        assert b"doubling" in everything
        for secret in (PASSWORD, QUOTED, "hunter2", TOKEN, "line 'two'"):
            assert secret.encode() not in everything, secret
