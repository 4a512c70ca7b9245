"""Pages about many bundles: home, the repository, the versions of a service, two of them side by side."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument, NotFound
from bentoml.types import Tag
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.registry import BentoQuery, not_registered
from bentoml.yatai.server.bundles import patterns_of
from bentoml.yatai.server.web.bundle_rows import BundleRow, metrics_of
from bentoml.yatai.server.web.charts import series_of
from bentoml.yatai.server.web.comparison import FileFacts, Version, compared_files, compared_tables
from bentoml.yatai.server.web.deployment_pages import active_deployments, plain_headings
from bentoml.yatai.server.web.figures import Figures
from bentoml.yatai.server.web.files_of_bundle import files_of
from bentoml.yatai.server.web.paging import PAGE_SIZE, PagePosition
from bentoml.yatai.server.web.site import page, url_of
from bentoml.yatai.server.web.templating import path_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from bentoml.yatai.labels import LabelCondition
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call
    from bentoml.yatai.server.web.files_of_bundle import BundleFiles

ORDERS = {
    "newest": (SortBy.CREATED_AT, False, "Newest first"),
    "oldest": (SortBy.CREATED_AT, True, "Oldest first"),
    "name": (SortBy.NAME, True, "Name, A to Z"),
    "name-down": (SortBy.NAME, False, "Name, Z to A"),
}
# As many versions as a chart of this width can tell apart.
_CHARTED = 60


def home(call: Call) -> Response:
    """What there is, and what is new."""
    recent = call.registry.list_bentos(BentoQuery(**patterns_of(call), limit=5))
    return page(
        call,
        "home.html",
        "Home",
        figures=Figures.of(call),
        bundles=[BundleRow.of(bento) for bento in recent],
        headings=_headings(call),
        deployments=active_deployments(call),
        deployment_headings=plain_headings(),
    )


def repository(call: Call) -> Response:
    """All bundles, or those that are looked for."""
    given = {key: call.query[key] or "" for key in ("q", "labels", "order")}
    problem = ""
    conditions: Sequence[LabelCondition] = ()
    try:
        conditions = parse_label_query(given["labels"] or None)
    except (InvalidArgument, AssertionError) as error:
        problem = str(error)
    sort_by, ascending, _ = ORDERS[given["order"]]
    query = BentoQuery(
        **patterns_of(call), conditions=conditions, search=given["q"], sort_by=sort_by, ascending=ascending
    )
    found, position = ([], PagePosition(1, 0, 0)) if problem else _page_of(call, query)
    deleted = call.query["deleted"]
    return page(
        call,
        "repository.html",
        "Repository",
        query=given,
        orders=[(key, text) for key, (_, _, text) in ORDERS.items()],
        problem=problem,
        rows=[BundleRow.of(bento) for bento in found],
        page=position,
        headings=_headings(call, given),
        flash=_deleted(deleted) if deleted else None,
    )


def service(call: Call) -> Response:
    """The versions of one service, newest first."""
    name = call.path("name")
    query = BentoQuery(name=name)
    found, position = _page_of(call, query)
    if not found:
        raise not_registered(name, "no bundle of that name is registered")
    charted = found if position.total <= PAGE_SIZE else call.registry.list_bentos(replace(query, limit=_CHARTED))
    return page(
        call,
        "service.html",
        "Repository",
        name=name,
        name_path=path_text(name),
        rows=[BundleRow.of(bento) for bento in found],
        page=position,
        charts=series_of([BundleRow.of(bento) for bento in charted]),
        history=call.registry.alias_history(name)[:50],
    )


def compare(call: Call) -> Response:
    """Two versions of a service side by side."""
    name = call.path("name")
    left, right = (call.registry.find(Tag(name, call.query[side])) for side in ("left", "right"))
    with files_of(call, left) as of_left, files_of(call, right) as of_right:
        before, after = _version(of_left), _version(of_right)
        return page(
            call,
            "compare.html",
            "Repository",
            name=name,
            name_path=path_text(name),
            left=left.version,
            right=right.version,
            tables=compared_tables(before, after),
            files=compared_files(before, after),
        )


def _page_of(call: Call, query: BentoQuery) -> tuple[Sequence[Bento], PagePosition]:
    number = call.query["page"]
    found = call.registry.list_bentos(replace(query, offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE))
    if not found and number > 1:
        raise NotFound(f"There is no page {number} of this list")
    return found, PagePosition(number, len(found), call.registry.count_bentos(query))


def _version(files: BundleFiles) -> Version:
    metadata = files.bento.bento_service_metadata
    facts = {entry.path: FileFacts(entry.sha256, entry.size_bytes) for entry in files.tree}
    return Version(metadata, metrics_of(metadata.artifacts), facts, files.read)


def _headings(call: Call, given: Mapping[str, str] | None = None) -> list[tuple[str, str, str, str]]:
    """Title, address that sorts by it, how the column is sorted, class; without addresses where nothing is `given`."""
    order = (given or {}).get("order", "")
    name = {"name": ("name-down", "ascending"), "name-down": ("name", "descending")}.get(order, ("name", ""))
    added = {"newest": ("oldest", "descending"), "oldest": ("newest", "ascending")}.get(order, ("newest", ""))

    def sorting(choice: tuple[str, str]) -> tuple[str, str]:
        return ("", "") if given is None else (url_of(call, "/repository", **{**given, "order": choice[0]}), choice[1])

    return [
        ("Bundle", *sorting(name), ""),
        ("Labels", "", "", ""),
        ("APIs", "", "", ""),
        ("Artifacts", "", "", ""),
        ("Size", "", "", "number"),
        ("Added", *sorting(added), ""),
    ]


def _deleted(tag: str) -> Any:
    return SimpleNamespace(kind="good", text=f"{tag} was deleted.")
