"""AddBento, UploadBento and UpdateBento: how clients of the classic service bring a bundle, in three steps.

AddBento takes the tag, UploadBento brings the files and makes the bundle of them, UpdateBento says what else is known
of it. What a bundle contains is always read from its manifest; of what UpdateBento sends, labels and status count.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from bentoml._util.archive_stream import ArchiveLimits
from bentoml._util.archives import extract_tar, unpacked_root
from bentoml.exceptions import BentoMLException, NotFound, StatusCode, YataiServiceRpcAborted
from bentoml.saved_bundle.layout import MANIFEST
from bentoml.service.naming import validate_service_name, validate_version_str
from bentoml.types import Tag
from bentoml.yatai.server import messages
from bentoml.yatai.server.classic_form import TAG, ClassicImage, ClassicUpdate, answer, classic_route, tag_of
from bentoml.yatai.server.receiver import bundle_metadata
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import GZIP

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

_PORTION_BYTES = 1 << 20


class _RefusedToBuild(BentoMLException):
    """Images are built elsewhere."""

    proto_status_code = StatusCode.UNIMPLEMENTED


def add_bento(call: Call) -> messages.ClassicAnswer:
    """Take a tag for a bundle."""
    tag = _target(call)
    uri = call.core.reservations.reserve(tag, call.principal.name)
    return answer(uri=uri.to_json())


async def upload_bento(call: Call) -> messages.ClassicAnswer:
    """Take an archive in as a bundle."""
    tag = tag_of(call, Role.WRITE)
    with ExitStack() as stack:
        # Where bundles are made there is room for one; temporary directories are often in memory.
        staged = await run_in_threadpool(stack.enter_context, call.core.registry.staging())
        archive = staged.with_name("archive")
        with await run_in_threadpool(archive.open, "wb") as file:
            portion = bytearray()
            async for piece in call.pieces(call.core.options.max_bundle_bytes):
                portion += piece
                if len(portion) >= _PORTION_BYTES:
                    taken, portion = bytes(portion), bytearray()
                    await run_in_threadpool(file.write, taken)
            await run_in_threadpool(file.write, bytes(portion))
        bento = await run_in_threadpool(_register, call, tag, archive, staged)
    return answer(uri=bento.uri.to_json())


def _register(call: Call, tag: Tag, archive: Path, staged: Path) -> Bento:
    limits = ArchiveLimits(max_bytes=call.core.options.max_bundle_bytes)
    # Beside the bundle, as it may hold files of any name.
    unpacked = staged.with_name("unpacked")
    unpacked.mkdir()
    extract_tar(archive, unpacked, limits)
    staged.rmdir()
    unpacked_root(unpacked, MANIFEST).rename(staged)
    metadata = bundle_metadata(staged, tag)
    call.core.reservations.give_way(tag)
    return call.registry.register(staged, metadata)


def update_bento(call: Call) -> messages.ClassicAnswer:
    """Change what was sent of a bundle, and nothing else."""
    given: ClassicUpdate = call.body
    tag = _target(call)
    status = given.upload_status
    if status is not None and status.status in {"ERROR", "TIMEOUT"}:
        call.core.reservations.fail(tag, status.error_message or f"the client says {status.status}")
        return answer()
    if status is not None and status.status != "DONE":
        call.core.reservations.keep(tag)
        return answer()
    try:
        call.core.registry.find(tag)
    except NotFound as error:
        raise YataiServiceRpcAborted(f"{tag} has no files yet; send them with UploadBento first") from error
    if given.service_metadata is not None and given.service_metadata.labels is not None:
        call.registry.set_labels(tag, given.service_metadata.labels)
    return answer()


def containerize_bento(call: Call) -> None:
    """Refuse to build an image here: that would run code of the bundle on the machine of all bundles."""
    given: ClassicImage = call.body
    call.principal.require(Role.WRITE, given.bento_name)
    raise _RefusedToBuild(
        "This registry builds no images, as code of the bundle would run on its machine; build it on yours: bentoml "
        f"containerize {given.bento_name}:{given.bento_version} --yatai-url URL"
    )


def _target(call: Call) -> Tag:
    given: Any = call.body
    call.principal.require(Role.WRITE, given.bento_name)
    return Tag(validate_service_name(given.bento_name), validate_version_str(given.bento_version))


ROUTES = (
    classic_route(
        "POST",
        "AddBento",
        "Take a tag for a bundle whose files come with UploadBento, within an hour.",
        add_bento,
        Role.WRITE,
        body=messages.ClassicTarget,
        errors=(409,),
    ),
    classic_route(
        "POST",
        "UploadBento",
        "Take in a bundle as a tar archive through gzip.",
        upload_bento,
        Role.WRITE,
        query=TAG,
        body=GZIP,
        errors=(409,),
    ),
    classic_route(
        "POST",
        "UpdateBento",
        "Replace all labels of a bundle, or say how its upload goes; what is not sent stays.",
        update_bento,
        Role.WRITE,
        body=ClassicUpdate,
        errors=(404, 409),
    ),
    classic_route(
        "POST",
        "ContainerizeBento",
        "Refused: images are built elsewhere.",
        containerize_bento,
        Role.WRITE,
        body=ClassicImage,
        errors=(501,),
    ),
)
