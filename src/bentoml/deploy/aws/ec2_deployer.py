"""Deployments on AWS EC2: a group of instances behind a load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balanced_deployer import BalancedDeployer
from bentoml.deploy.aws.bundle_image import PLATFORMS
from bentoml.deploy.aws.ec2_options import Ec2Options
from bentoml.deploy.aws.ec2_template import InstanceStack
from bentoml.deploy.aws.template_values import FEWER_VARIABLES, template_text
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bentoml.deploy.aws.place import Place
    from bentoml.service.metadata import BentoServiceMetadata

_READY = ("InService", "Healthy")


class Ec2Deployer(BalancedDeployer):
    """See `Deployer`."""

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.AWS_EC2

    def _options(self, config: Mapping[str, Any]) -> Ec2Options:
        return Ec2Options.from_config(config)

    def _platform(self, options: Ec2Options) -> str:
        return PLATFORMS[options.architecture]

    def _template(self, name: str, bundle: str, options: Ec2Options, service: BentoServiceMetadata) -> str:  # noqa: ARG002
        return template_text(InstanceStack(name, bundle, options).template(), FEWER_VARIABLES)

    def _notes(self, options: Ec2Options) -> Iterator[str]:
        yield from super()._notes(options)
        if options.env:
            yield "all who see the launch template see the values of the variables: give no secrets"

    def _details(self, place: Place, outputs: Mapping[str, str]) -> dict[str, Any]:
        group, autoscaling = outputs["Group"], place.client("autoscaling")
        groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        instances = [
            {
                "instance_id": each["InstanceId"],
                "zone": each["AvailabilityZone"],
                "state": each["LifecycleState"],
                "health_status": each["HealthStatus"],
            }
            for found in groups
            for each in found["Instances"]
        ]
        ready = sum((each["state"], each["health_status"]) == _READY for each in instances)
        return {
            "message": f"{ready} of {len(instances)} instances are in service",
            "Url": outputs["Endpoint"],
            "TargetGroup": outputs["TargetGroup"],
            "InstanceDetails": instances,
        }
