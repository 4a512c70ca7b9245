"""The platform in memory keeps the contract."""

from __future__ import annotations

import pytest

from bentoml.yatai.deployment_models import DeploymentSpec, NewDeployment, Operator
from tests.deploy.plans.deployer_contract import DeployerContract
from tests.deploy.plans.memory_platform import MemoryDeployer, MemoryPlatform, failing


class MemoryRig:
    def __init__(self) -> None:
        self.platform = MemoryPlatform()
        self.deployer = MemoryDeployer(self.platform)
        spec = DeploymentSpec("Iris", "1", Operator.CUSTOM, {"things": ["bucket", "function"]})
        self.wanted = NewDeployment("dev", "iris", spec)

    def existing(self) -> set[str]:
        return {f"thing {name}" for name in self.platform.things}

    def cut(self) -> None:
        self.platform.before = failing("names")


class TestMemoryDeployer(DeployerContract):
    @pytest.fixture
    def rig(self) -> MemoryRig:
        return MemoryRig()
