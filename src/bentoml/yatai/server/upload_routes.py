"""Uploads over HTTP; see `uploads.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bentoml._http.security_headers import NOT_KEPT
from bentoml.exceptions import InvalidArgument
from bentoml.types import Tag
from bentoml.yatai.server import messages
from bentoml.yatai.server.bundles import bundle_message
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.receiver import Upload
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import BYTES, Route

if TYPE_CHECKING:
    from bentoml.yatai.server.call import Call
    from bentoml.yatai.server.receiver import Receiver

# So much is written at a time.
_PORTION_BYTES = 1 << 20


def begin_upload(call: Call) -> messages.UploadState:
    """Begin an upload, or go on with one."""
    given: messages.NewUpload = call.body
    call.principal.require(Role.WRITE, given.name)
    begun = call.core.uploads.begin(Tag(given.name, given.version), given.tree, given.labels, call.principal.name)
    if isinstance(begun, Upload):
        return _state(call, begun)
    return messages.UploadState(id=None, expires_at=None, missing=[], bundle=bundle_message(begun))


def get_upload(call: Call) -> messages.UploadState:
    """What has come of an upload."""
    return _state(call, _found(call))


async def send_content(call: Call) -> Response:
    """Append bytes to a content."""
    upload = await run_in_threadpool(_found, call)
    digest, offset = call.path("digest"), _offset_of(call)
    uploads = call.core.uploads
    # What is known to be too much is refused before it is read.
    room = upload.tree.contents.get(digest, 0) - offset
    announced = call.request.headers.get("content-length")
    try:
        with uploads.receiving(upload, digest, offset) as receiver:
            if announced is not None and int(announced) > room:
                raise InvalidArgument(f"the content has {receiver.size_bytes} bytes, and more are on their way")
            await _receive(call, receiver)
            await run_in_threadpool(receiver.finish)
    finally:
        await run_in_threadpool(uploads.keep_longer, upload)
    headers = {**NOT_KEPT, "upload-offset": str(receiver.offset)}
    return Response(status_code=204, headers=headers)


async def _receive(call: Call, receiver: Receiver) -> None:
    portion = bytearray()
    try:
        async for piece in call.pieces(receiver.size_bytes - receiver.offset):
            portion += piece
            if len(portion) >= _PORTION_BYTES:
                taken, portion = bytes(portion), bytearray()
                await run_in_threadpool(receiver.take, taken)
    finally:
        # Also when the client has left: what has come need not come again.
        if portion:
            await run_in_threadpool(receiver.take, bytes(portion))


def commit_upload(call: Call) -> messages.Bundle:
    """Make a bundle of an upload."""
    return bundle_message(call.core.uploads.commit(_found(call), call.principal.name))


def abandon_upload(call: Call) -> None:
    """Give an upload up."""
    call.core.uploads.abandon(_found(call))


def _found(call: Call) -> Upload:
    upload = call.core.uploads.find(call.path("id"))
    call.principal.require(Role.WRITE, upload.tag.name)
    return upload


def _offset_of(call: Call) -> int:
    text = call.request.headers.get("upload-offset", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise RequestRefused(400, "Say where in the content the bytes begin, with the header Upload-Offset")
    return int(text)


def _state(call: Call, upload: Upload) -> messages.UploadState:
    missing = [
        messages.MissingContent(item.digest, item.size_bytes, item.offset) for item in call.core.uploads.missing(upload)
    ]
    return messages.UploadState(id=upload.id, expires_at=upload.expires_at, missing=missing, bundle=None)


_UPLOADS = "/api/v1/uploads"
_UPLOAD = f"{_UPLOADS}/{{id}}"

ROUTES = (
    Route(
        "POST",
        _UPLOADS,
        "begin_upload",
        "Begin an upload, or go on with the one of the same tag and files.",
        begin_upload,
        Role.WRITE,
        body=messages.NewUpload,
        answer=messages.UploadState,
        errors=(409,),
        has_tree=True,
    ),
    Route(
        "GET",
        _UPLOAD,
        "get_upload",
        "Say what has still to come of an upload.",
        get_upload,
        Role.WRITE,
        answer=messages.UploadState,
        errors=(404,),
    ),
    Route(
        "PATCH",
        f"{_UPLOAD}/blobs/{{digest}}",
        "send_content",
        "Append bytes to a content of an upload; the last one is followed by the check of the digest.",
        send_content,
        Role.WRITE,
        body=BYTES,
        status=204,
        errors=(404, 409, 422),
        headers={"Upload-Offset": "Where in the content the bytes begin."},
    ),
    Route(
        "POST",
        f"{_UPLOAD}/commit",
        "commit_upload",
        "Make a bundle of an upload whose contents are all there.",
        commit_upload,
        Role.WRITE,
        answer=messages.Bundle,
        errors=(404, 409),
    ),
    Route(
        "DELETE",
        _UPLOAD,
        "abandon_upload",
        "Give an upload up.",
        abandon_upload,
        Role.WRITE,
        status=204,
        errors=(404,),
    ),
)
