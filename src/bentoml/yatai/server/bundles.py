"""Bundles over HTTP: found, listed, deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
    query, limit = call.query, call.query["limit"]
    asked = replace(_asked(call), offset=query["offset"], limit=limit + 1)
    found = call.registry.list_bentos(asked)
    return messages.BundlePage(
        bundles=[bundle_message(bento) for bento in found[:limit]],
        next_offset=query["offset"] + limit if len(found) > limit > 0 else None,
        total=call.registry.count_bentos(asked) if query["count"] else None,
    )


def list_tags(call: Call) -> messages.Tags:
    """Tags of all records that match, those of uploads that failed included."""
    found = call.registry.matching_tags(_asked(call))
    return messages.Tags([messages.Tag(tag.name, tag.version) for tag in found])


def patterns_of(call: Call) -> dict[str, Any]:
    """What a query has to say for the caller to see only what the caller may know."""
    asked = call.query.get("patterns")
    groups = [] if asked is None else [group.split(",") for group in asked.split(";")]
    return {"also_patterns": (*groups, *call.principal.pattern_groups)}


def _asked(call: Call) -> BentoQuery:
    """Which bundles are meant, of those that the caller may know."""
    query = call.query
    return BentoQuery(
        name=query["name"] or None,
        **patterns_of(call),
        search=query["search"] or "",
        conditions=parse_label_query(query["labels"]),
        sort_by=SortBy[query["order_by"].upper()],
        ascending=query["ascending"],
        deleted=query["deleted"],
    )


def get_bundle(call: Call) -> messages.Bundle:
    """One bundle."""
    return bundle_message(call.registry.find(tag_of(call)))


def delete_bundle(call: Call) -> None:
    """Delete one bundle, so that it can be restored, or for good."""
    if call.query["purge"]:
        call.principal.require(Role.ADMIN)
    call.registry.delete(tag_of(call), force=call.query["force"], purge=call.query["purge"])


def restore_bundle(call: Call) -> messages.Bundle:
    """Undo a deletion."""
    return bundle_message(call.registry.restore(tag_of(call)))


def set_labels(call: Call) -> messages.Bundle:
    """Make these all the labels of a bundle."""
    given: messages.NewLabels = call.body
    return bundle_message(call.registry.set_labels(tag_of(call), given.labels))


def change_labels(call: Call) -> messages.Bundle:
    """Set some labels, remove others."""
    given: messages.LabelChange = call.body
    return bundle_message(call.registry.change_labels(tag_of(call), given.set, given.remove))


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
        created_by=bento.created_by,
        aliases=list(bento.aliases),
        size_bytes=bento.size_bytes,
        tree_digest=bento.tree_digest,
        deleted_at=bento.deleted_at,
        deleted_by=bento.deleted_by,
    )


BUNDLES = "/api/v1/bundles"
BUNDLE = f"{BUNDLES}/{{name}}/{{version}}"

_MATCHING = (
    Query("name", "Exact name of the service.", most=255),
    Query("patterns", "Names that match one of these, such as `team-*,core`; in each group, `a*,b;*z`.", most=4000),
    Query("search", "Words, each a part of name, version or a label; case does not count.", most=1000),
    Query("labels", "Label query, such as `stage=prod, team In (core, web), owner`.", most=4000),
    Query("order_by", "Column that decides the order.", default="created_at", choices=("created_at", "name")),
    Query("ascending", "Oldest, or first in the alphabet, first.", kind=bool, default=False),
    Query("deleted", "Those that can be restored, instead of those that are there.", kind=bool, default=False),
)
_LISTING = (
    *_MATCHING,
    Query("offset", "Bundles to skip.", kind=int, default=0, most=MAX_OFFSET),
    Query("limit", "Most bundles to give.", kind=int, default=DEFAULT_LIMIT, most=1000),
    Query("count", "Count all that match, too.", kind=bool, default=False),
)
_DELETION = (
    Query(
        "force",
        "Also when an alias stands for it, which goes, too, or a deployment is recorded of it, which stays.",
        kind=bool,
        default=False,
    ),
    Query(
        "purge",
        "For good, with all of this tag that were deleted before; takes the role admin.",
        kind=bool,
        default=False,
    ),
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
        "/api/v1/tags",
        "list_tags",
        "List the tags of all that match, also of uploads that failed or have not ended.",
        list_tags,
        Role.READ,
        query=_MATCHING,
        answer=messages.Tags,
    ),
    Route(
        "GET",
        BUNDLE,
        "get_bundle",
        "Get a bundle; the version may be `latest`, or an alias such as `@production`.",
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
        "Delete a bundle; it can be restored for some days.",
        delete_bundle,
        Role.WRITE,
        About.NAME,
        query=_DELETION,
        status=204,
        errors=(404, 409),
    ),
    Route(
        "POST",
        f"{BUNDLE}/restore",
        "restore_bundle",
        "Undo the deletion of a bundle.",
        restore_bundle,
        Role.WRITE,
        About.NAME,
        answer=messages.Bundle,
        errors=(404, 409),
    ),
    Route(
        "PUT",
        f"{BUNDLE}/labels",
        "set_labels",
        "Replace all labels of a bundle.",
        set_labels,
        Role.WRITE,
        About.NAME,
        body=messages.NewLabels,
        answer=messages.Bundle,
        errors=(404,),
    ),
    Route(
        "PATCH",
        f"{BUNDLE}/labels",
        "change_labels",
        "Set some labels of a bundle and remove others.",
        change_labels,
        Role.WRITE,
        About.NAME,
        body=messages.LabelChange,
        answer=messages.Bundle,
        errors=(404,),
    ),
)
