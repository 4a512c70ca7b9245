"""The operations of the classic service that look at bundles, or delete them: `/api/<Operation>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml._version import __version__
from bentoml.types import Tag
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.server import messages
from bentoml.yatai.server.bundles import patterns_of
from bentoml.yatai.server.classic_form import TAG, answer, classic_route, tag_of
from bentoml.yatai.server.files import archive_of
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import GZIP, About, Query

if TYPE_CHECKING:
    from starlette.responses import Response

    from bentoml.yatai.server.call import Call

_ORDERS = {"created_at": SortBy.CREATED_AT, "0": SortBy.CREATED_AT, "name": SortBy.NAME, "1": SortBy.NAME}


def health_check(call: Call) -> messages.ClassicAnswer:
    """OK, when the catalog answers."""
    with call.core.database.read() as connection:
        if connection is not None:
            connection.exec_driver_sql("SELECT 1")
    return answer()


def get_version(call: Call) -> messages.ClassicAnswer:  # noqa: ARG001 - as all handlers
    """The version of the library."""
    return answer(version=__version__)


def get_bento(call: Call) -> messages.ClassicAnswer:
    """One bundle."""
    tag = tag_of(call, Role.READ)
    return answer(bento=call.core.registry.find(tag).to_json())


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
    return answer(bentos=[bento.to_json() for bento in found])


def delete_bento(call: Call) -> messages.ClassicAnswer:
    """Delete a bundle."""
    given: messages.ClassicTarget = call.body
    call.principal.require(Role.WRITE, given.bento_name)
    call.registry.delete(Tag(given.bento_name, given.bento_version))
    return answer()


def download_bento(call: Call) -> Response:
    """All files of a bundle."""
    return archive_of(call, tag_of(call, Role.READ))


_LISTING = (
    Query("bento_name", "Exact name of the service.", most=255),
    Query("offset", "Bundles to skip.", kind=int, default=0, most=10_000_000),
    Query("limit", "Most bundles to give.", kind=int, default=40, most=1000),
    Query("order_by", "What decides the order.", default="created_at", choices=tuple(_ORDERS)),
    Query("ascending_order", "Smallest first.", kind=bool, default=False),
    Query("label_selectors", "Label query.", most=4000),
)


ROUTES = (
    classic_route("GET", "HealthCheck", "Say that all is well.", health_check, None, About.NOTHING),
    classic_route("GET", "GetYataiServiceVersion", "Say which version runs.", get_version, None, About.NOTHING),
    classic_route("GET", "GetBento", "Get a bundle.", get_bento, Role.READ, query=TAG, errors=(404,)),
    classic_route("GET", "ListBento", "List bundles, newest first.", list_bento, Role.READ, query=_LISTING),
    classic_route(
        "POST",
        "DangerouslyDeleteBento",
        "Delete a bundle.",
        delete_bento,
        Role.WRITE,
        body=messages.ClassicTarget,
        errors=(404,),
    ),
    classic_route(
        "POST", "DeleteBento", "Delete a bundle.", delete_bento, Role.WRITE, body=messages.ClassicTarget, errors=(404,)
    ),
    classic_route(
        "GET",
        "DownloadBento",
        "Give a bundle as a tar archive through gzip.",
        download_bento,
        Role.READ,
        query=TAG,
        answer=GZIP,
        errors=(404,),
    ),
)
