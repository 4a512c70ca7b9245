"""The operations of the classic service on deployments. The server records them, and runs none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.configuration import get_config
from bentoml.yatai.deployment_models import ALL_NAMESPACES, DeploymentQuery
from bentoml.yatai.deployment_reading import read_deployment, read_operator
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.server import deployment_messages as messages
from bentoml.yatai.server.bundles import MAX_OFFSET, patterns_of
from bentoml.yatai.server.deployment_access import known_deployment
from bentoml.yatai.server.deployments import DEFAULT_LIMIT, forget, record
from bentoml.yatai.server.errors import classic_status
from bentoml.yatai.server.messages import ClassicStatus
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import Query, Route

if TYPE_CHECKING:
    from bentoml.yatai.deployment_models import Deployment
    from bentoml.yatai.server.call import Call

_ORDERS = {"created_at": SortBy.CREATED_AT, "0": SortBy.CREATED_AT, "name": SortBy.NAME, "1": SortBy.NAME}


def apply_deployment(call: Call) -> messages.ClassicDeploymentAnswer:
    """Record a deployment, or change its record."""
    given: messages.ClassicDeployment = call.body
    document = given.deployment
    if document is None:
        document = {name: getattr(given, name) for name in ("namespace", "name", "spec", "labels", "annotations")}
    wanted = read_deployment(document, _namespace(""))
    return _answer(deployment=record(call, wanted, None).to_json())


def delete_deployment(call: Call) -> messages.ClassicDeploymentAnswer:
    """Forget a deployment."""
    given: messages.ClassicDeploymentTarget = call.body
    named = (_namespace(given.namespace), given.deployment_name)
    forget(call, named, force=given.force_delete, based_on=None)
    return _answer()


def get_deployment(call: Call) -> messages.ClassicDeploymentAnswer:
    """The record of a deployment."""
    return _answer(deployment=_asked(call).to_json())


def describe_deployment(call: Call) -> messages.ClassicDeploymentAnswer:
    """How a deployment did when the program that deploys looked at it."""
    return _answer(state=_asked(call).state.to_json())


def list_deployments(call: Call) -> messages.ClassicDeploymentAnswer:
    """Deployments that match."""
    query = call.query
    namespace, operator = _namespace(query["namespace"]), query["operator"]
    found = call.registry.list_deployments(
        DeploymentQuery(
            namespace=None if namespace == ALL_NAMESPACES else namespace,
            operator=read_operator(int(operator) if operator.isdecimal() else operator) if operator else None,
            conditions=parse_label_query(query["label_selectors"]),
            sort_by=_ORDERS[query["order_by"]],
            ascending=query["ascending_order"],
            offset=query["offset"],
            limit=query["limit"],
            **patterns_of(call),
        )
    )
    return _answer(deployments=[deployment.to_json() for deployment in found])


def _asked(call: Call) -> Deployment:
    return known_deployment(call, _namespace(call.query["namespace"]), call.query["deployment_name"])


def _namespace(given: str | None) -> str:
    return given or get_config().yatai.namespace


def _answer(**values: Any) -> messages.ClassicDeploymentAnswer:
    return messages.ClassicDeploymentAnswer(ClassicStatus(**classic_status()), **values)


_NAMESPACE = Query("namespace", "Namespace; the configured one without it.", most=255)
_NAME = (Query("deployment_name", "Name of the deployment.", most=255, is_required=True), _NAMESPACE)
_LISTING = (
    Query("namespace", f"Namespace; `{ALL_NAMESPACES}` for all, the configured one without it.", most=255),
    Query("offset", "Deployments to skip.", kind=int, default=0, most=MAX_OFFSET),
    Query("limit", "Most deployments to give.", kind=int, default=DEFAULT_LIMIT, most=1000),
    Query("operator", "Kind of platform, such as `AWS_LAMBDA`.", most=64),
    Query("order_by", "What decides the order.", default="created_at", choices=tuple(_ORDERS)),
    Query("ascending_order", "Smallest first.", kind=bool, default=False),
    Query("label_selectors", "Label query.", most=4000),
)


def _row(method: str, name: str, summary: str, handler: Any, role: Role, **more: Any) -> Route:
    answer = messages.ClassicDeploymentAnswer
    return Route(method, f"/api/{name}", name, summary, handler, role, is_classic=True, answer=answer, **more)


ROUTES = (
    _row(
        "POST",
        "ApplyDeployment",
        "Record a deployment, or change its record; nothing is started.",
        apply_deployment,
        Role.WRITE,
        body=messages.ClassicDeployment,
        errors=(404, 409),
    ),
    _row(
        "POST",
        "DeleteDeployment",
        "Forget a deployment; what runs goes on to run.",
        delete_deployment,
        Role.WRITE,
        body=messages.ClassicDeploymentTarget,
        errors=(404, 409),
    ),
    _row("GET", "GetDeployment", "Get a record.", get_deployment, Role.READ, query=_NAME, errors=(404,)),
    _row("GET", "DescribeDeployment", "Get a state.", describe_deployment, Role.READ, query=_NAME, errors=(404,)),
    _row("GET", "ListDeployments", "List records, newest first.", list_deployments, Role.READ, query=_LISTING),
)
