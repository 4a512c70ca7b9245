"""The part of `RemoteRegistry` about deployments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bentoml.yatai.deployment_checks import check_text, checked_deployment, checked_resources, checked_state
from bentoml.yatai.deployment_registry import EVENTS_LIMIT, no_deployment
from bentoml.yatai.remote import deployment_answers as answers
from bentoml.yatai.remote.answers import read_as
from bentoml.yatai.remote.api import is_addressable, joined
from bentoml.yatai.remote.deployment_answers import as_deployment, as_event
from bentoml.yatai.remote.queries import MOST_AT_ONCE, deployment_query_of, gathered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.deployment_models import (
        Deployment,
        DeploymentEvent,
        DeploymentQuery,
        DeploymentResource,
        DeploymentState,
        NewDeployment,
    )
    from bentoml.yatai.remote.api import Api


class RemoteDeployments:
    """See `DeploymentRegistry`. A change that is based on a revision is not tried twice: it may have been made."""

    _api: Api

    def apply_deployment(self, wanted: NewDeployment, *, based_on: int | None = None) -> Deployment:
        """See `DeploymentRegistry`."""
        wanted = checked_deployment(wanted)
        document = {
            "bento_name": wanted.spec.bento_name,
            "bento_version": wanted.spec.bento_version,
            "operator": wanted.spec.operator.name,
            "operator_config": wanted.spec.operator_config,
            "labels": wanted.labels,
            "annotations": wanted.annotations,
            "based_on": based_on,
        }
        path = _path_of(wanted.namespace, wanted.name)
        return self._deployment("PUT", path, document, is_repeatable=based_on is None)

    def set_deployment_state(
        self,
        namespace: str,
        name: str,
        state: DeploymentState,
        *,
        resources: Sequence[DeploymentResource] | None = None,
        message: str = "",
        based_on: int | None = None,
    ) -> Deployment:
        """See `DeploymentRegistry`."""
        state = checked_state(state)
        check_text("message", message)
        kept = None if resources is None else [resource.to_json() for resource in checked_resources(resources)]
        document = {
            "state": state.state.name,
            "error_message": state.error_message,
            "info": state.info,
            "timestamp": None if state.timestamp is None else state.timestamp.isoformat(),
            "resources": kept,
            "message": message,
            "based_on": based_on,
        }
        path = f"{_path_of(namespace, name)}/state"
        return self._deployment("PUT", path, document, is_repeatable=based_on is None and not message)

    def find_deployment(self, namespace: str, name: str) -> Deployment:
        """See `DeploymentRegistry`."""
        return self._deployment("GET", _path_of(namespace, name))

    def list_deployments(self, query: DeploymentQuery) -> list[Deployment]:
        """See `DeploymentRegistry`."""
        return gathered(query, self._some_deployments)

    def count_deployments(self, query: DeploymentQuery) -> int:
        """See `DeploymentRegistry`."""
        return self._deployments(replace(query, offset=0, limit=0), count=True).total or 0

    def delete_deployment(self, namespace: str, name: str, *, force: bool = False, based_on: int | None = None) -> None:
        """See `DeploymentRegistry`."""
        query = {"force": force, "based_on": based_on}
        self._api.ask("DELETE", _path_of(namespace, name), query=query, is_repeatable=False)

    def deployment_events(
        self, namespace: str, name: str, *, before_id: int | None = None, limit: int = EVENTS_LIMIT
    ) -> list[DeploymentEvent]:
        """See `DeploymentRegistry`."""
        query = {"before": before_id, "limit": min(limit, MOST_AT_ONCE)}
        answer = self._api.ask("GET", f"{_path_of(namespace, name)}/events", query=query)
        page = read_as(answers.EventPage, answer, self._api.address)
        return [as_event(event, self._api.address) for event in page.events]

    def _some_deployments(self, query: DeploymentQuery) -> tuple[list[Deployment], bool]:
        page = self._deployments(query)
        return [as_deployment(answer, self._api.address) for answer in page.deployments], page.next_offset is not None

    def _deployments(self, query: DeploymentQuery, *, count: bool = False) -> answers.DeploymentPage:
        pages = {"offset": query.offset, "limit": query.limit, "count": count}
        answer = self._api.ask("GET", "/deployments", query={**deployment_query_of(query), **pages})
        return read_as(answers.DeploymentPage, answer, self._api.address)

    def _deployment(self, method: str, path: str, document: Any = None, *, is_repeatable: bool = True) -> Deployment:
        answer = self._api.ask(method, path, document=document, is_repeatable=is_repeatable)
        return as_deployment(read_as(answers.DeploymentAnswer, answer, self._api.address), self._api.address)


def _path_of(namespace: str, name: str) -> str:
    """The path of a deployment.

    Raises:
        NotFound: no deployment can have this name.
    """
    if not is_addressable(namespace, name):
        raise no_deployment(namespace, name)
    return joined("deployments", namespace, name)
