"""Deployments over HTTP: recorded, found, listed, forgotten. The server runs none of them."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING

from bentoml.yatai.deployment_models import (
    ALL_NAMESPACES,
    DeploymentPhase,
    DeploymentQuery,
    DeploymentResource,
    DeploymentSpec,
    DeploymentState,
    NewDeployment,
    Operator,
)
from bentoml.yatai.deployment_reading import read_phase
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.server import deployment_messages as messages
from bentoml.yatai.server.bundles import MAX_OFFSET, patterns_of
from bentoml.yatai.server.deployment_access import changing, known_deployment
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import Query, Route

if TYPE_CHECKING:
    from bentoml.yatai.deployment_models import Deployment
    from bentoml.yatai.server.call import Call

DEFAULT_LIMIT = 200
_LAST = (1 << 31) - 1


def list_deployments(call: Call) -> messages.DeploymentPage:
    """Deployments that match, of bundles that the caller may know."""
    query, limit = call.query, call.query["limit"]
    states = [text for text in (query["states"] or "").split(",") if text]
    asked = DeploymentQuery(
        namespace=None if query["namespace"] in {None, "", ALL_NAMESPACES} else query["namespace"],
        operator=Operator[query["operator"]] if query["operator"] else None,
        states=[read_phase(text) for text in states],
        bento_name=query["bento_name"] or None,
        bento_version=query["bento_version"] or None,
        search=query["search"] or "",
        conditions=parse_label_query(query["labels"]),
        **patterns_of(call),
        sort_by=SortBy[query["order_by"].upper()],
        ascending=query["ascending"],
        offset=query["offset"],
        limit=limit + 1,
    )
    found = call.registry.list_deployments(asked)
    return messages.DeploymentPage(
        deployments=[deployment_message(deployment) for deployment in found[:limit]],
        next_offset=query["offset"] + limit if len(found) > limit > 0 else None,
        total=call.registry.count_deployments(asked) if query["count"] else None,
    )


def get_deployment(call: Call) -> messages.Deployment:
    """One deployment."""
    return deployment_message(known_deployment(call, *_named(call)))


def apply_deployment(call: Call) -> messages.Deployment:
    """Record a deployment, or change its record."""
    given: messages.NewDeployment = call.body
    namespace, name = _named(call)
    config, operator = given.operator_config, Operator[given.operator]
    spec = DeploymentSpec(given.bento_name, given.bento_version, operator, config)
    wanted = NewDeployment(namespace, name, spec, given.labels, given.annotations)
    return deployment_message(record(call, wanted, given.based_on))


def record(call: Call, wanted: NewDeployment, based_on: int | None) -> Deployment:
    """Record what is wanted, where the caller may."""
    call.principal.require(Role.WRITE, wanted.spec.bento_name)
    return changing(
        call,
        (wanted.namespace, wanted.name),
        based_on,
        lambda revision: call.registry.apply_deployment(wanted, based_on=revision),
        may_be_new=True,
    )


def set_state(call: Call) -> messages.Deployment:
    """Write down how a deployment does."""
    given: messages.StateReport = call.body
    namespace, name = _named(call)
    at = given.timestamp
    state = DeploymentState(
        DeploymentPhase[given.state],
        given.error_message,
        given.info,
        at.replace(tzinfo=timezone.utc) if at is not None and at.tzinfo is None else at,
    )
    resources = (
        None
        if given.resources is None
        else [DeploymentResource(each.kind, each.id, each.detail) for each in given.resources]
    )
    changed = changing(
        call,
        (namespace, name),
        given.based_on,
        lambda revision: call.registry.set_deployment_state(
            namespace, name, state, resources=resources, message=given.message, based_on=revision
        ),
    )
    return deployment_message(changed)


def delete_deployment(call: Call) -> None:
    """Forget a deployment."""
    forget(call, _named(call), force=call.query["force"], based_on=call.query["based_on"])


def forget(call: Call, named: tuple[str, str], *, force: bool, based_on: int | None) -> None:
    """Forget a deployment, where the caller may."""
    changing(
        call,
        named,
        based_on,
        lambda revision: call.registry.delete_deployment(*named, force=force, based_on=revision),
    )


def list_events(call: Call) -> messages.DeploymentEvents:
    """What happened to a deployment, newest first."""
    namespace, name = _named(call)
    known_deployment(call, namespace, name)
    limit = call.query["limit"]
    found = call.registry.deployment_events(namespace, name, before_id=call.query["before"], limit=limit + 1)
    events = [
        messages.DeploymentEvent(event.id, event.at, event.kind.name, event.state.name, event.message, event.actor)
        for event in found[:limit]
    ]
    return messages.DeploymentEvents(events, events[-1].id if len(found) > limit > 0 else None)


def deployment_message(deployment: Deployment) -> messages.Deployment:
    """A deployment as clients get it."""
    spec, state = deployment.spec, deployment.state
    return messages.Deployment(
        namespace=deployment.namespace,
        name=deployment.name,
        bento_name=spec.bento_name,
        bento_version=spec.bento_version,
        operator=spec.operator.name,
        operator_config=dict(spec.operator_config),
        labels=dict(deployment.labels),
        annotations=dict(deployment.annotations),
        state=messages.DeploymentState(state.state.name, state.error_message, dict(state.info), state.timestamp),
        resources=[
            messages.DeploymentResource(resource.kind, resource.id, dict(resource.detail))
            for resource in deployment.resources
        ],
        revision=deployment.revision,
        created_at=deployment.created_at,
        last_updated_at=deployment.last_updated_at,
        created_by=deployment.created_by,
    )


def _named(call: Call) -> tuple[str, str]:
    return call.path("namespace"), call.path("deployment")


_DEPLOYMENTS = "/api/v1/deployments"
_DEPLOYMENT = f"{_DEPLOYMENTS}/{{namespace}}/{{deployment}}"
_OPERATORS = tuple(operator.name for operator in Operator if operator is not Operator.UNSET)
_LISTING = (
    Query("namespace", "Exact namespace; all without it.", most=255),
    Query("operator", "Kind of platform.", choices=_OPERATORS),
    Query("states", "States, of which it is in one, such as `RUNNING,PENDING`.", most=200),
    Query("bento_name", "Exact name of the bundle.", most=255),
    Query("bento_version", "Exact version of the bundle.", most=255),
    Query("patterns", "Patterns of names of bundles, as where these are listed.", most=4000),
    Query("search", "Words, each a part of name, namespace or tag of the bundle; case does not count.", most=1000),
    Query("labels", "Label query, such as `stage=prod, team In (core, web), owner`.", most=4000),
    Query("order_by", "What decides the order.", default="created_at", choices=("created_at", "name")),
    Query("ascending", "Oldest, or first in the alphabet, first.", kind=bool, default=False),
    Query("offset", "Deployments to skip.", kind=int, default=0, most=MAX_OFFSET),
    Query("limit", "Most deployments to give.", kind=int, default=DEFAULT_LIMIT, most=1000),
    Query("count", "Count all that match, too.", kind=bool, default=False),
)
_DELETION = (
    Query("force", "Also when something of it still exists on the platform.", kind=bool, default=False),
    Query("based_on", "The revision that shall go; any without it.", kind=int, most=_LAST),
)

ROUTES = (
    Route(
        "GET",
        _DEPLOYMENTS,
        "list_deployments",
        "List recorded deployments, newest first.",
        list_deployments,
        Role.READ,
        query=_LISTING,
        answer=messages.DeploymentPage,
    ),
    Route(
        "GET",
        _DEPLOYMENT,
        "get_deployment",
        "Get the record of a deployment.",
        get_deployment,
        Role.READ,
        answer=messages.Deployment,
        errors=(404,),
    ),
    Route(
        "PUT",
        _DEPLOYMENT,
        "apply_deployment",
        "Record a deployment, or change its record; nothing is started.",
        apply_deployment,
        Role.WRITE,
        body=messages.NewDeployment,
        answer=messages.Deployment,
        errors=(404, 409),
    ),
    Route(
        "PUT",
        f"{_DEPLOYMENT}/state",
        "set_deployment_state",
        "Write down how a deployment does, and what exists of it.",
        set_state,
        Role.WRITE,
        body=messages.StateReport,
        answer=messages.Deployment,
        errors=(404, 409),
    ),
    Route(
        "DELETE",
        _DEPLOYMENT,
        "delete_deployment",
        "Forget a deployment; what runs goes on to run.",
        delete_deployment,
        Role.WRITE,
        query=_DELETION,
        status=204,
        errors=(404, 409),
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/events",
        "list_deployment_events",
        "Say what happened to a deployment, newest first.",
        list_events,
        Role.READ,
        query=(
            Query("before", "Only those with a smaller id.", kind=int, least=1, most=_LAST),
            Query("limit", "Most events to give.", kind=int, default=100, most=1000),
        ),
        answer=messages.DeploymentEvents,
        errors=(404,),
    ),
)
