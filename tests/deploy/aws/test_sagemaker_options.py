"""What may be asked of a deployment on AWS SageMaker."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.deploy.aws.sagemaker_options import SageMakerOptions
from bentoml.exceptions import InvalidArgument

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/iris"
ROLE = "arn:aws:iam::123456789012:role/service-role/endpoints"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"region": None}, "region is missing"),
        ({"instance_type": "m4.xlarge"}, r"ml\.m4\.xlarge"),
        ({"instance_count": 0}, "instance_count must be 1"),
        ({"instance_count": "2"}, "whole number"),
        ({"instance_count": True}, "whole number"),
        ({"num_of_gunicorn_workers_per_instance": 0}, "num_of_gunicorn_workers_per_instance must be 1"),
        ({"timeout": 0}, "timeout must be 1"),
        ({"startup_timeout": 59}, "startup_timeout must be 60 to 3600"),
        ({"data_capture_sample_percent": 0}, "must be 1 to 100"),
        ({"data_capture_sample_percent": 101}, "must be 1 to 100"),
        ({"data_capture_s3_prefix": "my-bucket"}, "s3://BUCKET/PREFIX"),
        ({"data_capture_s3_prefix": "s3://bucket/a*b"}, "s3://BUCKET/PREFIX"),
        ({"data_capture_s3_prefix": "s3://bucket/${aws:username}"}, "s3://BUCKET/PREFIX"),
        ({"data_capture_s3_prefix": "s3://bucket/" + "a" * 512}, "s3://BUCKET/PREFIX"),
        ({"role": "endpoints"}, "arn:aws:iam"),
        ({"role": "arn:aws:iam::123456789012:user/me"}, "role/NAME"),
        ({"autoscale_min_size": 1}, "give both"),
        ({"autoscale_max_size": 1}, "give both"),
        ({"autoscale_min_size": 3, "autoscale_max_size": 2}, "autoscale_max_size must be 3"),
        ({"autoscale_min_size": 2, "autoscale_max_size": 3}, "instance_count must be 2 to 3"),
        ({"autoscale_min_size": 0, "autoscale_max_size": 3}, "autoscale_min_size must be 1"),
        ({"image": "iris:1"}, "ECR"),
        ({"image": IMAGE}, "ECR"),
        ({"image": f"{IMAGE}:1".replace("eu-west-1", "eu-west-2")}, "its own region alone, eu-west-1"),
        ({"env": {"API_NAME": "x"}}, "leave API_NAME out"),
        ({"env": {"SAGEMAKER_BIND_TO_PORT": "1"}}, "leave SAGEMAKER_BIND_TO_PORT out"),
        ({"env": {"BENTOML_GUNICORN_TIMEOUT": "1"}}, "leave BENTOML_GUNICORN_TIMEOUT out"),
        ({"env": {"A": "x" * 1025}}, "1024 signs"),
        ({"env": {f"A{number}": "" for number in range(99)}}, "number of variables"),
        ({"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}}, "TIMEOUT"),
        ({"colour": "red"}, "SageMaker has no setting 'colour'"),
    ],
)
def test_setting_that_cannot_be_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        SageMakerOptions.from_config({"region": "eu-west-1", **config})


@pytest.mark.parametrize(
    "config",
    [
        {"instance_type": "ml.g5.48xlarge", "timeout": 1, "instance_count": 1000},
        {"role": ROLE, "image": f"{IMAGE}@sha256:{'a' * 64}"},
        {"autoscale_min_size": 1, "autoscale_max_size": 1},
        {"data_capture_s3_prefix": "s3://captured", "data_capture_sample_percent": 1},
        {"data_capture_s3_prefix": "s3://captured/a/b/"},
        {"env": {f"A{number}": "x" * 1024 for number in range(98)}},
    ],
)
def test_setting_that_can_be_is_taken(config: dict[str, Any]) -> None:
    read = SageMakerOptions.from_config({"region": "eu-west-1", **config})
    assert {name: getattr(read, name) for name in config} == config


def test_defaults_are_those_of_the_classic_commands() -> None:
    read = SageMakerOptions("eu-west-1")
    assert (read.instance_type, read.instance_count, read.timeout) == ("ml.m4.xlarge", 1, 60)
    assert (read.data_capture_s3_prefix, read.data_capture_sample_percent) == (None, 100)
    assert read.variables("predict") == {"API_NAME": "predict", "BENTOML_GUNICORN_TIMEOUT": "60"}


def test_variables_of_the_user_come_beside_those_of_the_container() -> None:
    read = SageMakerOptions("eu-west-1", num_of_gunicorn_workers_per_instance=3, env={"LEVEL": "1"})
    wanted = {"LEVEL": "1", "API_NAME": "a", "BENTOML_GUNICORN_TIMEOUT": "60", "BENTOML_GUNICORN_NUM_OF_WORKERS": "3"}
    assert read.variables("a") == wanted


@pytest.mark.parametrize(
    ("instance_type", "platform"),
    [
        ("ml.m4.xlarge", "linux/amd64"),
        ("ml.g5.xlarge", "linux/amd64"),
        ("ml.g4dn.xlarge", "linux/amd64"),
        ("ml.m6i.large", "linux/amd64"),
        ("ml.c7g.large", "linux/arm64"),
        ("ml.m6gd.large", "linux/arm64"),
        ("ml.c6gn.large", "linux/arm64"),
        ("ml.g5g.xlarge", "linux/arm64"),
        ("ml.p6-b200.48xlarge", "linux/amd64"),
        ("ml.p6e-gb200.36xlarge", "linux/arm64"),
    ],
)
def test_platform_is_that_of_the_instances(instance_type: str, platform: str) -> None:
    assert SageMakerOptions("eu-west-1", instance_type=instance_type).platform == platform
