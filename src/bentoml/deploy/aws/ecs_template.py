"""The stack of a deployment on ECS: tasks of Fargate behind a load balancer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balanced_options import AFTER_GRACE_S
from bentoml.deploy.aws.balancer import (
    LISTENER,
    REQUESTS_LABEL,
    START_LIMIT_S,
    TARGETS,
    balancer_outputs,
    balancer_resources,
)
from bentoml.deploy.aws.network import PORT, SERVER_GROUP, Network
from bentoml.deploy.aws.roles import allow, may_log, may_pull, role
from bentoml.deploy.aws.template_values import IMAGE, PARAMETERS, attribute, log_group, ref, sub

if TYPE_CHECKING:
    from bentoml.deploy.aws.ecs_options import EcsOptions

LONGEST_STOP_S = 120
"""Fargate ends a task after this time, whatever it does."""
_CLUSTER, _TASK, _SERVICE, _ROLE, _LOG, _SCALED = "Cluster", "Task", "Service", "ExecutionRole", "Log", "ScaledService"
_CONTAINER, _VOLUME, _OPENS = "server", "tmp", "open-tmp"


@dataclass(frozen=True)
class ServiceStack:
    """What the template is made from.

    Attributes:
        name: of the stack.
        bundle: name and version.
        options: what the user asks for.
    """

    name: str
    bundle: str
    options: EcsOptions

    def template(self) -> dict[str, Any]:
        """The template."""
        options, network = self.options, Network(self.name, self.options)
        resources = {
            **network.resources(),
            **balancer_resources(network, options, "ip"),
            _LOG: log_group(f"/ecs/{self.name}"),
            _ROLE: role("ecs-tasks", [*may_pull(self.name, options), may_log(_LOG), *_may_read(options)]),
            _CLUSTER: {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": self.name}},
            _TASK: {"Type": "AWS::ECS::TaskDefinition", "Properties": self._task()},
            _SERVICE: {
                "Type": "AWS::ECS::Service",
                **network.needs(LISTENER),
                "Properties": self._service(network),
            },
            **(self._scaling() if options.scales else {}),
        }
        outputs = {
            **balancer_outputs(options),
            "Cluster": {"Value": ref(_CLUSTER)},
            "Service": {"Value": attribute(_SERVICE, "Name")},
        }
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{self.bundle} on AWS ECS",
            "Parameters": PARAMETERS,
            "Resources": resources,
            "Outputs": outputs,
        }

    def _task(self) -> dict[str, Any]:
        options = self.options
        task = {
            "Family": self.name,
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": str(options.cpu),
            "Memory": str(options.memory),
            "RuntimePlatform": {"CpuArchitecture": options.architecture.upper(), "OperatingSystemFamily": "LINUX"},
            "ExecutionRoleArn": attribute(_ROLE),
            "Volumes": [{"Name": _VOLUME}],
            "ContainerDefinitions": [self._server(), self._opens()],
        }
        if options.task_role is not None:
            task["TaskRoleArn"] = options.task_role
        if options.storage is not None:
            task["EphemeralStorage"] = {"SizeInGiB": options.storage}
        return task

    def _server(self) -> dict[str, Any]:
        options = self.options
        variables = {"BENTOML_PORT": str(PORT), **options.variables}
        server = {
            **self._container(_CONTAINER),
            "Essential": True,
            "DependsOn": [{"ContainerName": _OPENS, "Condition": "SUCCESS"}],
            "PortMappings": [{"ContainerPort": PORT, "Protocol": "tcp"}],
            "Environment": [{"Name": name, "Value": value} for name, value in variables.items()],
            "Secrets": [{"Name": name, "ValueFrom": source} for name, source in options.secrets.items()],
            "HealthCheck": {
                "Command": ["CMD", "bentoml", "healthcheck", "--quiet"],
                "Interval": 30,
                "Timeout": 10,
                "Retries": 10,  # with the time for the start, 600 seconds: the longest that ECS allows
                "StartPeriod": 300,
            },
            "StopTimeout": min(options.drain_s + AFTER_GRACE_S, LONGEST_STOP_S),
        }
        if options.workers is not None:
            server["Command"] = ["--workers", str(options.workers)]
        return server

    def _opens(self) -> dict[str, Any]:
        """What lets every user write to the volume, which is root's: nothing else of a task can be written to."""
        return {
            **self._container(_OPENS),
            "Essential": False,
            "User": "0",
            "EntryPoint": ["chmod"],
            "Command": ["1777", "/tmp"],  # noqa: S108 - of the container
        }

    def _container(self, name: str) -> dict[str, Any]:
        logs = {"awslogs-group": ref(_LOG), "awslogs-region": ref("AWS::Region"), "awslogs-stream-prefix": name}
        return {
            "Name": name,
            "Image": ref(IMAGE),
            "ReadonlyRootFilesystem": True,
            "LinuxParameters": {"Capabilities": {"Drop": ["ALL"]}},
            "MountPoints": [{"SourceVolume": _VOLUME, "ContainerPath": "/tmp"}],  # noqa: S108 - of the container
            "LogConfiguration": {"LogDriver": "awslogs", "Options": logs},
        }

    def _service(self, network: Network) -> dict[str, Any]:
        inside = {
            "Subnets": network.server_subnets,
            "SecurityGroups": [attribute(SERVER_GROUP, "GroupId")],
            "AssignPublicIp": "ENABLED" if network.has_public_servers else "DISABLED",
        }
        # Where the load says how many there are, no update shall.
        count = {} if self.options.scales else {"DesiredCount": self.options.replicas}
        return {
            "Cluster": ref(_CLUSTER),
            "TaskDefinition": ref(_TASK),
            "LaunchType": "FARGATE",
            **count,
            "DeploymentConfiguration": {
                "MinimumHealthyPercent": 100,
                "MaximumPercent": 200,
                "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
            },
            "HealthCheckGracePeriodSeconds": START_LIMIT_S,
            "LoadBalancers": [{"ContainerName": _CONTAINER, "ContainerPort": PORT, "TargetGroupArn": ref(TARGETS)}],
            "NetworkConfiguration": {"AwsvpcConfiguration": inside},
            "EnableECSManagedTags": True,
            "PropagateTags": "SERVICE",
        }

    def _scaling(self) -> dict[str, Any]:
        options = self.options
        target = {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": sub(f"service/${{{_CLUSTER}}}/${{{_SERVICE}.Name}}"),
            "MinCapacity": options.replicas,
            "MaxCapacity": options.max_replicas,
        }
        found = {_SCALED: {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target}}
        if options.cpu_target_percent is not None:
            metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
            found["CpuScaling"] = self._policy("cpu", metric, options.cpu_target_percent)
        if options.requests_target is not None:
            label = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": sub(REQUESTS_LABEL)}
            found["RequestScaling"] = self._policy("requests", label, options.requests_target)
        return found

    def _policy(self, what: str, metric: dict[str, Any], aim: int) -> dict[str, Any]:
        follows = {
            "PredefinedMetricSpecification": metric,
            "TargetValue": aim,
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
        }
        return {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": f"{self.name}-{what}",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": ref(_SCALED),
                "TargetTrackingScalingPolicyConfiguration": follows,
            },
        }


def _may_read(options: EcsOptions) -> list[dict[str, Any]]:
    """May read the secrets, none but these."""
    # After the name of a secret may stand what of it is meant.
    secrets = sorted({":".join(arn.split(":")[:7]) for arn in options.secrets.values() if ":secretsmanager:" in arn})
    parameters = sorted({arn for arn in options.secrets.values() if ":ssm:" in arn})
    found = []
    if secrets:
        found += [allow(["secretsmanager:GetSecretValue"], secrets), _may_decrypt("SecretARN", secrets)]
    if parameters:
        found += [allow(["ssm:GetParameters"], parameters), _may_decrypt("PARAMETER_ARN", parameters)]
    return found


def _may_decrypt(context: str, arns: list[str]) -> dict[str, Any]:
    """May decrypt these, which is needed where a key of the user's own has encrypted them.

    Args:
        context: what names them in the context with which they are encrypted.
        arns: of the secrets or parameters.
    """
    keys = sub("arn:${AWS::Partition}:kms:*:*:key/*")
    return {**allow(["kms:Decrypt"], keys), "Condition": {"StringEquals": {f"kms:EncryptionContext:{context}": arns}}}
