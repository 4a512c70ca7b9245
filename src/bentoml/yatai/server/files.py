"""The files of bundles over HTTP: which they are, each by itself, and all in one archive."""

from __future__ import annotations

import os
import queue
import re
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from bentoml._http.security_headers import DATA_HEADERS
from bentoml._util.archives import pack_files, pack_tar
from bentoml.exceptions import NotFound, YataiRepositoryException
from bentoml.types import Tag
from bentoml.yatai.server.bundles import BUNDLE, tag_of
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import BYTES, GZIP, JSON, About, Query, Route
from bentoml.yatai.server.stored_files import stored_file, stored_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bentoml.yatai.bundle_tree import TreeEntry
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

_CHUNK_BYTES = 1 << 20
# Pieces of an archive that wait for a client.
_WAITING = 4
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# Files are true for ever under their digest; who may read them is asked each time.
_KEPT = {**DATA_HEADERS, "cache-control": "private, no-cache", "accept-ranges": "bytes"}


def get_tree(call: Call) -> Response:
    """The list of the files of a bundle."""
    tree = call.core.trees.of(call.core.registry.find(tag_of(call)))
    headers = {**_KEPT, "etag": f'"{tree.digest}"', "content-type": JSON}
    if _is_known(call, tree.digest):
        return Response(status_code=304, headers=headers)
    return Response(tree.document, headers=headers)


def get_file(call: Call) -> Response:
    """One file of a bundle, or a part of it."""
    bento = call.core.registry.find(tag_of(call))
    entry = call.core.trees.of(bento).find(call.path("path"))
    if entry is None:
        raise NotFound(f"{bento.tag} has no file {call.path('path')[:200]!r}; its tree says which it has")
    headers = {**_KEPT, "etag": f'"{entry.digest}"', "content-type": BYTES}
    if _is_known(call, entry.digest):
        return Response(status_code=304, headers=headers)
    start, end = _range_of(call, entry.size_bytes, entry.digest)
    is_part = (start, end) != (0, entry.size_bytes)
    if is_part:
        headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size_bytes}"
    headers["content-length"] = str(end - start)
    if call.request.method == "HEAD":
        return Response(status_code=206 if is_part else 200, headers=headers)
    if call.core.registry.contents.is_remote:
        return stored_file(call, entry, (start, end), headers)
    return StreamingResponse(_pieces(_opened(call, bento, entry), start, end), 206 if is_part else 200, headers)


def _opened(call: Call, bento: Bento, entry: TreeEntry) -> BinaryIO:
    """A file of a bundle that lies in a directory.

    No lock keeps the bundle, which would be written down for each file of it: what is open stays readable, whoever
    deletes the bundle meanwhile, and clients compare what they get with the digest.

    Raises:
        NotFound: the bundle was deleted meanwhile.
        YataiRepositoryException: the file cannot be read, or is not the one that was registered.
    """
    try:
        directory = call.core.registry.contents.directory(bento)
        assert directory is not None, "files that are elsewhere are sent by others"
        file = (directory / entry.path).open("rb")
    except (OSError, YataiRepositoryException) as error:
        call.core.registry.find(Tag(bento.name, bento.version))
        raise YataiRepositoryException(f"{entry.path} of {bento.tag} cannot be read: {error}") from error
    if os.fstat(file.fileno()).st_size != entry.size_bytes:
        file.close()
        raise YataiRepositoryException(f"{entry.path} of {bento.tag} is damaged; see: bentoml yatai check")
    return file


