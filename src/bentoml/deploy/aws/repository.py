"""Repositories of images in ECR: one for each deployment, which goes with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.deploy.aws.place import EXTRA, OWNER, Place, aws_errors, code_of, owner_tag, refuse_other
from bentoml.deploy.aws.stack import refuse_used

if TYPE_CHECKING:
    from bentoml.deploy.plans import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

REPOSITORY = "ecr_repository"


@dataclass(frozen=True)
class Repository:
    """Makes a repository, unless it is there.

    Attributes:
        name: of the repository.
        owner: full name of the deployment.
        place: where it is.
    """

    name: str
    owner: str
    place: Place

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"make the image repository {self.name}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """See `Step`."""
        return (self.place.resource(REPOSITORY, self.name, self.owner),)

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        words = ["aws", "ecr", "create-repository", "--region", self.place.region, "--repository-name", self.name]
        return (shlex.join([*words, "--tags", f"Key={OWNER},Value={self.owner}"]),)

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        ecr = self.place.client("ecr")
        with aws_errors():
            found = find_repository(ecr, self.name)
            if found is None:
                tags = [{"Key": OWNER, "Value": self.owner}]
                found = ecr.create_repository(repositoryName=self.name, tags=tags)["repository"]
            else:
                refuse_other(f"an image repository {self.name}", _tags(ecr, found), self.owner)
        workshop.say(str(found["repositoryUri"]))


@dataclass(frozen=True)
class RepositoryRemoval:
    """Removes a repository with all of its images, when no stack uses them any more."""

    resource: DeploymentResource
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"delete the image repository {self.resource.detail['name']}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        name, region = self.resource.detail["name"], self.resource.detail["region"]
        words = ["aws", "ecr", "delete-repository", "--region", region, "--repository-name", name, "--force"]
        return (shlex.join(words),)

    def run(self, workshop: Workshop) -> None:
        """See `Step`. One that somebody else has made stays; then the record is wrong, and not what exists."""
        place, name = Place.of(self.resource), self.resource.detail["name"]
        ecr = place.client("ecr")
        with aws_errors():
            found = find_repository(ecr, name)
            if found is None or owner_tag(_tags(ecr, found)) != self.resource.detail["owner"]:
                return
            # What the stack runs it may pull again at any time, and does so when it takes its change back.
            workshop.say("wait until the stack uses no image of it")
            refuse_used(place.client("cloudformation"), name, str(found["repositoryUri"]))
            ecr.delete_repository(repositoryName=name, force=True)


def find_repository(ecr: Any, name: str) -> dict[str, Any] | None:
    """What ECR says of a repository; None where there is none."""
    errors = require("botocore.exceptions", EXTRA)
    try:
        (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    except errors.ClientError as error:
        if code_of(error) != "RepositoryNotFoundException":
            raise
        return None
    return dict(found)


def _tags(ecr: Any, found: dict[str, Any]) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    return tags
