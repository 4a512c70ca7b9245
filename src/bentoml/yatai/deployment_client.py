"""The records of deployments: `get_yatai_client().deployment`.

Errors do not raise here: each answer has a `status`, whose code is OK when all is well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLException, Status
from bentoml.yatai.arguments import as_sort_by, not_negative
from bentoml.yatai.deployment_models import ALL_NAMESPACES, DEFAULT_LIMIT, DeploymentQuery, Operator
from bentoml.yatai.deployment_reading import read_operator
from bentoml.yatai.labels import parse_label_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypedDict

    from typing_extensions import Unpack

    from bentoml.yatai.deployment_models import Deployment
    from bentoml.yatai.deployment_registry import DeploymentRegistry
    from bentoml.yatai.models import SortBy

    class Selection(TypedDict, total=False):
        """Which deployments of one kind of platform, in which order; see `DeploymentClient.list`."""

        limit: int | None
        offset: int | None
        labels: str | None
        namespace: str | None
        is_all_namespaces: bool
        order_by: SortBy | str | None
        ascending_order: bool | None


@dataclass(frozen=True)
class GetDeploymentResponse:
    """One deployment.

    Attributes:
        status: OK, or why there is none.
        deployment: the record; None where the status is not OK.
    """

    status: Status = field(default_factory=Status)
    deployment: Deployment | None = None


@dataclass(frozen=True)
class ListDeploymentsResponse:
    """Some deployments.

    Attributes:
        status: OK, or why there are none.
        deployments: the records; none where the status is not OK.
    """

    status: Status = field(default_factory=Status)
    deployments: Sequence[Deployment] = ()


@dataclass(frozen=True)
class DeleteDeploymentResponse:
    """What became of a deletion.

    Attributes:
        status: OK, or why it was refused.
    """

    status: Status = field(default_factory=Status)


class DeploymentClient:
    """Reads and deletes the records of one registry; it starts and stops nothing.

    Args:
        open_registry: opens it, when it is first needed.
    """

    def __init__(self, open_registry: Callable[[], DeploymentRegistry]) -> None:
        self._open_registry = open_registry

    def get(self, namespace: str | None, name: str) -> GetDeploymentResponse:
        """One deployment.

        Args:
            namespace: of the deployment; None for the configured one.
            name: of the deployment.
        """
        try:
            found = self._open_registry().find_deployment(_namespace(namespace), name)
        except BentoMLException as error:
            return GetDeploymentResponse(error.status_proto)
        return GetDeploymentResponse(deployment=found)

    def list(
        self,
        limit: int | None = None,
        offset: int | None = None,
        labels: str | None = None,
        namespace: str | None = None,
        is_all_namespaces: bool = False,
        operator: Operator | str | None = None,
        order_by: SortBy | str | None = None,
        ascending_order: bool | None = None,
    ) -> ListDeploymentsResponse:
        """Deployments that match, newest first unless the order says otherwise.

        Args:
            limit: most deployments to return; None for 200.
            offset: deployments to skip.
            labels: label query, such as `"stage=prod, team In (core, web)"`.
            namespace: None for the configured one, `__BENTOML_ALL_NAMESPACE` for all.
            is_all_namespaces: all, whatever `namespace` says.
            operator: kind of platform, such as `aws-lambda`; None for all.
            order_by: `created_at` or `name`.
            ascending_order: smallest (oldest) first.
        """
        wanted = ALL_NAMESPACES if is_all_namespaces else _namespace(namespace)
        try:
            query = DeploymentQuery(
                namespace=None if wanted == ALL_NAMESPACES else wanted,
                operator=None if operator is None else _operator(operator),
                conditions=parse_label_query(labels),
                sort_by=as_sort_by(order_by),
                ascending=bool(ascending_order),
                offset=not_negative("offset", offset, default=0),
                limit=not_negative("limit", limit, default=DEFAULT_LIMIT),
            )
            return ListDeploymentsResponse(deployments=self._open_registry().list_deployments(query))
        except BentoMLException as error:
            return ListDeploymentsResponse(error.status_proto)

    def delete(
        self, deployment_name: str, namespace: str | None, force_delete: bool = False
    ) -> DeleteDeploymentResponse:
        """Delete the record of a deployment; what runs goes on to run.

        Args:
            deployment_name: of the deployment.
            namespace: of the deployment; None for the configured one.
            force_delete: also when the record says that something of it still exists on its platform.
        """
        try:
            self._open_registry().delete_deployment(_namespace(namespace), deployment_name, force=force_delete)
        except BentoMLException as error:
            return DeleteDeploymentResponse(error.status_proto)
        return DeleteDeploymentResponse()

    def list_lambda_deployments(self, **selection: Unpack[Selection]) -> ListDeploymentsResponse:
        """Those on AWS Lambda; see `list`."""
        return self.list(operator=Operator.AWS_LAMBDA, **selection)

    def list_sagemaker_deployments(self, **selection: Unpack[Selection]) -> ListDeploymentsResponse:
        """Those on AWS SageMaker; see `list`."""
        return self.list(operator=Operator.AWS_SAGEMAKER, **selection)

    def list_ec2_deployments(self, **selection: Unpack[Selection]) -> ListDeploymentsResponse:
        """Those on AWS EC2; see `list`."""
        return self.list(operator=Operator.AWS_EC2, **selection)

    def list_azure_functions_deployments(self, **selection: Unpack[Selection]) -> ListDeploymentsResponse:
        """Those on Azure Functions; see `list`."""
        return self.list(operator=Operator.AZURE_FUNCTIONS, **selection)


def _namespace(given: str | None) -> str:
    return given or get_config().yatai.namespace


def _operator(given: Operator | str) -> Operator:
    return given if isinstance(given, Operator) else read_operator(given)
