"""A small package index on this machine, which uv or pip asks, and no other."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pytest


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and prints nothing about it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the base
        pass


@dataclass(frozen=True)
class Index:
    """A package index (PEP 503): pages and files in a directory, and its address."""

    root: Path
    url: str

    def add(
        self, name: str, version: str, tag: str = "py3-none-any", *, with_hash: bool = True, needs: Sequence[str] = ()
    ) -> str:
        """Put a wheel that holds nothing into it; its digest, which the page of the name may tell."""
        headers = "".join(f"Requires-Dist: {need}\n" for need in needs)
        file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        page = self.root / "simple" / name
        page.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(page / file, "w") as archive:
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{headers}")
            archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            archive.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256((page / file).read_bytes()).hexdigest()
        with (page / "index.html").open("a") as html:
            html.write(f'<a href="{quote(file)}{f"#sha256={digest}" if with_hash else ""}">{file}</a><br>\n')
        return digest


@contextmanager
def running_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An empty index."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    root = tmp_path / "index"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Index(root, f"http://127.0.0.1:{server.server_port}/simple/")
    server.shutdown()
    thread.join()
    server.server_close()
