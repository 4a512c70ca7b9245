"""What may be asked of deployments on ECS and EC2."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.deploy.aws.balanced_options import BalancedOptions
from bentoml.deploy.aws.ec2_options import Ec2Options
from bentoml.deploy.aws.ecs_options import MEMORY, EcsOptions
from bentoml.exceptions import InvalidArgument
from tests.deploy.aws.balanced import CERTIFICATE, NETWORK, REGION, SECRET, SUBNETS

BOTH: list[tuple[dict[str, Any], str]] = [
    ({"region": None}, "region is missing"),
    ({"region": "mars"}, "region cannot be 'mars'"),
    ({"account": "12"}, "12 digits"),
    ({"image": "team/iris"}, "tag or digest"),
    ({"image": "team/iris@sha256:12"}, "64 hexadecimal"),
    ({"image": "Team/Iris:1"}, "lowercase"),
    ({"env": {"BENTOML_PORT": "1"}}, "BENTOML_PORT"),
    ({"env": {"PORT": "1"}}, "PORT"),
    ({"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}}, "timeout"),
    ({"env": {"A=B": "1"}}, "A=B"),
    ({"certificate": "iris.pem"}, "ARN"),
    ({"certificate": CERTIFICATE.replace(REGION, "us-east-1")}, "those of eu-west-1 alone"),
    ({"allow_from": []}, "nobody"),
    ({"allow_from": ["10.0.0.1/8"]}, "host bits"),
    ({"allow_from": ["everybody"]}, "everybody"),
    ({"allow_from": ["fe80::/10"]}, "IPv4"),
    ({"vpc": "net", "subnets": SUBNETS}, "vpc cannot be 'net'"),
    ({"vpc": NETWORK["vpc"]}, "2 subnets"),
    ({"vpc": NETWORK["vpc"], "subnets": SUBNETS[:1]}, "2 subnets"),
    ({"vpc": NETWORK["vpc"], "subnets": SUBNETS[:1] * 2}, "twice"),
    ({"subnets": SUBNETS}, "needs vpc"),
    ({"server_subnets": SUBNETS}, "needs vpc"),
    ({"internal": True}, "internal needs vpc"),
    ({"cpu_target_percent": 0}, "cpu_target_percent"),
    ({"colour": "red"}, "colour"),
]
OF_ECS: list[tuple[dict[str, Any], str]] = [
    ({"cpu": 1000}, "256, 512"),
    ({"cpu": 256, "memory": 4096}, "512, 1024, 2048 MiB"),
    ({"memory": 2049}, "2049"),
    ({"cpu": 8192, "memory": 17408}, "17408"),
    ({"architecture": "mips"}, "arm64"),
    ({"replicas": 0}, "replicas"),
    ({"replicas": 3, "max_replicas": 2}, "max_replicas"),
    ({"requests_target": 10}, "needs max_replicas"),
    ({"max_replicas": 2, "cpu_target_percent": None}, "when to scale"),
    ({"storage": 20}, "storage"),
    ({"workers": 0}, "workers"),
    ({"secrets": {"KEY": "hunter2"}}, "secretsmanager"),
    ({"secrets": {"KEY": f"{SECRET}:key"}}, "secretsmanager"),
    ({"secrets": {"BENTOML_PORT": SECRET}}, "BENTOML_PORT"),
    ({"secrets": {"KEY": SECRET}, "env": {"KEY": "1"}}, "variable and a secret"),
    ({"task_role": "iris"}, "role"),
    ({"cpu": "1024"}, "whole number"),
]
OF_EC2: list[tuple[dict[str, Any], str]] = [
    ({"instance_type": "large"}, "t2.micro"),
    ({"instance_type": "t2.micro; reboot"}, "t2.micro"),
    ({"ami_id": "amazon-linux"}, "ami-0123456789abcdef0"),
    ({"autoscale_min_size": 0}, "autoscale_min_size"),
    ({"autoscale_min_size": 2}, "2, 1, 1"),
    ({"autoscale_desired_capacity": 2}, "1, 2, 1"),
    ({"autoscale_max_size": 1001}, "autoscale_max_size"),
    ({"disk": 7}, "disk"),
]


@pytest.mark.parametrize(
    ("options", "config", "said"),
    [*((EcsOptions, *each) for each in [*BOTH, *OF_ECS]), *((Ec2Options, *each) for each in [*BOTH, *OF_EC2])],
    ids=str,
)
def test_options_when_one_cannot_be_refuse_it(
    options: type[EcsOptions | Ec2Options], config: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        options.from_config({"region": REGION, **config})


@pytest.mark.parametrize("cpu", MEMORY)
def test_fargate_takes_the_least_and_the_most_memory_of_a_size(cpu: int) -> None:
    for memory in (MEMORY[cpu][0], MEMORY[cpu][-1]):
        assert EcsOptions.from_config({"region": REGION, "cpu": cpu, "memory": memory}).memory == memory


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [("t2.micro", "x86_64"), ("t4g.small", "arm64"), ("c7gn.xlarge", "arm64"), ("g4dn.xlarge", "x86_64"),
     ("g5g.xlarge", "arm64"), ("a1.large", "arm64"), ("is4gen.medium", "arm64"), ("g6.xlarge", "x86_64"),
     ("gr6.4xlarge", "x86_64"), ("m7i-flex.large", "x86_64"), ("u-6tb1.56xlarge", "x86_64")],
)  # fmt: skip
def test_processors_follow_from_the_type_of_the_instances(instance_type: str, architecture: str) -> None:
    options = Ec2Options.from_config({"region": REGION, "instance_type": instance_type})
    assert options.architecture == architecture
    assert architecture in options.ami


def test_addresses_that_may_send_requests_are_ranges_each_of_them_once() -> None:
    given = ("1.2.3.4", "1.2.3.4/32", "10.0.0.0/255.0.0.0", "10.0.0.0/8")
    assert BalancedOptions(REGION, allow_from=given).ranges == ("1.2.3.4/32", "10.0.0.0/8")
