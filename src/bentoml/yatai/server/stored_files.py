"""Files of bundles that are in a bucket: sent on as they come, or by an address that the client asks itself."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from bentoml._http.security_headers import DATA_HEADERS
from bentoml._util.archives import PackedFile
from bentoml.exceptions import BundleIntegrityException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from bentoml.yatai.bundle_tree import TreeEntry
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

_CHUNK_BYTES = 1 << 20


def stored_file(call: Call, entry: TreeEntry, part: tuple[int, int], headers: Mapping[str, str]) -> Response:
    """The answer to a request for a file.

    Whoever asks for it with `?redirect=true` gets an address that is good for some minutes, and for whoever knows it:
    it is sent once, kept by nobody, and asked without the token of the registry.

    Args:
        call: the request.
        entry: the file.
        part: the first byte that is asked for, and the one behind the last.
        headers: of an answer with the bytes.
    """
    contents = call.core.registry.contents
    if call.query["redirect"]:
        url = contents.signed_url(entry.digest, call.core.options.signed_s)
        if url is not None:
            return Response(status_code=307, headers={**DATA_HEADERS, "cache-control": "no-store", "location": url})
    start, end = part
    stack = ExitStack()
    # What is wrong with the bucket is known before the answer begins.
    stream = stack.enter_context(contents.open(entry.digest, start, end - start))
    return StreamingResponse(_pieces(stack, stream.chunks), 206 if "content-range" in headers else 200, headers)


def stored_files(registry: LocalRegistry, bento: Bento) -> Iterator[PackedFile]:
    """The files of a bundle for an archive; each is compared with its digest as it is read."""
    contents = registry.contents

    @contextmanager
    def opened(entry: TreeEntry) -> Iterator[Iterator[bytes]]:
        with contents.open(entry.digest) as stream:
            yield _checked(entry, stream.chunks)

    for entry in registry.tree(bento):
        yield PackedFile(entry.path, entry.size_bytes, entry.executable, partial(opened, entry))


def _checked(entry: TreeEntry, chunks: Iterator[bytes]) -> Iterator[bytes]:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
        yield chunk
    if found.hexdigest() != entry.sha256:
        raise BundleIntegrityException(f"{entry.path} is damaged in the bucket; see: bentoml yatai check --deep")


async def _pieces(stack: ExitStack, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    with stack:
        while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
            for offset in range(0, len(chunk), _CHUNK_BYTES):
                yield chunk[offset : offset + _CHUNK_BYTES]
