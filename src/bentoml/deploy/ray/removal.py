"""The end of what a deployment has made on a cluster."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.ray.application import OWNER, owner_of
from bentoml.deploy.ray.dashboard import Dashboard
from bentoml.deploy.ray.package import JOB, LIVES
from bentoml.exceptions import YataiDeploymentException

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.deploy.plans import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

_POLL_S = 0.5
_LIMIT_S = 180.0


@dataclass(frozen=True)
class Removal:
    """Removes an application, or the job that keeps the bundle on the cluster."""

    resource: DeploymentResource
    creates: tuple[DeploymentResource, ...] = ()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def title(self) -> str:
        """See `Step`."""
        what = "job" if self.resource.kind == JOB else "application"
        return f"remove the {what} {self.resource.detail['name']}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        address, name = self.resource.detail["address"], self.resource.detail["name"]
        if self.resource.kind == JOB:
            place = ("--address", address, name)
            return (shlex.join(("ray", "job", "stop", *place)), shlex.join(("ray", "job", "delete", *place)))
        return (f"PUT {address}/api/serve/applications/ without {name}",)

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        dashboard, name = Dashboard(self.resource.detail["address"]), self.resource.detail["name"]
        if self.resource.kind == JOB:
            self._remove_job(dashboard, name)
            return
        found = dashboard.applications().get(name)
        if found is None:
            return
        if owner_of(found) != self.resource.detail[OWNER]:
            workshop.say(f"the application {name} is not of {self.resource.detail[OWNER]}, and stays")
            return

        def leave_out(wanted: dict[str, dict[str, Any]]) -> None:
            wanted.pop(name, None)

        dashboard.change_applications(leave_out)
        self._until(lambda: name not in dashboard.applications(), f"the application {name}")

    def _remove_job(self, dashboard: Dashboard, job: str) -> None:
        if dashboard.job_status(job) is None:
            return
        dashboard.stop_job(job)
        self._until(lambda: dashboard.job_status(job) not in LIVES, f"the job {job}")
        dashboard.forget_job(job)

    def _until(self, is_gone: Callable[[], bool], what: str) -> None:
        end_s = self.clock() + _LIMIT_S
        while not is_gone():
            if self.clock() > end_s:
                raise YataiDeploymentException(f"{what} has not ended within {_LIMIT_S:g} seconds; look again later")
            self.sleep(_POLL_S)
