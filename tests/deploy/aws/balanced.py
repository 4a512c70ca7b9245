"""What the tests of servers behind load balancers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

REGION = "eu-west-1"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/iris"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:iris-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/iris/key"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
NETWORK = {"vpc": "vpc-0123456789abcdef0", "subnets": SUBNETS}
BALANCED: dict[str, dict[str, Any]] = {
    "plain": {},
    "network": NETWORK,
    "private": {**NETWORK, "server_subnets": SUBNETS, "internal": True, "allow_from": ["10.0.0.0/8", "192.168.0.0/16"]},
    "https": {"certificate": CERTIFICATE, "env": {"LEVEL": "${Level} $(date) 'a' \n b", "BENTOML__TRACING__TYPE": ""}},
    "image": {"image": f"{IMAGE}:1"},
    "elsewhere": {"image": f"docker.io/team/iris@sha256:{'0' * 64}"},
    "slow": {"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "600"}},
}
"""Settings of both platforms."""


def named(value: Any) -> Iterator[str]:
    """What a part of a template names of its stack."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "Ref":
                yield part
            elif key == "Fn::GetAtt":
                yield part[0]
            elif key == "Fn::Sub":
                yield from (text.partition("}")[0].partition(".")[0] for text in part.split("${")[1:])
            elif key == "DependsOn":
                yield from (each for each in part if isinstance(each, str))  # containers have one of their own
            else:
                yield from named(part)
    elif isinstance(value, list):
        for part in value:
            yield from named(part)


def statements(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that the roles of a template may do."""
    for resource in template["Resources"].values():
        for policy in resource["Properties"].get("Policies", ()):
            yield from policy["PolicyDocument"]["Statement"]
