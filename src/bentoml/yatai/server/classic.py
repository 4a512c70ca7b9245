"""The operations of the classic service over HTTP: `/api/<Operation>`, each answer with a `status`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from bentoml._util.archive_stream import ArchiveLimits
from bentoml._util.archives import extract_tar, unpacked_root
from bentoml._version import __version__
from bentoml.exceptions import BentoMLException, StatusCode
from bentoml.saved_bundle.layout import MANIFEST
from bentoml.types import Tag
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.server import messages
from bentoml.yatai.server.bundles import patterns_of
from bentoml.yatai.server.errors import classic_status
from bentoml.yatai.server.files import archive_of
from bentoml.yatai.server.receiver import bundle_metadata
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import GZIP, About, Query, Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

_PORTION_BYTES = 1 << 20
_ORDERS = {"created_at": SortBy.CREATED_AT, "0": SortBy.CREATED_AT, "name": SortBy.NAME, "1": SortBy.NAME}


class _NotHere(BentoMLException):
    """An operation that this version does not know."""

    proto_status_code = StatusCode.UNIMPLEMENTED


def _answer(**values: Any) -> messages.ClassicAnswer:
    return messages.ClassicAnswer(messages.ClassicStatus(**classic_status()), **values)


def health_check(call: Call) -> messages.ClassicAnswer:
    """OK, when the catalog answers."""
    with call.core.database.read() as connection:
        if connection is not None:
            connection.exec_driver_sql("SELECT 1")
    return _answer()


def get_version(call: Call) -> messages.ClassicAnswer:  # noqa: ARG001 - as all handlers
    """The version of the library."""
    return _answer(version=__version__)


def get_bento(call: Call) -> messages.ClassicAnswer:
    """One bundle."""
    tag = _tag_of(call, Role.READ)
    return _answer(bento=call.core.registry.find(tag).to_json())


def list_bento(call: Call) -> messages.ClassicAnswer:
    """Bundles that match."""
    query = call.query
    found = call.core.registry.list_bentos(
        BentoQuery(
            name=query["bento_name"] or None,
            conditions=parse_label_query(query["label_selectors"]),
            sort_by=_ORDERS[query["order_by"]],
            ascending=query["ascending_order"],
            offset=query["offset"],
            limit=query["limit"],
            **patterns_of(call),
        )
    )
    return _answer(bentos=[bento.to_json() for bento in found])


def delete_bento(call: Call) -> messages.ClassicAnswer:
    """Delete a bundle."""
    given: messages.ClassicTarget = call.body
    call.principal.require(Role.WRITE, given.bento_name)
    call.registry.delete(Tag(given.bento_name, given.bento_version))
    return _answer()


async def upload_bento(call: Call) -> messages.ClassicAnswer:
    """Take an archive in as a bundle."""
    tag = _tag_of(call, Role.WRITE)
    with tempfile.TemporaryDirectory(prefix="bentoml-upload-") as directory:
        archive = Path(directory, "archive")
        with await run_in_threadpool(archive.open, "wb") as file:
            portion = bytearray()
            async for piece in call.pieces(call.core.options.max_bundle_bytes):
                portion += piece
                if len(portion) >= _PORTION_BYTES:
                    taken, portion = bytes(portion), bytearray()
                    await run_in_threadpool(file.write, taken)
            await run_in_threadpool(file.write, bytes(portion))
        bento = await run_in_threadpool(_register, call, tag, archive)
    return _answer(uri=bento.uri.to_json())


def _register(call: Call, tag: Tag, archive: Path) -> Bento:
    limits = ArchiveLimits(max_bytes=call.core.options.max_bundle_bytes)
    with call.core.registry.staging() as staged:
        unpacked = staged / "unpacked"
        unpacked.mkdir()
        extract_tar(archive, unpacked, limits)
        root = unpacked_root(unpacked, MANIFEST)
        moved = root.rename(staged / ".root")
        if unpacked.exists():
            unpacked.rmdir()
        for entry in list(moved.iterdir()):
            entry.rename(staged / entry.name)
        moved.rmdir()
        return call.registry.register(staged, bundle_metadata(staged, tag))


def download_bento(call: Call) -> Response:
    """All files of a bundle."""
    return archive_of(call, _tag_of(call, Role.READ))


def not_here(call: Call) -> None:
    """Say that there is no such thing yet."""
    raise _NotHere(f"{call.route.operation} is not available in this version; upload bundles with UploadBento")


def _tag_of(call: Call, role: Role) -> Tag:
    tag = Tag(call.query["bento_name"], call.query["bento_version"])
    call.principal.require(role, tag.name)
    return tag


_TAG = (
    Query("bento_name", "Name of the service.", most=255, is_required=True),
    Query("bento_version", "Version of the bundle; `latest` for the newest one.", most=255, is_required=True),
)
_LISTING = (
    Query("bento_name", "Exact name of the service.", most=255),
    Query("offset", "Bundles to skip.", kind=int, default=0, most=10_000_000),
    Query("limit", "Most bundles to give.", kind=int, default=40, most=1000),
    Query("order_by", "What decides the order.", default="created_at", choices=tuple(_ORDERS)),
    Query("ascending_order", "Smallest first.", kind=bool, default=False),
    Query("label_selectors", "Label query.", most=4000),
)


def _row(
    method: str, name: str, summary: str, handler: Any, role: Role | None, about: About = About.HANDLER, **more: Any
) -> Route:
    more.setdefault("answer", messages.ClassicAnswer)
    return Route(method, f"/api/{name}", name, summary, handler, role, about, is_classic=True, **more)


_NOT_HERE = "Not in this version."

ROUTES = (
    _row("GET", "HealthCheck", "Say that all is well.", health_check, None, About.NOTHING),
    _row("GET", "GetYataiServiceVersion", "Say which version runs.", get_version, None, About.NOTHING),
    _row("GET", "GetBento", "Get a bundle.", get_bento, Role.READ, query=_TAG, errors=(404,)),
    _row("GET", "ListBento", "List bundles, newest first.", list_bento, Role.READ, query=_LISTING),
    _row(
        "POST",
        "DangerouslyDeleteBento",
        "Delete a bundle.",
        delete_bento,
        Role.WRITE,
        body=messages.ClassicTarget,
        errors=(404,),
    ),
    _row(
        "POST", "DeleteBento", "Delete a bundle.", delete_bento, Role.WRITE, body=messages.ClassicTarget, errors=(404,)
    ),
    _row(
        "POST",
        "UploadBento",
        "Take in a bundle as a tar archive through gzip.",
        upload_bento,
        Role.WRITE,
        query=_TAG,
        body=GZIP,
        errors=(409,),
    ),
    _row(
        "GET",
        "DownloadBento",
        "Give a bundle as a tar archive through gzip.",
        download_bento,
        Role.READ,
        query=_TAG,
        answer=GZIP,
        errors=(404,),
    ),
    *(
        _row("POST", name, _NOT_HERE, not_here, Role.WRITE, errors=(501,))
        for name in ("AddBento", "UpdateBento", "ContainerizeBento")
    ),
)
