"""The user's own web pages, saved in the bundle by `@web_static_content`."""

from __future__ import annotations

import os
import re
from mimetypes import MimeTypes
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, RedirectResponse, Response

from bentoml.server.pages.documents import REVALIDATE, matches

if TYPE_CHECKING:
    from starlette.requests import Request

INDEX = "index.html"
UNKNOWN_TYPE = "application/octet-stream"
_is_single_range = re.compile(rb"bytes=[0-9]{0,19}-[0-9]{0,19}").fullmatch
_MEDIA_TYPES = {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".onnx": "application/octet-stream",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


class WebContent:
    """The files below a directory, found once: a request can only name one of them, so it cannot leave the directory.

    Links, pipes and the like are left out, and so are names that begin with a dot, except `.well-known`.

    Args:
        root: the directory.
    """

    def __init__(self, root: Path) -> None:
        self._files = dict(_files_below(root))
        # Python's own table, not the machine's, which differs from one to the next.
        self._types = MimeTypes(filenames=())
        for suffix, media_type in _MEDIA_TYPES.items():
            self._types.add_type(media_type, suffix)
        self._directories = {name.rpartition("/")[0] for name in self._files if name.rpartition("/")[2] == INDEX}

    @property
    def has_index(self) -> bool:
        """Whether there is a page for `/`."""
        return "" in self._directories

    def knows(self, path: str) -> bool:
        """Whether a decoded request path, with its leading slash, leads to a file or a directory's page."""
        return self._find(path) is not None or self._is_directory(path)

    async def respond(self, path: str, request: Request) -> Response | None:
        """Answer a GET or HEAD request; None when nothing is there."""
        file = self._find(path)
        if file is not None:
            return await _send_file(file, self._types.guess_type(file.name)[0] or UNKNOWN_TYPE, request)
        if self._is_directory(path):
            # With the slash, relative links in the page lead where its author meant. "./" keeps the target here.
            return RedirectResponse(f"./{quote(path.rpartition('/')[2])}/", status_code=307)
        return None

    def _is_directory(self, path: str) -> bool:
        return path != "/" and path[1:] in self._directories

    def _find(self, path: str) -> Path | None:
        name = path[1:]
        found = self._files.get(name)
        if found is not None:
            return found
        if name == "" or name.endswith("/"):
            return self._files.get(name + INDEX)
        if name == "index" or name.endswith("/index"):
            return self._files.get(f"{name}.html")
        return None


def _files_below(root: Path) -> list[tuple[str, Path]]:
    """(name relative to `root` with `/` between parts, path) of every file that may be sent."""
    found = []
    for directory, directory_names, file_names in os.walk(root):
        here = Path(directory)
        directory_names[:] = [name for name in directory_names if _is_public(name)]
        found += [
            ((here / name).relative_to(root).as_posix(), here / name)
            for name in file_names
            if _is_public(name) and (here / name).is_file() and not (here / name).is_symlink()
        ]
    return found


def _is_public(name: str) -> bool:
    return not name.startswith(".") or name == ".well-known"


async def _send_file(path: Path, media_type: str, request: Request) -> Response | None:
    try:
        stat = await run_in_threadpool(path.stat)
    except FileNotFoundError:
        return None
    _keep_single_range(request)
    response = FileResponse(path, media_type=media_type, headers={"cache-control": REVALIDATE}, stat_result=stat)
    tag = response.headers["etag"]
    if matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers={"etag": tag, "cache-control": REVALIDATE})
    return response


def _keep_single_range(request: Request) -> None:
    """Ignore a request for many ranges, which a server may do: sorting out thousands of them would take its time."""
    headers = request.scope["headers"]
    if any(name == b"range" and not _is_single_range(value) for name, value in headers):
        request.scope["headers"] = [pair for pair in headers if pair[0] != b"range"]
