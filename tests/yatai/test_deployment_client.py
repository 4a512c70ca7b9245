from __future__ import annotations

from collections.abc import Callable

import pytest

from bentoml.configuration import get_config
from bentoml.exceptions import StatusCode
from bentoml.yatai.client import YataiClient, get_yatai_client, open_local_registry
from bentoml.yatai.deployment_client import DeploymentClient, ListDeploymentsResponse
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentResource, DeploymentState, Operator
from tests.yatai.conftest import Save
from tests.yatai.contract_of_deployments import wanted


@pytest.fixture
def client(save: Save) -> DeploymentClient:
    """Of a registry with four deployments."""
    save("Iris", "1")
    registry = open_local_registry(get_config())
    registry.apply_deployment(wanted("dev/iris", team="vision"))
    registry.apply_deployment(wanted("dev/other", operator=Operator.AWS_EC2))
    registry.apply_deployment(wanted("prod/iris"))
    registry.apply_deployment(wanted("prod/more", operator=Operator.AWS_SAGEMAKER))
    return get_yatai_client().deployment


def names(answer: ListDeploymentsResponse) -> list[str]:
    assert answer.status.status_code is StatusCode.OK, answer.status
    return [deployment.full_name for deployment in answer.deployments]


def test_get_gives_the_record(client: DeploymentClient) -> None:
    answer = client.get("dev", "iris")
    assert answer.status.status_code is StatusCode.OK
    assert answer.deployment is not None
    assert (answer.deployment.full_name, answer.deployment.spec.bento_tag) == ("dev/iris", "Iris:1")
    assert client.get(None, "iris").deployment == answer.deployment


def test_get_when_there_is_none_says_so_in_its_status(client: DeploymentClient) -> None:
    answer = client.get("dev", "nothing")
    assert (answer.status.status_code, answer.deployment) == (StatusCode.NOT_FOUND, None)
    assert answer.status.error_message == "No deployment nothing is recorded in the namespace dev"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(lambda client: client.list(), ["dev/other", "dev/iris"], id="of-the-configured-namespace"),
        pytest.param(lambda client: client.list(namespace="prod"), ["prod/more", "prod/iris"], id="of-a-namespace"),
        pytest.param(
            lambda client: client.list(is_all_namespaces=True, ascending_order=True, limit=2, offset=1),
            ["dev/other", "prod/iris"],
            id="of-all",
        ),
        pytest.param(
            lambda client: client.list(namespace="__BENTOML_ALL_NAMESPACE", operator="aws-lambda"),
            ["prod/iris", "dev/iris"],
            id="of-an-operator",
        ),
        pytest.param(lambda client: client.list(labels="team=vision"), ["dev/iris"], id="of-a-label"),
        pytest.param(lambda client: client.list(labels="team NotIn (vision)"), ["dev/other"], id="of-no-label"),
        pytest.param(
            lambda client: client.list(order_by="name", ascending_order=True), ["dev/iris", "dev/other"], id="by-name"
        ),
        pytest.param(lambda client: client.list_lambda_deployments(), ["dev/iris"], id="lambda"),
        pytest.param(lambda client: client.list_ec2_deployments(), ["dev/other"], id="ec2"),
        pytest.param(lambda client: client.list_sagemaker_deployments(namespace="prod"), ["prod/more"], id="sagemaker"),
        pytest.param(lambda client: client.list_azure_functions_deployments(limit=3), [], id="azure"),
    ],
)
def test_list_gives_what_matches(
    client: DeploymentClient, ask: Callable[[DeploymentClient], ListDeploymentsResponse], expected: list[str]
) -> None:
    assert names(ask(client)) == expected


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client: client.list(labels="a b c"), id="labels"),
        pytest.param(lambda client: client.list(operator="mars"), id="operator"),
        pytest.param(lambda client: client.list(limit=-1), id="limit"),
        pytest.param(lambda client: client.list(order_by="size"), id="order"),
    ],
)
def test_list_of_what_makes_no_sense_says_so_in_its_status(
    client: DeploymentClient, ask: Callable[[DeploymentClient], ListDeploymentsResponse]
) -> None:
    answer = ask(client)
    assert (answer.status.status_code, answer.deployments) == (StatusCode.INVALID_ARGUMENT, ())


def test_delete_removes_the_record(client: DeploymentClient) -> None:
    assert client.delete("iris", "dev").status.status_code is StatusCode.OK
    assert client.delete("iris", "dev").status.status_code is StatusCode.NOT_FOUND
    assert names(client.list()) == ["dev/other"]


def test_delete_when_something_of_it_exists_takes_force(client: DeploymentClient) -> None:
    registry = open_local_registry(get_config())
    left = [DeploymentResource("s3_bucket", "btml-dev-iris")]
    registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentPhase.FAILED), resources=left)
    refused = client.delete("iris", "dev")
    assert refused.status.status_code is StatusCode.ABORTED
    assert "s3_bucket btml-dev-iris" in refused.status.error_message
    assert YataiClient(registry).deployment.delete("iris", "dev", force_delete=True).status.status_code is StatusCode.OK
