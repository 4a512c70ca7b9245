"""The application of Ray Serve: what is asked for it, and its way into the cluster and out again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from bentoml.deploy.ray.dashboard import Dashboard
from bentoml.deploy.ray.package import uri
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentResource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bentoml.deploy.plans import Workshop
    from bentoml.deploy.ray.options import RayOptions

APPLICATION = "RayServeApplication"
FILE = "serve.yaml"
DEPLOYMENT = "Server"
"""What Ray Serve calls the replicas of an application together."""
OWNER = "owner"
"""Name of the argument that says which deployment has made the application."""
IMPORT_PATH = "bentoml.deploy.ray.replica:application"
GRACE_S = 75.0
_RAY_GRACE_S = 90.0  # Ray kills a replica that takes longer to end
_HEALTH_PERIOD_S = 2.0  # three failures in a row, and Ray replaces a replica


def configuration(name: str, owner: str, options: RayOptions, package: str | None) -> dict[str, Any]:
    """The application as `serve deploy` and the dashboard take it.

    Args:
        name: of the application.
        owner: full name of the deployment.
        options: what the user asks for.
        package: with the bundle; None where the nodes find it elsewhere.
    """
    args = {
        OWNER: owner,
        "bundle": options.location,
        "prefix": options.route_prefix,
        "workers": options.workers,
        "env": dict(options.env),
        "grace_s": GRACE_S,
    }
    document: dict[str, Any] = {
        "name": name,
        "route_prefix": options.route_prefix,
        "import_path": IMPORT_PATH,
        "args": args,
        "deployments": [_deployment(options)],
    }
    if package is not None:
        document["runtime_env"] = {"working_dir": uri(package)}
    return document


def configuration_text(document: Mapping[str, Any]) -> str:
    """A file for `serve deploy`."""
    return yaml.safe_dump({"applications": [dict(document)]}, sort_keys=False)


def _deployment(options: RayOptions) -> dict[str, Any]:
    actor: dict[str, Any] = {"num_cpus": options.cpus}
    if options.gpus:
        actor["num_gpus"] = options.gpus
    if options.memory_bytes is not None:
        actor["memory"] = options.memory_bytes
    scale: dict[str, Any] = {"num_replicas": options.replicas}
    if options.max_replicas is not None:
        scaling: dict[str, Any] = {
            "min_replicas": options.least_replicas,
            "max_replicas": options.max_replicas,
        }
        if options.target_ongoing_requests is not None:
            scaling["target_ongoing_requests"] = options.target_ongoing_requests
        scale = {"autoscaling_config": scaling}
    return {
        "name": DEPLOYMENT,
        **scale,
        "max_ongoing_requests": options.max_ongoing_requests,
        "max_queued_requests": options.max_queued_requests,
        "graceful_shutdown_timeout_s": _RAY_GRACE_S,
        "health_check_period_s": _HEALTH_PERIOD_S,
        "ray_actor_options": actor,
    }


def application_resource(address: str, name: str, owner: str) -> DeploymentResource:
    """The application as the record of a deployment has it."""
    return DeploymentResource(APPLICATION, f"{address} {name}", {"address": address, "name": name, OWNER: owner})


def owner_of(application: Mapping[str, Any]) -> str | None:
    """The deployment that has made an application, as the dashboard describes it; None for another program."""
    owner = ((application.get("deployed_app_config") or {}).get("args") or {}).get(OWNER)
    return None if owner is None else str(owner)


@dataclass(frozen=True)
class ApplicationStep:
    """Has the cluster run an application, in the place of an earlier one of this deployment.

    Attributes:
        address: of the dashboard.
        name: of the application.
        owner: full name of the deployment.
        options: what the user asks for.
        package: with the bundle; None where the nodes find it elsewhere.
        digest: of the bundle, when it is needed; None where the nodes find it elsewhere.
    """

    address: str
    name: str
    owner: str
    options: RayOptions
    package: str | None
    digest: Callable[[], str | None] | None

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"run the application {self.name} of Ray Serve at {self.options.route_prefix}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """See `Step`."""
        return (application_resource(self.address, self.name, self.owner),)

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        return (shlex.join(("serve", "deploy", "--address", self.address, FILE)),)

    def run(self, workshop: Workshop) -> None:  # noqa: ARG002 - the dashboard takes no files
        """See `Step`."""
        dashboard = Dashboard(self.address)
        found = dashboard.applications().get(self.name)
        if found is not None and found["status"] != "DELETING" and owner_of(found) != self.owner:
            raise YataiDeploymentException(
                f"there is an application {self.name} on the cluster already, which "
                f"{owner_of(found) or 'another program'} has made; choose another name"
            )
        document = configuration(self.name, self.owner, self.options, self.package)
        if self.digest is not None:
            document["args"]["digest"] = self.digest()
        dashboard.change_applications(lambda wanted: wanted.update({self.name: document}))
