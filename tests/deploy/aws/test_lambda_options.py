"""What may be asked of a deployment on AWS Lambda, and what its things are called."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.deploy.aws.lambda_options import LambdaOptions
from bentoml.deploy.aws.names import base_name, logical_id, with_suffix
from bentoml.deploy.aws.place import Place
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import DeploymentSpec, NewDeployment, Operator

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/iris"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"memory_size": 64}, "memory_size"),
        ({"memory_size": 3072}, "memory_size"),
        ({"memory_size": 200}, "steps of 64"),
        ({"memory_size": "1024"}, "whole number"),
        ({"memory_size": True}, "whole number"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 901}, "timeout"),
        ({"region": None}, "region is missing"),
        ({"region": 3}, "region must be a text"),
        ({"endpoint": "rest"}, "http-api"),
        ({"architecture": "mips"}, "x86_64"),
        ({"image": "iris:1"}, "ECR"),
        ({"image": IMAGE}, "ECR"),
        ({"image": f"{IMAGE}:1".replace("eu-west-1", "eu-west-2")}, "its own region alone, eu-west-1"),
        ({"env": {"AWS_REGION": "x"}}, "AWS_REGION"),
        ({"env": {"BENTOML_LAMBDA_API": "x"}}, "BENTOML_LAMBDA_API"),
        ({"env": {"A=B": "x"}}, "A=B"),
        ({"env": {"_A": "x"}}, "a letter first"),
        ({"env": {"A": "x"}}, "two signs"),
        ({"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}}, "TIMEOUT"),
        ({"env": ["A"]}, "mapping"),
        ({"colour": "red"}, "colour"),
    ],
    ids=str,
)
def test_options_when_one_cannot_be_refuse_it(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        LambdaOptions.from_config({"region": "eu-west-1", **config})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"memory_size": 128, "timeout": 1},
        {"memory_size": 3008, "timeout": 900},
        {"image": f"{IMAGE}:1", "env": {"A_1": ""}},
        {"image": f"{IMAGE}@sha256:{'0' * 64}"},
        {"image": f"{IMAGE.replace('.com', '.com.cn')}:1"},
        {"api_name": None},
    ],
    ids=str,
)
def test_options_at_their_bounds_are_taken(config: dict[str, Any]) -> None:
    options = LambdaOptions.from_config({"region": "eu-west-1", **config})
    assert {name: getattr(options, name) for name in config} == config


@pytest.mark.parametrize("region", ["", "Europe", "eu-west-1;x", "eu-west-1\n", "--region"])
def test_place_when_there_is_no_such_region_refuses_it(region: str) -> None:
    with pytest.raises(InvalidArgument, match="region"):
        Place(region)


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-east-1", "us-isob-west-1", "eusc-de-east-1", "mx-central-1"])
def test_place_in_any_part_of_aws_is_one(region: str) -> None:
    assert Place(region).region == region


def wanted(namespace: str, name: str) -> NewDeployment:
    return NewDeployment(namespace, name, DeploymentSpec("Iris", "1", Operator.AWS_LAMBDA))


def test_names_of_different_deployments_differ_and_can_be() -> None:
    pairs = [("dev", "iris"), ("dev", "Iris"), ("dev", "i_r.is"), ("dev-iris", "web"), ("dev", "iris-web")]
    pairs += [("dev", "a" * 63), ("dev", "a" * 62), ("1st", "iris"), ("dev", "iris--x"), ("dev", "iris.x")]
    names = [base_name(wanted(*pair)) for pair in pairs]
    assert len(set(names)) == len(names)
    assert names[0] == "dev-iris"
    for name in names:
        assert name.isascii()
        assert name[0].isalpha()
        assert len(name) <= 40
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert "--" not in name
    assert [base_name(wanted(*pair)) for pair in pairs] == names


def test_names_of_functions_are_short_enough_and_differ() -> None:
    parts = ["predict", "predict_all", "predictall", "vorhersage_für_alle", "x" * 80, "x" * 81]
    names = [with_suffix("dev-iris", part, 64) for part in parts]
    assert names[0] == "dev-iris-predict"
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 64
    assert len({logical_id("Function", part) for part in parts}) == len(parts)
    assert all(logical_id("Function", part).isalnum() for part in parts)
