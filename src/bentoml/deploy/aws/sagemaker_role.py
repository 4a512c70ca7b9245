"""The role that SageMaker takes on for a deployment: its image, its logs, its metrics and the data that it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.ecr_address import EcrAddress, own_repository
from bentoml.deploy.aws.template_values import sub

if TYPE_CHECKING:
    from bentoml.deploy.aws.sagemaker_options import SageMakerOptions

_VERSION = "2012-10-17"
_READ_IMAGE = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_WRITE_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")


def role(name: str, options: SageMakerOptions) -> dict[str, Any]:
    """The resource.

    Args:
        name: of the endpoint, and of the repository unless an image is given.
        options: what the deployment does.
    """
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    here = "${AWS::Region}:${AWS::AccountId}"
    logs = f"arn:${{AWS::Partition}}:logs:{here}:log-group:/aws/sagemaker/Endpoints/{name}"
    statements = [
        _allow(["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"], "*"),  # which know no smaller part
        _allow(_READ_IMAGE, sub(_repository(name, options.image))),
        _allow(_WRITE_LOGS, sub(logs), sub(f"{logs}:*")),
    ]
    if options.data_capture_s3_prefix is not None:
        place = options.data_capture_s3_prefix.removeprefix("s3://").rstrip("/")
        statements.append(_allow(["s3:PutObject"], sub(f"arn:${{AWS::Partition}}:s3:::{place}/*")))
    policy = {"Version": _VERSION, "Statement": statements}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": _VERSION, "Statement": [trust]},
            "Policies": [{"PolicyName": "endpoint", "PolicyDocument": policy}],
        },
    }


def _repository(name: str, image: str | None) -> str:
    """The ARN of the repository that has the image."""
    given = None if image is None else EcrAddress.of(image)
    return own_repository(name) if given is None else given.arn


def _allow(actions: list[str] | tuple[str, ...], *resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
