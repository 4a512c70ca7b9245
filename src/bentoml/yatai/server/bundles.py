"""Bundles over HTTP: found, listed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.types import Tag
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.server import messages
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import About, Query, Route

if TYPE_CHECKING:
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

MAX_OFFSET = 10_000_000
DEFAULT_LIMIT = 40


def list_bundles(call: Call) -> messages.BundlePage:
    """Bundles that match, of the names that the caller may know."""
    query = call.query
    limit = query["limit"]
    found = call.core.registry.list_bentos(
        BentoQuery(
            name=query["name"] or None,
            conditions=parse_label_query(query["labels"]),
            sort_by=SortBy[query["order_by"].upper()],
            ascending=query["ascending"],
            offset=query["offset"],
            limit=limit + 1,
        )
    )
    more = len(found) > limit
    return messages.BundlePage(
        [bundle_message(bento) for bento in found[:limit]], query["offset"] + limit if more else None
    )


def get_bundle(call: Call) -> messages.Bundle:
    """One bundle."""
    return bundle_message(call.core.registry.find(tag_of(call)))


def delete_bundle(call: Call) -> None:
    """Delete one bundle."""
    call.core.registry.delete(tag_of(call))


def tag_of(call: Call) -> Tag:
    """The tag in the path."""
    return Tag(call.path("name"), call.path("version"))


def bundle_message(bento: Bento) -> messages.Bundle:
    """A bundle as clients get it."""
    metadata = bento.bento_service_metadata.to_json()
    labels = metadata.pop("labels", {})
    return messages.Bundle(
        name=bento.name,
        version=bento.version,
        uri=messages.Place(bento.uri.type.name, bento.uri.uri),
        metadata=metadata,
        labels=labels,
        status=bento.status.to_json(),
        created_at=bento.created_at,
    )


BUNDLES = "/api/v1/bundles"
BUNDLE = f"{BUNDLES}/{{name}}/{{version}}"

_LISTING = (
    Query("name", "Exact name of the service.", most=255),
    Query("labels", "Label query, such as `stage=prod, team In (core, web), !owner`.", most=4000),
    Query("order_by", "Column that decides the order.", default="created_at", choices=("created_at", "name")),
    Query("ascending", "Oldest, or first in the alphabet, first.", kind=bool, default=False),
    Query("offset", "Bundles to skip.", kind=int, default=0, most=MAX_OFFSET),
    Query("limit", "Most bundles to give.", kind=int, default=DEFAULT_LIMIT, most=1000),
)

ROUTES = (
    Route(
        "GET",
        BUNDLES,
        "list_bundles",
        "List bundles, newest first.",
        list_bundles,
        Role.READ,
        query=_LISTING,
        answer=messages.BundlePage,
    ),
    Route(
        "GET",
        BUNDLE,
        "get_bundle",
        "Get a bundle; the version may be `latest`.",
        get_bundle,
        Role.READ,
        About.NAME,
        answer=messages.Bundle,
        errors=(404,),
    ),
    Route(
        "DELETE",
        BUNDLE,
        "delete_bundle",
        "Delete a bundle.",
        delete_bundle,
        Role.WRITE,
        About.NAME,
        status=204,
        errors=(404,),
    ),
)
