from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import yaml

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import (
    Deployment,
    DeploymentPhase,
    DeploymentSpec,
    DeploymentState,
    NewDeployment,
    Operator,
)
from bentoml.yatai.deployment_reading import read_deployment, read_operator, read_phase, read_spec, read_state

AT = datetime(2024, 5, 1, 10, tzinfo=timezone.utc)
SPEC = DeploymentSpec("Iris", "1", Operator.AWS_LAMBDA, {"region": "eu-west-1", "memory_size": 1024, "Own": 1})


def test_deployment_is_written_with_the_names_of_its_platform() -> None:
    state = DeploymentState(DeploymentPhase.CRASH_LOOP_BACK_OFF, "no memory", {"endpoints": ["https://ä"]}, AT)
    deployment = Deployment("dev", "iris", SPEC, {"team": "vision"}, {"ticket": "ML-7"}, state, (), 3, AT, AT, "ada")
    assert deployment.to_json() == {
        "namespace": "dev",
        "name": "iris",
        "spec": {
            "bentoName": "Iris",
            "bentoVersion": "1",
            "operator": "AWS_LAMBDA",
            "awsLambdaOperatorConfig": {"region": "eu-west-1", "memorySize": 1024, "Own": 1},
        },
        "state": {
            "state": "CRASH_LOOP_BACK_OFF",
            "errorMessage": "no memory",
            "infoJson": '{"endpoints": ["https://ä"]}',
            "timestamp": "2024-05-01T10:00:00.000000Z",
        },
        "annotations": {"ticket": "ML-7"},
        "labels": {"team": "vision"},
        "createdAt": "2024-05-01T10:00:00.000000Z",
        "lastUpdatedAt": "2024-05-01T10:00:00.000000Z",
    }
    assert read_deployment(deployment.to_json()) == NewDeployment(
        "dev", "iris", SPEC, {"team": "vision"}, {"ticket": "ML-7"}
    )
    assert read_state(deployment.state.to_json()) == state


@pytest.mark.parametrize(
    ("text", "operator", "config"),
    [
        pytest.param(
            "{operator: aws-lambda, aws_lambda_operator_config: {region: eu-west-1, memory_size: 512}}",
            Operator.AWS_LAMBDA,
            {"region": "eu-west-1", "memory_size": 512},
            id="lambda",
        ),
        pytest.param(
            "{operator: aws-sagemaker, sagemaker_operator_config: {api_name: predict}}",
            Operator.AWS_SAGEMAKER,
            {"api_name": "predict"},
            id="sagemaker",
        ),
        pytest.param(
            "{operator: azure-functions, azure_functions_operator_config: {max_burst: 2}}",
            Operator.AZURE_FUNCTIONS,
            {"max_burst": 2},
            id="azure",
        ),
        pytest.param(
            "{operator: azure-functions, azure_function_operators_config: {max_burst: 2}}",
            Operator.AZURE_FUNCTIONS,
            {"max_burst": 2},
            id="azure-as-the-classic-system-wrote-it",
        ),
        pytest.param(
            "{operator: aws-ec2, aws_ec2_operator_config: {ami_id: ami-1}}",
            Operator.AWS_EC2,
            {"ami_id": "ami-1"},
            id="ec2",
        ),
        pytest.param("{operator: kubernetes}", Operator.KUBERNETES, {}, id="none"),
    ],
)
def test_spec_is_read_from_yaml(text: str, operator: Operator, config: dict[str, Any]) -> None:
    document = {**yaml.safe_load(text), "bento_name": "Iris", "bento_version": "1"}
    assert read_spec(document) == DeploymentSpec("Iris", "1", operator, config)


@pytest.mark.parametrize("written", ["AWS_LAMBDA", "aws-lambda", " aws_lambda ", 3])
def test_operator_is_read_however_it_is_written(written: object) -> None:
    assert read_operator(written) is Operator.AWS_LAMBDA


@pytest.mark.parametrize("written", ["lambda", "", 99, True, None, 3.0])
def test_operator_that_there_is_not_is_refused(written: object) -> None:
    with pytest.raises(InvalidArgument, match=r"There is no operator .*; use one of custom, aws-sagemaker"):
        read_operator(written)


def test_phase_is_read_however_it_is_written() -> None:
    assert read_phase("crash-loop-back-off") is DeploymentPhase.CRASH_LOOP_BACK_OFF
    with pytest.raises(InvalidArgument, match="There is no state 'fine'"):
        read_phase("fine")


def test_namespace_is_that_of_the_document_or_the_one_given() -> None:
    document = {"name": "iris", "spec": SPEC.to_json()}
    assert read_deployment(document, "dev").namespace == "dev"
    assert read_deployment({**document, "namespace": "prod"}, "dev").namespace == "prod"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"spec": [1]}, id="spec"),
        pytest.param({"spec": {"operator": "AWS_LAMBDA", "awsLambdaOperatorConfig": "x"}}, id="settings"),
        pytest.param({"spec": {"operator": "AWS_LAMBDA"}, "labels": [1]}, id="labels"),
    ],
)
def test_deployment_that_is_none_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="of a deployment must be a mapping, not"):
        read_deployment(document)


@pytest.mark.parametrize("document", [{"state": "PENDING", "infoJson": "{"}, {"state": "PENDING", "timestamp": "x"}])
def test_state_that_is_none_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="cannot be read"):
        read_state(document)


def test_settings_are_read_as_attributes() -> None:
    settings = SPEC.aws_lambda_operator_config
    assert (settings.region, settings.memory_size, settings.timeout, settings.Own) == ("eu-west-1", 1024, None, 1)
    assert SPEC.sagemaker_operator_config.region is None
    names = ("custom", "sagemaker", "aws_lambda", "azure_functions", "aws_ec2")
    assert all(hasattr(SPEC, f"{name}_operator_config") for name in names)
