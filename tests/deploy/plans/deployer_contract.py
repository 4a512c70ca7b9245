"""The contract of deployers, see `bentoml.deploy.plans.deployer`."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import replace
from typing import Any, Protocol

import pytest

from bentoml.deploy.plans import Deployer, Deployments, plan_text
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import Deployment, DeploymentPhase, NewDeployment
from bentoml.yatai.local import LocalRegistry


class Rig(Protocol):
    """A deployer with a platform to try it on."""

    deployer: Deployer
    wanted: NewDeployment
    """Of a bundle that the registry has; its plan creates something."""

    def existing(self) -> set[str]:
        """What is there, as `kind id` of resources."""
        ...

    def cut(self) -> None:
        """From now on the platform does not answer."""
        ...


def names(deployment: Deployment) -> set[str]:
    return {f"{resource.kind} {resource.id}" for resource in deployment.resources}


class DeployerContract:
    """A test module subclasses it, with the fixture `rig`; the fixture `registry` has the bundle."""

    def test_plan_asks_nobody_and_is_the_same_each_time(
        self, rig: Rig, registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployments = Deployments(registry, rig.deployer)
        first = deployments.plan(rig.wanted)

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("a plan asks nobody")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(subprocess, "Popen", refuse)
        second = deployments.plan(rig.wanted)
        assert plan_text(first) == plan_text(second)
        assert first.files == second.files
        assert first.creates

    def test_plan_when_a_setting_is_unknown_refuses_it(self, rig: Rig, registry: LocalRegistry) -> None:
        spec = replace(rig.wanted.spec, operator_config={**rig.wanted.spec.operator_config, "colour": "red"})
        with pytest.raises(InvalidArgument, match="colour"):
            Deployments(registry, rig.deployer).plan(replace(rig.wanted, spec=spec))

    def test_steps_have_titles_and_lines(self, rig: Rig, registry: LocalRegistry) -> None:
        for step in Deployments(registry, rig.deployer).plan(rig.wanted).steps:
            assert step.title
            assert step.lines()
            assert step.title.isprintable()

    def test_deploy_makes_what_the_record_says(self, rig: Rig, registry: LocalRegistry) -> None:
        deployments = Deployments(registry, rig.deployer)
        made = deployments.deploy(rig.wanted)
        assert rig.existing() == names(made) == names(registry.find_deployment(made.namespace, made.name))

    def test_update_when_nothing_has_changed_does_all_again(self, rig: Rig, registry: LocalRegistry) -> None:
        deployments = Deployments(registry, rig.deployer)
        made = deployments.deploy(rig.wanted)
        again = deployments.update(rig.wanted)
        assert rig.existing() == names(again) == names(made)

    def test_removal_when_nothing_is_left_does_nothing(self, rig: Rig, registry: LocalRegistry) -> None:
        deployments = Deployments(registry, rig.deployer)
        made = deployments.deploy(rig.wanted)
        assert deployments.delete(made.namespace, made.name) == ()
        assert rig.existing() == set()
        # The record of a deployment that somebody else has removed from the platform.
        registry.apply_deployment(rig.wanted)
        registry.set_deployment_state(made.namespace, made.name, made.state, resources=made.resources)
        assert deployments.delete(made.namespace, made.name) == ()

    def test_observe_when_nothing_is_there_says_so(self, rig: Rig, registry: LocalRegistry) -> None:
        recorded = registry.apply_deployment(rig.wanted)
        assert rig.deployer.observe(recorded).state is DeploymentPhase.INACTIVATED

    def test_observe_when_the_platform_is_silent_does_not_know(self, rig: Rig, registry: LocalRegistry) -> None:
        made = Deployments(registry, rig.deployer).deploy(rig.wanted)
        rig.cut()
        seen = rig.deployer.observe(made)
        assert seen.state is DeploymentPhase.UNKNOWN
        assert seen.error_message