async def _pieces(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    with file:
        await run_in_threadpool(file.seek, start)
        left = end - start
        while left:
            piece = await run_in_threadpool(file.read, min(left, _CHUNK_BYTES))
            if not piece:
                raise YataiRepositoryException("A file became shorter while it was sent")
            left -= len(piece)
            yield piece


def get_archive(call: Call) -> Response:
    """All files of a bundle as a tar archive through gzip."""
    return archive_of(call, tag_of(call))


def archive_of(call: Call, tag: Tag) -> Response:
    """The archive of a bundle; its only directory is called `Name-Version`."""
    bento = call.core.registry.find(tag)
    name = f"{bento.name}-{bento.version}"
    headers = {**DATA_HEADERS, "content-type": GZIP, "cache-control": "no-store"}
    headers["content-disposition"] = f'attachment; filename="{name}.tar.gz"'
    if call.request.method == "HEAD":
        return Response(headers=headers)
    packing = _Packing(call.core.registry, bento, name)
    # Whether there is anything to pack is known before the answer begins.
    packing.start()
    return StreamingResponse(packing.pieces(), headers=headers)


class _Packing:
    """An archive that is made while it is sent: a thread packs, and waits for a client that reads slowly."""

    def __init__(self, registry: LocalRegistry, bento: Bento, root_name: str) -> None:
        self._registry = registry
        self._bento = bento
        self._root_name = root_name
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(_WAITING)
        self._is_over = threading.Event()
        self._first: bytes | None = None

    def start(self) -> None:
        """Begin, and wait for the first piece.

        Raises:
            NotFound: the bundle was deleted meanwhile.
            YataiRepositoryException: its files cannot be read.
        """
        threading.Thread(target=self._pack, name="bundle-archive", daemon=True).start()
        self._first = self._next()

    def _next(self) -> bytes | None:
        piece = self._queue.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def pieces(self) -> AsyncIterator[bytes]:
        """What is packed, as it comes."""
        piece = self._first
        try:
            while piece is not None:
                yield piece
                piece = await run_in_threadpool(self._next)
        finally:
            self._is_over.set()
            with suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()

    def _pack(self) -> None:
        try:
            buffered = _Buffered(self)
            target = cast("IO[bytes]", buffered)
            if self._registry.contents.is_remote:
                pack_files(stored_files(self._registry, self._bento), self._root_name, target)
            else:
                with self._registry.reading(self._bento) as directory:
                    pack_tar(directory, self._root_name, target)
            buffered.flush()
            self.put(None)
        except _NobodyReadsError:
            return
        except BaseException as error:  # noqa: BLE001 - whoever sends the pieces raises it
            with suppress(_NobodyReadsError):
                self.put(error)

    def put(self, piece: bytes | BaseException | None) -> None:
        """Hand over a piece; waits for room."""
        while not self._is_over.is_set():
            with suppress(queue.Full):
                self._queue.put(piece, timeout=1)
                return
        raise _NobodyReadsError


class _NobodyReadsError(Exception):
    """The client has left."""


class _Buffered:
    """A stream that is written to in small pieces and handed on in larger ones."""

    def __init__(self, packing: _Packing) -> None:
        self._packing = packing
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        self._buffer += data
        if len(self._buffer) >= _CHUNK_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._buffer:
            self._packing.put(bytes(self._buffer))
            self._buffer.clear()


def _is_known(call: Call, digest: str) -> bool:
    """Whether the client has a copy with this digest."""
    tags = [tag.strip().removeprefix("W/") for tag in call.request.headers.get("if-none-match", "").split(",")]
    return f'"{digest}"' in tags or tags == ["*"]


def _range_of(call: Call, size_bytes: int, digest: str) -> tuple[int, int]:
    """The first byte that is asked for, and the one behind the last.

    Raises:
        RequestRefused: there are no such bytes.
    """
    text = call.request.headers.get("range")
    if text is None or call.request.headers.get("if-range", f'"{digest}"') != f'"{digest}"':
        return 0, size_bytes
    found = _RANGE.fullmatch(text.replace(" ", ""))
    if found is None or found[0] == "bytes=-":
        # Several ranges, or other units: the whole is a right answer to these.
        return 0, size_bytes
    if found[1] == "":
        start, end = max(0, size_bytes - int(found[2])), size_bytes
    else:
        start = int(found[1])
        end = size_bytes if found[2] == "" else min(size_bytes, int(found[2]) + 1)
    if start >= end:
        raise RequestRefused(
            416, f"The file has {size_bytes} bytes; ask for some of these", {"content-range": f"bytes */{size_bytes}"}
        )
    return start, end


ROUTES = (
    Route(
        "GET",
        f"{BUNDLE}/tree",
        "get_tree",
        "List the files of a bundle with their digests.",
        get_tree,
        Role.READ,
        About.NAME,
        answer=JSON,
        errors=(304, 404),
        headers={"If-None-Match": "Digest of a copy, in quotes."},
    ),
    Route(
        "GET",
        f"{BUNDLE}/files/{{path:path}}",
        "get_file",
        "Get a file of a bundle, or a part of it.",
        get_file,
        Role.READ,
        About.NAME,
        query=(
            Query(
                "redirect", "Answer with 307 and an address of the bucket, where it has one.", kind=bool, default=False
            ),
        ),
        answer=BYTES,
        errors=(206, 304, 307, 404, 416),
        headers={"Range": "Bytes to give, such as `bytes=100-`.", "If-None-Match": "Digest of a copy, in quotes."},
    ),
    Route(
        "GET",
        f"{BUNDLE}/archive",
        "get_archive",
        "Get all files of a bundle as a tar archive through gzip.",
        get_archive,
        Role.READ,
        About.NAME,
        answer=GZIP,
        errors=(404,),
    ),
)
