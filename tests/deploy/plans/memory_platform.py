"""A platform in memory whose calls fail where a test says so, and its deployer, which keeps the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bentoml.deploy.plans import Plan, Workshop
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.service.metadata import BentoServiceMetadata
from bentoml.yatai.deployment_models import (
    Deployment,
    DeploymentResource,
    DeploymentState,
    NewDeployment,
    Operator,
)


class MemoryPlatform:
    """Things by name. `faults` are called with the verb and the name, before and after each call."""

    def __init__(self) -> None:
        self.things: dict[str, str] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda call: None
        self.after: Callable[[str], None] = lambda call: None

    def put(self, name: str, text: str) -> None:
        self._called(f"put {name}", lambda: self.things.update({name: text}))

    def remove(self, name: str) -> None:
        self._called(f"remove {name}", lambda: self.things.pop(name, None))

    def names(self) -> list[str]:
        self._called("names", lambda: None)
        return sorted(self.things)

    def _called(self, call: str, work: Callable[[], object]) -> None:
        self.calls.append(call)
        self.before(call)
        work()
        self.after(call)


def failing(*calls: str, error: BaseException | None = None) -> Callable[[str], None]:
    """What raises at some calls."""

    def fail(call: str) -> None:
        if call in calls:
            raise error or BentoMLException(f"the platform refuses: {call}")

    return fail


@dataclass(frozen=True)
class PutStep:
    platform: MemoryPlatform = field(repr=False)
    name: str

    @property
    def title(self) -> str:
        return f"put {self.name}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        return (DeploymentResource("thing", self.name, {"region": "here"}),)

    def lines(self) -> tuple[str, ...]:
        return (f"platform put {self.name} --file {self.name}.json",)

    def run(self, workshop: Workshop) -> None:
        self.platform.put(self.name, (workshop.directory / f"{self.name}.json").read_text())


@dataclass(frozen=True)
class RemoveStep:
    platform: MemoryPlatform = field(repr=False)
    name: str
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        return f"remove {self.name}"

    def lines(self) -> tuple[str, ...]:
        return (f"platform remove {self.name}",)

    def run(self, workshop: Workshop) -> None:
        self.platform.remove(self.name)


@dataclass(frozen=True)
class MemoryDeployer:
    """Setting: `things`, a list of names; all of them have to be there for the deployment to run."""

    platform: MemoryPlatform
    operator: Operator = Operator.CUSTOM

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:
        config: dict[str, Any] = dict(wanted.spec.operator_config)
        things = config.pop("things", [])
        if config:
            raise InvalidArgument(f"there is no setting {sorted(config)}")
        text = json.dumps({"bundle": wanted.spec.bento_tag, "apis": [api.name for api in service.apis]})
        steps = tuple(PutStep(self.platform, name) for name in things)
        return Plan({f"{name}.json": text for name in things}, steps, ("It is a platform in memory.",))

    def removal(self, resource: DeploymentResource) -> RemoveStep:
        assert resource.detail["region"] == "here"
        return RemoveStep(self.platform, resource.id)

    def observe(self, deployment: Deployment) -> DeploymentState:
        try:
            there = self.platform.names()
        except BentoMLException as error:
            return DeploymentState(DeploymentState.UNKNOWN, str(error))
        wanted = deployment.spec.operator_config["things"]
        found = [name for name in wanted if name in there]
        info = {"message": f"{len(found)} of {len(wanted)} things"}
        if not found:
            return DeploymentState(DeploymentState.INACTIVATED, info=info)
        return DeploymentState(
            DeploymentState.RUNNING if len(found) == len(wanted) else DeploymentState.PENDING, info=info
        )
