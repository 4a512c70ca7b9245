"""The stack of a deployment on EC2: a group of instances behind a load balancer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balancer import LISTENER, START_LIMIT_S, TARGETS, balancer_outputs, balancer_resources
from bentoml.deploy.aws.ec2_script import LOG, head, script
from bentoml.deploy.aws.network import SERVER_GROUP, Network
from bentoml.deploy.aws.roles import may_log, may_pull, role
from bentoml.deploy.aws.template_values import PARAMETERS, attribute, log_group, ref

if TYPE_CHECKING:
    from bentoml.deploy.aws.ec2_options import Ec2Options

ROOT_DEVICE = "/dev/xvda"
GROUP = "Group"
_TEMPLATE, _ROLE, _PROFILE = "LaunchTemplate", "Role", "Profile"
# From the start of an instance to the word that its server is ready.
_START = f"PT{START_LIMIT_S // 60 + 10}M"
# What would start or end instances while others are replaced.
_SUSPENDED = ["AZRebalance", "AlarmNotification", "HealthCheck", "ReplaceUnhealthy", "ScheduledActions"]


@dataclass(frozen=True)
class InstanceStack:
    """What the template is made from.

    Attributes:
        name: of the stack.
        bundle: name and version.
        options: what the user asks for.
    """

    name: str
    bundle: str
    options: Ec2Options

    def template(self) -> dict[str, Any]:
        """The template."""
        options, network = self.options, Network(self.name, self.options)
        resources = {
            **network.resources(),
            **balancer_resources(network, options, "instance"),
            LOG: log_group(f"/ec2/{self.name}"),
            _ROLE: role("ec2", [*may_pull(self.name, options), may_log(LOG)]),
            _PROFILE: {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [ref(_ROLE)]}},
            _TEMPLATE: {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {"LaunchTemplateData": self._instance(network)},
            },
            GROUP: self._group(network),
            **({"CpuScaling": self._scaling()} if options.scales else {}),
        }
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{self.bundle} on AWS EC2",
            "Parameters": PARAMETERS,
            "Resources": resources,
            "Outputs": {**balancer_outputs(options), GROUP: {"Value": ref(GROUP)}},
        }

    def _instance(self, network: Network) -> dict[str, Any]:
        disk = {"VolumeType": "gp3", "VolumeSize": self.options.disk, "Encrypted": True, "DeleteOnTermination": True}
        interface = {
            "DeviceIndex": 0,
            "AssociatePublicIpAddress": network.has_public_servers,
            "Groups": [attribute(SERVER_GROUP, "GroupId")],
        }
        return {
            "ImageId": self.options.ami,
            "InstanceType": self.options.instance_type,
            "IamInstanceProfile": {"Arn": attribute(_PROFILE)},
            "NetworkInterfaces": [interface],
            "BlockDeviceMappings": [{"DeviceName": ROOT_DEVICE, "Ebs": disk}],
            # One hop ends in the instance: the code of the bundle gets no credentials of its role.
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"},
            "UserData": {"Fn::Base64": {"Fn::Join": ["", [*head(GROUP), script(self.options)]]}},
            "TagSpecifications": [{"ResourceType": kind, "Tags": network.tags()} for kind in ("instance", "volume")],
        }

    def _group(self, network: Network) -> dict[str, Any]:
        options = self.options
        first, most = options.autoscale_desired_capacity, options.autoscale_max_size
        # Where the load says how many there are, no update shall, unless somebody wants more at first.
        has_own_count = not options.scales or first > options.autoscale_min_size
        return {
            "Type": "AWS::AutoScaling::AutoScalingGroup",
            **network.needs(LISTENER),
            "CreationPolicy": {"ResourceSignal": {"Count": first, "Timeout": _START}},
            "UpdatePolicy": _update_policy(first, most),
            "Properties": {
                "LaunchTemplate": {
                    "LaunchTemplateId": ref(_TEMPLATE),
                    "Version": attribute(_TEMPLATE, "LatestVersionNumber"),
                },
                "MinSize": str(options.autoscale_min_size),
                "MaxSize": str(most),
                **({"DesiredCapacity": str(first)} if has_own_count else {}),
                "VPCZoneIdentifier": network.server_subnets,
                "TargetGroupARNs": [ref(TARGETS)],
                "HealthCheckType": "ELB",
                "HealthCheckGracePeriod": START_LIMIT_S,
                "Tags": [{**tag, "PropagateAtLaunch": False} for tag in network.tags()],
            },
        }

    def _scaling(self) -> dict[str, Any]:
        follows = {
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": self.options.cpu_target_percent,
        }
        return {
            "Type": "AWS::AutoScaling::ScalingPolicy",
            "Properties": {
                "AutoScalingGroupName": ref(GROUP),
                "PolicyType": "TargetTrackingScaling",
                "EstimatedInstanceWarmup": 300,
                "TargetTrackingConfiguration": follows,
            },
        }


def _update_policy(first: int, most: int) -> dict[str, Any]:
    """New instances are ready before old ones go.

    One by one, where there may be one more than there are; else as a whole, as a group cannot have more than its most.
    """
    if first == most:
        return {"AutoScalingReplacingUpdate": {"WillReplace": True}}
    return {
        "AutoScalingRollingUpdate": {
            "MinInstancesInService": first,
            "MaxBatchSize": 1,
            "MinSuccessfulInstancesPercent": 100,
            "PauseTime": _START,
            "WaitOnResourceSignals": True,
            "SuspendProcesses": _SUSPENDED,
        }
    }
