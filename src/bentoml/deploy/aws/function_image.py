"""The image of a function: that of the bundle, with the client of the runtime of Lambda in front of it."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.deploy.aws.place import aws_errors
from bentoml.deploy.aws.repository import find_repository
from bentoml.deploy.container import ImageRequest, choose_engine
from bentoml.exceptions import BentoMLException, YataiDeploymentException

if TYPE_CHECKING:
    from bentoml.deploy.aws.place import Place
    from bentoml.deploy.plans import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

CONTEXT = "image"
"""Directory of the plan that the image is built from."""
DOCKERFILE = f"{CONTEXT}/Dockerfile"
HANDLER = "bentoml.deploy.aws.lambda_handler.handler"
_LOGIN_LIMIT_S = 60.0
_LAST_LINES = 20


def dockerfile(base: str) -> str:
    """What makes the image of a function out of that of a bundle.

    Lambda runs it as a user of its own, who has to be able to read the bundle, and may write to /tmp alone.
    """
    return f"""FROM {base}
USER root
RUN python -m pip install --no-cache-dir 'awslambdaric>=2.2'
RUN find . /home/bentoml /opt/bentoml \\( -type d ! -perm -005 -o -type f ! -perm -004 \\) -exec chmod a+rX {{}} +
ENV HOME=/tmp BENTOML_HOME=/tmp/bentoml
USER bentoml
ENTRYPOINT ["python", "-m", "awslambdaric"]
CMD ["{HANDLER}"]
"""


@dataclass(frozen=True)
class FunctionImage:
    """Builds the image of a function, and puts it into its repository.

    Attributes:
        repository: name of the repository in ECR.
        tag: of the image.
        platform: such as `linux/amd64`.
        place: where the repository is.
        engine: as in `containerize`.
    """

    repository: str
    tag: str
    platform: str
    place: Place
    engine: str | None = None
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"build and push the image of the function, {self.repository}:{self.tag}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        region, engine = shlex.quote(self.place.region), self.engine or "docker"
        image = f'"$REPOSITORY:{self.tag}"'
        ask = (
            f"REPOSITORY=$(aws ecr describe-repositories --region {region} --repository-names "
            f"{shlex.quote(self.repository)} --query 'repositories[0].repositoryUri' --output text)"
        )
        login = (
            f"aws ecr get-login-password --region {region} | {engine} login --username AWS --password-stdin "
            '"${REPOSITORY%%/*}"'
        )
        return (
            ask,
            login,
            f"BUILDX_NO_DEFAULT_ATTESTATIONS=1 {engine} build --platform={self.platform} --tag={image} {CONTEXT}",
            f"{engine} push {image}",
        )

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        engine = choose_engine(self.engine)
        uri, token = self._address_and_token()
        user, _, password = base64.b64decode(token).decode().partition(":")
        login = [engine.name, "login", "--username", user, "--password-stdin", uri.partition("/")[0]]
        proc.run(login, stdin=password, timeout_s=_LOGIN_LIMIT_S, check=True)
        image = f"{uri}:{self.tag}"
        request = ImageRequest(workshop.directory / CONTEXT, image, platforms=(self.platform,), push=True)
        for command in engine.commands(request):
            tail: list[str] = []

            def take(line: str, tail: list[str] = tail) -> None:
                tail.append(line)
                del tail[:-_LAST_LINES]
                workshop.say(line)

            # Lambda takes no image that comes with attestations.
            env = {**command.env, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
            code = proc.stream(command.argv, take, env=env)
            if code != 0 and not command.may_fail:
                words = " ".join(command.argv[:2])
                raise BentoMLException("\n".join([f"{words} failed with exit code {code}:", *tail]))

    def _address_and_token(self) -> tuple[str, str]:
        ecr = self.place.client("ecr")
        with aws_errors():
            found = find_repository(ecr, self.repository)
            if found is None:
                raise YataiDeploymentException(f"somebody has removed the image repository {self.repository}")
            (authorization,) = ecr.get_authorization_token()["authorizationData"]
        return str(found["repositoryUri"]), str(authorization["authorizationToken"])
