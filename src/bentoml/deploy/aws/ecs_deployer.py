"""Deployments on AWS ECS: tasks of Fargate behind a load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balanced_deployer import BalancedDeployer
from bentoml.deploy.aws.balanced_options import AFTER_GRACE_S
from bentoml.deploy.aws.bundle_image import PLATFORMS
from bentoml.deploy.aws.ecs_options import EcsOptions
from bentoml.deploy.aws.ecs_template import LONGEST_STOP_S, ServiceStack
from bentoml.deploy.aws.template_values import FEWER_VARIABLES, template_text
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bentoml.deploy.aws.place import Place
    from bentoml.service.metadata import BentoServiceMetadata


class EcsDeployer(BalancedDeployer):
    """See `Deployer`."""

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.ECS

    def _options(self, config: Mapping[str, Any]) -> EcsOptions:
        return EcsOptions.from_config(config)

    def _platform(self, options: EcsOptions) -> str:
        return PLATFORMS[options.architecture]

    def _template(self, name: str, bundle: str, options: EcsOptions, service: BentoServiceMetadata) -> str:  # noqa: ARG002
        return template_text(ServiceStack(name, bundle, options).template(), FEWER_VARIABLES)

    def _notes(self, options: EcsOptions) -> Iterator[str]:
        yield from super()._notes(options)
        if options.drain_s + AFTER_GRACE_S > LONGEST_STOP_S:
            yield (
                f"Fargate ends a task {LONGEST_STOP_S} seconds after it was asked to stop: what is left of the "
                f"{options.drain_s} seconds that the server would wait is spent before it is asked"
            )

    def _details(self, place: Place, outputs: Mapping[str, str]) -> dict[str, Any]:
        ecs = place.client("ecs")
        cluster, service = outputs["Cluster"], outputs["Service"]
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
        tasks = {name: each[f"{name}Count"] for each in found for name in ("desired", "running", "pending")}
        return {
            "message": f"{tasks.get('running', 0)} of {tasks.get('desired', 0)} tasks run",
            "Url": outputs["Endpoint"],
            "TargetGroup": outputs["TargetGroup"],
            "cluster": cluster,
            "service": service,
            "tasks": tasks,
        }
