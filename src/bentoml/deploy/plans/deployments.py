"""Carries plans out, and keeps the records true: what exists on a platform is in the record, whatever goes wrong."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from bentoml.deploy.plans.recorder import Recorder, is_same, is_unfinished
from bentoml.deploy.plans.workshop import open_workshop, unheard
from bentoml.exceptions import (
    BentoMLException,
    InvalidArgument,
    NotFound,
    YataiDeploymentException,
    YataiServiceRpcAborted,
)
from bentoml.types import Tag
from bentoml.yatai.deployment_checks import checked_deployment
from bentoml.yatai.deployment_registry import DeploymentRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.deploy.plans.deployer import Deployer
    from bentoml.deploy.plans.plan import Plan
    from bentoml.deploy.plans.waiting import Waiting
    from bentoml.deploy.plans.workshop import Workshop
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, NewDeployment
    from bentoml.yatai.models import Bento


logger = logging.getLogger(__name__)

_GO_ON = "update the deployment to go on, or delete it"
_DELETE_AGAIN = "delete the deployment again, or with force to forget what cannot be removed"


class BundleRegistry(DeploymentRegistry, Protocol):
    """A registry that has the records of deployments, and the bundles."""

    def find(self, tag: Tag) -> Bento:
        """See `Registry`."""
        ...


class Deployments:
    """The deployments on one kind of platform.

    Args:
        registry: has their records.
        deployer: knows the platform.
        say: takes a line about what is done, for whoever watches.
    """

    def __init__(self, registry: BundleRegistry, deployer: Deployer, say: Callable[[str], None] = unheard) -> None:
        self._registry = registry
        self._deployer = deployer
        self._say = say

    def plan(self, wanted: NewDeployment) -> Plan:
        """What would be done; nothing is, and nothing recorded.

        Raises:
            InvalidArgument: it cannot be.
            NotFound: there is no such bundle.
        """
        checked = checked_deployment(wanted)
        if checked.spec.operator is not self._deployer.operator:
            raise InvalidArgument(
                f"{self._deployer.operator.written} cannot run what is for {checked.spec.operator.written}"
            )
        bento = self._registry.find(Tag(checked.spec.bento_name, checked.spec.bento_version))
        return self._deployer.plan(checked, bento.bento_service_metadata)

    def deploy(self, wanted: NewDeployment) -> Deployment:
        """Make a deployment that is not there yet.

        Raises:
            YataiServiceRpcAborted: there is one of this name; it can be updated.
            YataiDeploymentException: a step has failed; the record says what exists.
            As `plan`.
        """
        try:
            found = self._registry.find_deployment(wanted.namespace, wanted.name)
        except NotFound:
            return self._apply(wanted, 0)
        raise YataiServiceRpcAborted(
            f"There is a deployment {found.full_name} already, {found.state.state.name}; update it, or delete it first"
        )

    def update(self, wanted: NewDeployment) -> Deployment:
        """Change a deployment, or go on with one that has failed half-way; what it does not need any more is removed.

        Raises:
            NotFound: there is none of this name, or no such bundle.
            YataiServiceRpcAborted: somebody else changes it.
            As `deploy`.
        """
        return self._apply(wanted, self.recorded(wanted.namespace, wanted.name).revision)

    def recorded(self, namespace: str, name: str) -> Deployment:
        """A deployment as it is recorded.

        Raises:
            NotFound: there is none of this name on this kind of platform.
        """
        found = self._registry.find_deployment(namespace, name)
        if found.spec.operator is not self._deployer.operator:
            raise NotFound(
                f"The deployment {found.full_name} is on {found.spec.operator.written}, not "
                f"{self._deployer.operator.written}; use the commands for {found.spec.operator.written}"
            )
        return found

    def describe(self, namespace: str, name: str) -> Deployment:
        """How a deployment does now, which is recorded, too.

        One whose last change has not come to its end is given as it is recorded: what runs is not what was wanted.

        Raises:
            NotFound: there is none of this name.
            BentoMLException: nobody can look.
        """
        found = self.recorded(namespace, name)
        if is_unfinished(found):
            return found
        recorder = Recorder(self._registry, found)
        try:
            recorder.observed(self._deployer.observe(found))
        except YataiServiceRpcAborted:  # somebody else has looked, or changed it, and knows more
            return self.recorded(namespace, name)
        return recorder.deployment

    def wait(self, namespace: str, name: str, waiting: Waiting) -> Deployment:
        """Look at a deployment until it runs.

        Raises:
            YataiDeploymentException: it has failed, or does not run in time.
            As `describe`.
        """
        return waiting.until_settled(lambda: self.describe(namespace, name))

    def delete(self, namespace: str, name: str, *, force: bool = False) -> tuple[str, ...]:
        """Remove what exists, the last first, and then the record.

        Args:
            namespace: of the deployment.
            name: of the deployment.
            force: go on after errors, and forget what could not be removed.

        Returns:
            What may still exist, with the reason; empty unless forced.

        Raises:
            NotFound: there is none of this name.
            YataiDeploymentException: something could not be removed; it and all that comes before it is still recorded.
        """
        recorder = Recorder(self._registry, self.recorded(namespace, name))
        with open_workshop({}, self._say) as workshop:
            resources = tuple(reversed(recorder.deployment.resources))
            left = [self._try_to_remove(resource, recorder, workshop, force=force) for resource in resources]
        self._registry.delete_deployment(namespace, name, force=force, based_on=recorder.deployment.revision)
        return tuple(reason for reason in left if reason is not None)

    def _apply(self, wanted: NewDeployment, based_on: int) -> Deployment:
        plan = self.plan(wanted)
        recorder = Recorder(self._registry, self._registry.apply_deployment(wanted, based_on=based_on))
        with open_workshop(plan.files, self._say) as workshop:
            for step in plan.steps:
                with _failure_recorded(recorder, _GO_ON, self._say):
                    recorder.begin(step.title, step.creates)
                    self._say(step.title)
                    step.run(workshop)
                    recorder.made(step.creates)
            for resource in reversed(recorder.deployment.resources):
                if not any(is_same(resource, made) for made in plan.creates):
                    self._remove(resource, recorder, workshop, _GO_ON)
        recorder.done()
        return recorder.deployment

    def _try_to_remove(
        self, resource: DeploymentResource, recorder: Recorder, workshop: Workshop, *, force: bool
    ) -> str | None:
        """Remove a resource; why it may still be there, when that does not matter."""
        try:
            self._remove(resource, recorder, workshop, _DELETE_AGAIN)
        except YataiDeploymentException as error:
            if not force:
                raise
            return f"{resource.kind} {resource.id}: {error.__cause__}"
        return None

    def _remove(self, resource: DeploymentResource, recorder: Recorder, workshop: Workshop, next_: str) -> None:
        step = self._deployer.removal(resource)
        with _failure_recorded(recorder, next_, self._say):
            recorder.begin(step.title)
            self._say(step.title)
            step.run(workshop)
            recorder.removed(resource)


@contextmanager
def _failure_recorded(recorder: Recorder, next_: str, say: Callable[[str], None]) -> Iterator[None]:
    """Write down what stops a step.

    Args:
        recorder: of the deployment.
        next_: what its user can do then.
        say: is told when it was no failure of the step, but Ctrl-C or the like.

    Raises:
        YataiServiceRpcAborted: somebody else has changed the record, and says from now on how the deployment does.
        YataiDeploymentException: it has failed.
    """
    try:
        yield
    except YataiServiceRpcAborted:
        raise
    except BentoMLException as error:
        text = f"{recorder.step}: {error}"
        _write_failure(recorder, text)
        raise YataiDeploymentException(f"{text}. {_what_now(recorder, next_)}") from error
    except BaseException as error:
        text = f"{recorder.step}: interrupted by {type(error).__name__}"
        _write_failure(recorder, text)
        say(f"{text}. {_what_now(recorder, next_)}")
        raise


def _what_now(recorder: Recorder, next_: str) -> str:
    return f"The record of {recorder.deployment.full_name} says what exists: {next_}"


def _write_failure(recorder: Recorder, text: str) -> None:
    """Record a failure; when the registry cannot be reached, its record still says what the step might have made."""
    try:
        recorder.failed(text)
    except BentoMLException as error:
        logger.warning("The failure of %s could not be recorded: %s", recorder.deployment.full_name, error)
