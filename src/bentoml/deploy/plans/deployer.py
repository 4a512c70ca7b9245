"""The port between what all platforms share and one of them.

Every deployer keeps these promises:

- `plan` asks nobody: no network, no clock, no chance. The same wish gives the same plan, with the same names in it.
- A step can be done again after it was interrupted, and the step of `removal` when nothing is left to remove.
- What a step makes is in its `creates`, also what it makes before it fails; that says all that `removal` needs.
- `observe` changes nothing. What the platform does not answer is `UNKNOWN`, what is not there `INACTIVATED`.

`tests/deploy/plans/deployer_contract.py` holds every deployer to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bentoml.deploy.plans.plan import Plan, Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import (
        Deployment,
        DeploymentResource,
        DeploymentState,
        NewDeployment,
        Operator,
    )


class Deployer(Protocol):
    """What knows one kind of platform."""

    @property
    def operator(self) -> Operator:
        """The kind."""
        ...

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:
        """What has to be done, from nothing or from an earlier state of the same deployment.

        Args:
            wanted: its `spec.operator_config` says how, in the words of the platform.
            service: what its bundle is.

        Raises:
            InvalidArgument: it cannot be; the text says what to change.
        """
        ...

    def removal(self, resource: DeploymentResource) -> Step:
        """What removes a resource, as far as it is there."""
        ...

    def observe(self, deployment: Deployment) -> DeploymentState:
        """How it does now.

        Raises:
            BentoMLException: nobody can look, such as when a program is not installed.
        """
        ...
