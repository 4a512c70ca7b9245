"""The pages about deployments: lists, one of them, and the question before its record goes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument, NotFound
from bentoml.types import Tag
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentQuery, Operator
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.server.bundles import patterns_of
from bentoml.yatai.server.deployment_access import known_deployment
from bentoml.yatai.server.deployments import forget
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.web.deployment_details import (
    PLATFORMS,
    DeploymentRow,
    EventRow,
    endpoints_of,
    facts_of,
    phase_text,
    settings_of,
)
from bentoml.yatai.server.web.paging import PAGE_SIZE, PagePosition
from bentoml.yatai.server.web.site import go_to, page, url_of
from bentoml.yatai.server.web.templating import path_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from bentoml.service.metadata import ApiMetadata
    from bentoml.yatai.deployment_models import Deployment
    from bentoml.yatai.labels import LabelCondition
    from bentoml.yatai.server.call import Call

SECTION = "Deployments"
ORDERS = {
    "newest": (SortBy.CREATED_AT, False, "Newest first"),
    "oldest": (SortBy.CREATED_AT, True, "Oldest first"),
    "name": (SortBy.NAME, True, "Name, A to Z"),
    "name-down": (SortBy.NAME, False, "Name, Z to A"),
}
STATES = {phase.name: phase_text(phase) for phase in DeploymentPhase}
OPERATORS = {operator.name: title for operator, title in PLATFORMS.items()}
TURNED_ON = [phase for phase in DeploymentPhase if phase is not DeploymentPhase.INACTIVATED]
_ACTIVE = [phase for phase in TURNED_ON if phase is not DeploymentPhase.COMPLETED]
_FILTERS = ("q", "labels", "state", "platform", "order")
_COLUMNS = ("Name", "Namespace", "Platform", "Bundle", "State", "Age", "Changed")
_EVENTS = 50


def deployments(call: Call) -> Response:
    """All recorded deployments, or those that are looked for."""
    namespace = call.path("namespace") if "namespace" in call.request.path_params else None
    given = {key: call.query[key] or "" for key in _FILTERS}
    conditions, problem = _conditions(given["labels"])
    sort_by, ascending, _ = ORDERS[given["order"]]
    number = call.query["page"]
    query = DeploymentQuery(
        namespace=namespace,
        operator=Operator[given["platform"]] if given["platform"] else None,
        states=[DeploymentPhase[given["state"]]] if given["state"] else (),
        search=given["q"],
        conditions=conditions,
        **patterns_of(call),
        sort_by=sort_by,
        ascending=ascending,
        offset=(number - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    found = [] if problem else call.registry.list_deployments(query)
    if not found and number > 1:
        raise NotFound(f"There is no page {number} of this list")
    forgotten = call.query["forgotten"]
    return page(
        call,
        "deployments.html",
        SECTION,
        namespace=namespace,
        list_path=_list_path(namespace),
        query=given,
        is_filtered=any(given[key] for key in _FILTERS if key != "order"),
        orders=[(key, text) for key, (_, _, text) in ORDERS.items()],
        states=STATES,
        platforms=OPERATORS,
        problem=problem,
        rows=[DeploymentRow.of(deployment) for deployment in found],
        page=PagePosition(number, len(found), 0 if problem else call.registry.count_deployments(query)),
        headings=_headings(call, namespace, given),
        flash=_forgotten(forgotten) if forgotten else None,
    )


def deployment(call: Call) -> Response:
    """What it runs, where, how it does, and what happened to it."""
    found = _find(call)
    before = call.query["before"]
    events = call.registry.deployment_events(found.namespace, found.name, before_id=before, limit=_EVENTS + 1)
    apis = _apis(call, found)
    return page(
        call,
        "deployment.html",
        SECTION,
        deployment=_head(call, found),
        endpoints=endpoints_of(found.state.info),
        settings=settings_of(found),
        info=facts_of(found.state.info),
        resources=found.resources,
        apis=apis or [],
        bundle_is_here=apis is not None,
        events=[EventRow.of(event) for event in events[:_EVENTS]],
        older=events[_EVENTS - 1].id if len(events) > _EVENTS else None,
        is_newest=before is None,
    )


def ask_before_forgetting(call: Call) -> Response:
    """Ask whether the record of a deployment shall go."""
    found = _find(call)
    return page(call, "forget_deployment.html", SECTION, deployment=_head(call, found), resources=found.resources)


def forget_deployment(call: Call) -> Response:
    """Let the record of a deployment go."""
    named = call.path("namespace"), call.path("deployment")
    revision = call.form.get("revision", "")
    if not (revision.isascii() and revision.isdigit() and len(revision) < 10):
        raise InvalidArgument("The form does not say which revision of the deployment it is about; open the page again")
    forget(call, named, force=True, based_on=int(revision))
    return go_to(call, "/deployments", forgotten="/".join(named))


def deployments_of_bundle(
    call: Call, tag: Tag, states: Sequence[DeploymentPhase] = tuple(DeploymentPhase)
) -> list[DeploymentRow]:
    """Where a bundle is deployed, as far as is recorded, in one of some states."""
    query = DeploymentQuery(bento_name=tag.name, bento_version=tag.version, states=states, limit=PAGE_SIZE)
    return [DeploymentRow.of(deployment) for deployment in call.registry.list_deployments(query)]


def active_deployments(call: Call) -> list[DeploymentRow]:
    """The newest deployments that are not over."""
    query = DeploymentQuery(states=_ACTIVE, **patterns_of(call), limit=5)
    return [DeploymentRow.of(deployment) for deployment in call.registry.list_deployments(query)]


def _find(call: Call) -> Deployment:
    return known_deployment(call, call.path("namespace"), call.path("deployment"))


def _head(call: Call, found: Deployment) -> Any:
    """What stands above the pages of one deployment, and beside its facts."""
    row = DeploymentRow.of(found)
    return SimpleNamespace(
        row=row,
        error=found.state.error_message,
        seen_at=found.state.timestamp,
        created_by=found.created_by,
        revision=found.revision,
        annotations=found.annotations,
        may_write=call.principal.role >= Role.WRITE and call.principal.covers(found.spec.bento_name),
    )


def _apis(call: Call, found: Deployment) -> Sequence[ApiMetadata] | None:
    """The APIs of its bundle; None for a bundle that is not here any more."""
    try:
        bento = call.registry.find(Tag(found.spec.bento_name, found.spec.bento_version))
    except NotFound:
        return None
    return bento.bento_service_metadata.apis


def _conditions(text: str) -> tuple[Sequence[LabelCondition], str]:
    """The conditions of a label query; and what is wrong with it, if something is."""
    try:
        return parse_label_query(text or None), ""
    except (InvalidArgument, AssertionError) as error:
        return (), str(error)


def _list_path(namespace: str | None) -> str:
    return f"/deployments/{path_text(namespace)}" if namespace else "/deployments"


def plain_headings() -> list[tuple[str, str, str]]:
    """Titles of columns that sort nothing; see `_headings`."""
    return [(title, "", "") for title in _COLUMNS]


def _headings(call: Call, namespace: str | None, given: dict[str, str]) -> list[tuple[str, str, str]]:
    """Title, address that sorts by it, how the column is sorted."""
    path = _list_path(namespace)
    name = {"name": ("name-down", "ascending"), "name-down": ("name", "descending")}
    age = {"newest": ("oldest", "descending"), "oldest": ("newest", "ascending")}
    by_name, by_age = name.get(given["order"], ("name", "")), age.get(given["order"], ("newest", ""))

    def sorting(choice: tuple[str, str]) -> tuple[str, str]:
        return url_of(call, path, **{**given, "order": choice[0]}), choice[1]

    sorted_by = {"Name": sorting(by_name), "Age": sorting(by_age)}
    return [(title, *sorted_by.get(title, ("", ""))) for title in _COLUMNS]


def _forgotten(name: str) -> Any:
    return SimpleNamespace(kind="good", text=f"The record of {name} was deleted.")
