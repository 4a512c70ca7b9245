"""podman and buildah, whose command lines are alike as far as images go."""

from __future__ import annotations

from dataclasses import dataclass

from bentoml.deploy.container.engine import Command, ImageRequest, build_options
from bentoml.deploy.container.image_name import has_registry
from bentoml.exceptions import InvalidArgument


@dataclass(frozen=True)
class PodmanEngine:
    """Either of both.

    Args:
        name: `podman` or `buildah`.
    """

    name: str

    def commands(self, request: ImageRequest) -> tuple[Command, ...]:
        """What to run, in this order.

        Raises:
            InvalidArgument: the image is to be pushed, and its name says not where to; or the path of the archive has
                a colon.
        """
        if request.push and not has_registry(request.name):
            raise InvalidArgument(
                f"the image {request.name} cannot be pushed: {self.name} needs a name with the registry in it, such as "
                f"docker.io/team/{request.name}; give it with --tag"
            )
        if request.archive is not None and ":" in str(request.archive):
            raise InvalidArgument(f"the path {request.archive} has a colon, which {self.name} cannot write to")
        commands = [*self._build(request)]
        if request.push:
            commands.append(self._copy(request, f"docker://{request.name}"))
        if request.archive is not None:
            commands.append(self._copy(request, f"oci-archive:{request.archive}"))
        return tuple(commands)

    def _build(self, request: ImageRequest) -> list[Command]:
        # The Docker format keeps HEALTHCHECK, which that of OCI has no place for.
        argv = [self.name, "build", "--format=docker", "--layers", *build_options(request)]
        if request.platforms:
            argv.append(f"--platform={','.join(request.platforms)}")
        if not request.has_many_platforms:
            return [Command((*argv, f"--tag={request.name}", str(request.context)))]
        # A build adds to a list of that name, where what an earlier one has put there would stay, and to no image.
        untag = "untag" if self.name == "podman" else "rmi"
        return [
            Command((self.name, "manifest", "rm", request.name), may_fail=True),
            Command((self.name, untag, request.name), may_fail=True),
            Command((*argv, f"--manifest={request.name}", str(request.context))),
        ]

    def _copy(self, request: ImageRequest, destination: str) -> Command:
        if request.has_many_platforms:
            return Command((self.name, "manifest", "push", "--all", request.name, destination))
        return Command((self.name, "push", request.name, destination))
