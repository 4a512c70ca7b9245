"""What the things of a stack may do: no more than they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.ecr_address import EcrAddress, own_repository
from bentoml.deploy.aws.template_values import attribute, sub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.deploy.aws.balanced_options import BalancedOptions


def role(service: str, statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A role of a service.

    Args:
        service: such as `ec2`.
        statements: what it may do.
    """
    trusts = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusts]},
            "Policies": [{"PolicyName": "servers", "PolicyDocument": policy}],
        },
    }


def allow(actions: Sequence[str], resources: Any) -> dict[str, Any]:
    """A statement of a policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def may_log(*groups: str) -> dict[str, Any]:
    """May write to log groups of the stack."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], [attribute(group) for group in groups])


def may_pull(repository: str, options: BalancedOptions) -> list[dict[str, Any]]:
    """May pull the image: out of the repository of the deployment, or out of that of the image that is given."""
    given = None if options.image is None else EcrAddress.of(options.image)
    if options.image is None:
        arn = own_repository(repository)
    elif given is not None:
        arn = given.arn
    else:
        return []
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    pull = allow(actions, sub(arn))
    return [allow(["ecr:GetAuthorizationToken"], "*"), pull]  # the first is of no repository
