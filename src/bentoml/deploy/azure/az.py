"""The command lines of `az`: every value stands in an argument of its own, or after `=` in one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util import proc
from bentoml.deploy.plans import Program
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.deploy.plans import Workshop

ASK_LIMIT_S = 120.0
CHANGE_LIMIT_S = 3600.0
GROUP = "ResourceGroup"
TAG = "bentoml-deployment"
"""Tag of a resource group with the full name of the deployment that has made it."""


@dataclass(frozen=True)
class Place:
    """Where a deployment is.

    Attributes:
        group: its resource group.
        location: region of the group.
        subscription: id; None for the one in use.
        owner: full name of the deployment.
    """

    group: str
    location: str
    subscription: str | None
    owner: str

    def az(self, *words: str) -> tuple[str, ...]:
        """A command line."""
        subscription = () if self.subscription is None else (f"--subscription={self.subscription}",)
        return ("az", *words, *subscription)

    def ask(self, *words: str) -> proc.Completed:
        """What az prints as JSON; it has failed when its exit code is not 0.

        Raises:
            BentoMLException: az is not installed, or does not come to an end.
        """
        return proc.run(self.az(*words, "--output=json"), timeout_s=ASK_LIMIT_S)

    def resource(self) -> DeploymentResource:
        """The group as the record of a deployment has it; all else is in it, and goes with it."""
        detail = {"location": self.location, "subscription": self.subscription, "owner": self.owner}
        place = self.group if self.subscription is None else f"{self.subscription}/{self.group}"
        return DeploymentResource(GROUP, place, {"name": self.group, **detail})


def place_of(resource: DeploymentResource) -> Place:
    """The place that a record tells."""
    detail = resource.detail
    return Place(detail["name"], detail["location"], detail.get("subscription"), detail["owner"])


def current_subscription() -> str:
    """The id of the subscription that az uses.

    Raises:
        BentoMLException: az is not installed, or nobody is logged in.
    """
    done = proc.run(["az", "account", "show", "--output=json"], timeout_s=ASK_LIMIT_S, check=True)
    return str(json.loads(done.stdout)["id"])


def with_subscription(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that name the subscription: what az means now may be another one tomorrow.

    Args:
        settings: those that are wanted.
        before: those of the record; empty for a new deployment.

    Raises:
        As `current_subscription`.
    """
    found = settings.get("subscription") or before.get("subscription") or current_subscription()
    return {**settings, "subscription": found}


def is_missing(done: proc.Completed) -> bool:
    """Whether az says that there is no such thing."""
    return done.returncode != 0 and "NotFound)" in done.stderr


def owner_of_group(place: Place) -> str | None:
    """Which deployment has made the group that is there: an empty text for none, None when there is no group.

    Raises:
        YataiDeploymentException: az cannot tell.
    """
    done = place.ask("group", "show", f"--name={place.group}")
    if is_missing(done):
        return None
    if done.returncode != 0:
        raise YataiDeploymentException(f"az cannot look at the resource group {place.group}: {said(done)}")
    return str((json.loads(done.stdout).get("tags") or {}).get(TAG, ""))


def said(done: proc.Completed) -> str:
    """The end of what az says about its failure."""
    return done.stderr.strip()[-2000:]


@dataclass(frozen=True)
class GroupStep:
    """Makes the resource group; one of the same name that this deployment has not made stays as it is."""

    place: Place
    bundle: str

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"make the resource group {self.place.group}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """See `Step`."""
        return (self.place.resource(),)

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        return self._program().lines()

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        owner = owner_of_group(self.place)
        if owner not in {None, self.place.owner}:
            raise YataiDeploymentException(
                f"there is a resource group {self.place.group} already, which "
                f"{f'belongs to the deployment {owner}' if owner else 'bentoml has not made'}; choose another name"
            )
        self._program().run(workshop)

    def _program(self) -> Program:
        tags = (f"{TAG}={self.place.owner}", f"bentoml-bundle={self.bundle}")
        place = (f"--name={self.place.group}", f"--location={self.place.location}")
        argv = self.place.az("group", "create", *place, "--output=none", "--tags", *tags)
        return Program(self.title, argv, timeout_s=CHANGE_LIMIT_S)


def template_step(place: Place, name: str, title: str) -> Program:
    """The step that has Azure make what a template of the plan says, and waits for it.

    Args:
        place: where.
        name: of the deployment within the group; its files are `NAME.json` and `NAME.parameters.json`.
        title: what it makes.
    """
    files = (f"--template-file={name}.json", f"--parameters=@{name}.parameters.json")
    where = (f"--resource-group={place.group}", f"--name={name}")
    argv = place.az("deployment", "group", "create", *where, *files, "--output=none")
    return Program(title, argv, timeout_s=CHANGE_LIMIT_S)


@dataclass(frozen=True)
class GroupRemoval:
    """Removes the resource group of a deployment, with all that is in it."""

    resource: DeploymentResource
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"delete the resource group {place_of(self.resource).group}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        return self._program().lines()

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        place = place_of(self.resource)
        owner = owner_of_group(place)
        if owner is None:
            return
        if owner != place.owner:
            workshop.say(f"the resource group {place.group} is not of {place.owner}, and stays")
            return
        self._program().run(workshop)

    def _program(self) -> Program:
        place = place_of(self.resource)
        argv = place.az("group", "delete", f"--name={place.group}", "--yes", "--output=none")
        return Program(self.title, argv, timeout_s=CHANGE_LIMIT_S)
