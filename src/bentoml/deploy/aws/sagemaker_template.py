"""The stack of a deployment on AWS SageMaker: a model, an endpoint that runs it, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.observation import ENDPOINT
from bentoml.deploy.aws.sagemaker_role import role
from bentoml.deploy.aws.template_values import IMAGE, PARAMETERS, attribute, ref, sub

if TYPE_CHECKING:
    from bentoml.deploy.aws.sagemaker_options import SageMakerOptions

NAME = "Name"
"""Output with the name of the endpoint."""
_ROLE, _MODEL, _CONFIG, _ENDPOINT = "Role", "Model", "Configuration", "InferenceEndpoint"
_VARIANT = "AllTraffic"
_METRIC = "SageMakerVariantInvocationsPerInstance"


@dataclass(frozen=True)
class EndpointStack:
    """What the template is made from.

    Attributes:
        name: of the stack, and of the endpoint.
        bundle: name and version.
        api_name: the API that answers.
        options: what the user asks for.
    """

    name: str
    bundle: str
    api_name: str
    options: SageMakerOptions

    def template(self) -> dict[str, Any]:
        """The template."""
        resources = {_MODEL: self._model(), _CONFIG: self._configuration(), _ENDPOINT: self._endpoint()}
        if self.options.role is None:
            resources[_ROLE] = role(self.name, self.options)
        if self.options.autoscale_max_size is not None:
            resources.update(self._scaling())
        runtime = "https://runtime.sagemaker.${AWS::Region}.${AWS::URLSuffix}"
        address = sub(f"{runtime}/endpoints/${{{_ENDPOINT}.EndpointName}}/invocations")
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{self.bundle} on AWS SageMaker",
            "Parameters": PARAMETERS,
            "Resources": resources,
            "Outputs": {
                NAME: {"Value": attribute(_ENDPOINT, "EndpointName")},
                ENDPOINT: {"Value": address},
            },
        }

    def _model(self) -> dict[str, Any]:
        container = {
            "Image": ref(IMAGE),
            "Mode": "SingleModel",
            "Environment": self.options.variables(self.api_name),
        }
        given = self.options.role
        properties = {
            "ExecutionRoleArn": attribute(_ROLE) if given is None else given,
            "PrimaryContainer": container,
        }
        return {"Type": "AWS::SageMaker::Model", "Properties": properties}

    def _configuration(self) -> dict[str, Any]:
        variant: dict[str, Any] = {
            "VariantName": _VARIANT,
            "ModelName": attribute(_MODEL, "ModelName"),
            "InstanceType": self.options.instance_type,
            "InitialInstanceCount": self.options.instance_count,
            "InitialVariantWeight": 1,
        }
        if self.options.startup_timeout is not None:
            variant["ContainerStartupHealthCheckTimeoutInSeconds"] = self.options.startup_timeout
        properties: dict[str, Any] = {"ProductionVariants": [variant]}
        if self.options.data_capture_s3_prefix is not None:
            properties["DataCaptureConfig"] = {
                "EnableCapture": True,
                "InitialSamplingPercentage": self.options.data_capture_sample_percent,
                "DestinationS3Uri": self.options.data_capture_s3_prefix,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                # What is of another type is kept as base64.
                "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"], "CsvContentTypes": ["text/csv"]},
            }
        return {"Type": "AWS::SageMaker::EndpointConfig", "Properties": properties}

    def _endpoint(self) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "EndpointName": self.name,
            "EndpointConfigName": attribute(_CONFIG, "EndpointConfigName"),
        }
        if self.options.autoscale_max_size is not None:
            # An update leaves as many instances as there are, and changes all else.
            properties["RetainAllVariantProperties"] = True
            properties["ExcludeRetainedVariantProperties"] = [
                {"VariantPropertyType": "DesiredWeight"},
                {"VariantPropertyType": "DataCaptureConfig"},
            ]
        return {"Type": "AWS::SageMaker::Endpoint", "Properties": properties}

    def _scaling(self) -> dict[str, Any]:
        target = {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "ResourceId": sub(f"endpoint/${{{_ENDPOINT}.EndpointName}}/variant/{_VARIANT}"),
            "MinCapacity": self.options.autoscale_min_size,
            "MaxCapacity": self.options.autoscale_max_size,
        }
        tracking = {
            "PredefinedMetricSpecification": {"PredefinedMetricType": _METRIC},
            "TargetValue": self.options.autoscale_invocations,
        }
        policy = {
            "PolicyName": f"{self.name}-invocations",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": ref("ScalableTarget"),
            "TargetTrackingScalingPolicyConfiguration": tracking,
        }
        return {
            "ScalableTarget": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
            "ScalingPolicy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
        }
