"""The way of an image into a repository of ECR."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml._util.optional import require
from bentoml.deploy.aws.place import EXTRA, aws_errors, code_of
from bentoml.deploy.aws.repository import find_repository
from bentoml.deploy.container import ImageRequest, choose_engine, run_commands
from bentoml.deploy.container.engine import Command
from bentoml.exceptions import YataiDeploymentException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bentoml.deploy.aws.place import Place
    from bentoml.deploy.container.engine import ContainerEngine
    from bentoml.deploy.plans import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

_LOGIN_LIMIT_S = 60.0
# Lambda takes no image that comes with attestations; the engines set it themselves.
_ENV = "BUILDX_NO_DEFAULT_ATTESTATIONS=1"


@dataclass(frozen=True)
class EcrName:
    """What an image is called in ECR.

    Attributes:
        repository: name of the repository.
        tag: of the image; it may mean another image tomorrow.
        place: where the repository is.
    """

    repository: str
    tag: str
    place: Place

    def repository_line(self) -> str:
        """What sets the variable REPOSITORY of a shell to the address of the repository."""
        words = self._ask("describe-repositories", "--repository-names", self.repository)
        return f"REPOSITORY=$({words} --query 'repositories[0].repositoryUri' --output text)"

    def address_line(self) -> str:
        """What sets the variable IMAGE to the address of the one image that the tag means now; REPOSITORY is set."""
        words = self._ask(
            "describe-images", "--repository-name", self.repository, "--image-ids", f"imageTag={self.tag}"
        )
        return f"IMAGE=\"$REPOSITORY@$({words} --query 'imageDetails[0].imageDigest' --output text)\""

    def address(self) -> str:
        """The address of the one image that the tag means now, by its digest.

        Raises:
            YataiDeploymentException: it is not there.
        """
        ecr, errors = self.place.client("ecr"), require("botocore.exceptions", EXTRA)
        with aws_errors():
            uri = self._found(ecr)["repositoryUri"]
            try:
                (image,) = ecr.describe_images(repositoryName=self.repository, imageIds=[{"imageTag": self.tag}])[
                    "imageDetails"
                ]
            except errors.ClientError as error:
                if code_of(error) != "ImageNotFoundException":
                    raise
                raise YataiDeploymentException(
                    f"the image repository {self.repository} has no image {self.tag}; update again, which pushes it"
                ) from error
        return f"{uri}@{image['imageDigest']}"

    def uri_and_token(self) -> tuple[str, str]:
        """The address of the repository, and what lets somebody push to it.

        Raises:
            YataiDeploymentException: it is not there, or AWS does not answer.
        """
        ecr = self.place.client("ecr")
        with aws_errors():
            uri = self._found(ecr)["repositoryUri"]
            (authorization,) = ecr.get_authorization_token()["authorizationData"]
        return str(uri), str(authorization["authorizationToken"])

    def _found(self, ecr: Any) -> Mapping[str, Any]:
        found = find_repository(ecr, self.repository)
        if found is None:
            raise YataiDeploymentException(f"somebody has removed the image repository {self.repository}")
        return found

    def _ask(self, *words: str) -> str:
        return shlex.join(["aws", "ecr", words[0], "--region", self.place.region, *words[1:]])


@dataclass(frozen=True)
class BuildContext:
    """What an image is built from.

    Attributes:
        directory: of the plan; it has a Dockerfile.
        platform: such as `linux/amd64`.
    """

    directory: str
    platform: str


@dataclass(frozen=True)
class EcrImage:
    """Puts an image into its repository.

    Attributes:
        name: of the image.
        source: the image is built from it; or the name of an image that an earlier step has built.
        engine: as in `containerize`.
    """

    name: EcrName
    source: BuildContext | str
    engine: str | None = None
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        verbs = "push" if isinstance(self.source, str) else "build and push"
        return f"{verbs} the image {self.name.repository}:{self.name.tag}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        region, engine = shlex.quote(self.name.place.region), self.engine or "docker"
        image = f'"$REPOSITORY:{self.name.tag}"'
        login = (
            f"aws ecr get-login-password --region {region} | {engine} login --username AWS --password-stdin "
            '"${REPOSITORY%%/*}"'
        )
        if isinstance(self.source, str):
            make = f"{engine} tag {shlex.quote(self.source)} {image}"
        else:
            make = f"{_ENV} {engine} build --platform={self.source.platform} --tag={image} {self.source.directory}"
        return (self.name.repository_line(), login, make, f"{engine} push {image}")

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        engine = choose_engine(self.engine)
        uri, token = self.name.uri_and_token()
        user, _, password = base64.b64decode(token).decode().partition(":")
        login = [engine.name, "login", "--username", user, "--password-stdin", uri.partition("/")[0]]
        proc.run(login, stdin=password, timeout_s=_LOGIN_LIMIT_S, check=True)
        run_commands(self._commands(engine, f"{uri}:{self.name.tag}", workshop), {}, workshop.say)

    def _commands(self, engine: ContainerEngine, image: str, workshop: Workshop) -> tuple[Command, ...]:
        if isinstance(self.source, str):
            return (Command((engine.name, "tag", self.source, image)), Command((engine.name, "push", image)))
        context = workshop.directory / self.source.directory
        return engine.commands(ImageRequest(context, image, platforms=(self.source.platform,), push=True))
