"""Servers behind a load balancer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.stack_deployer import StackDeployer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bentoml.deploy.aws.place import Place
    from bentoml.yatai.deployment_models import DeploymentState


class BalancedDeployer(StackDeployer):
    """What the deployers of such platforms share; see `Deployer`."""

    def _notes(self, options: Any) -> Iterator[str]:
        if options.certificate is None and not options.internal:
            yield "requests are not encrypted: with a certificate the load balancer takes https alone"
        if options.certificate is not None:
            yield "make the name of the certificate an alias (CNAME) of the load balancer: its own name is not in it"

    def _observe(self, name: str, place: Place) -> DeploymentState:
        return observe_stack(name, place, lambda outputs: self._details(place, outputs))

    @abstractmethod
    def _details(self, place: Place, outputs: Mapping[str, str]) -> dict[str, Any]:
        """What the state of a deployment that runs says beside its addresses."""
