"""docker: with BuildKit, or in front of podman, whose API of the same name has none."""

from __future__ import annotations

from dataclasses import dataclass

from bentoml.deploy.container.engine import Command, ImageRequest, build_options
from bentoml.exceptions import InvalidArgument


@dataclass(frozen=True)
class DockerEngine:
    """The docker command.

    Args:
        exports: whether its plugin buildx is there, and its builder writes archives and builds for several platforms.
        saves_oci: whether `docker save` writes archives of OCI, as since version 25 of the server.
        has_podman_server: whether the server that it talks to is podman.
    """

    exports: bool = True
    saves_oci: bool = False
    has_podman_server: bool = False
    name: str = "docker"

    def commands(self, request: ImageRequest) -> tuple[Command, ...]:
        """What to run, in this order.

        Raises:
            InvalidArgument: it needs another builder, or a newer server.
        """
        self._check(request)
        if request.has_many_platforms:
            return self._buildx(request)
        argv = [self.name, "build", f"--tag={request.name}", *build_options(request)]
        argv += [f"--platform={platform}" for platform in request.platforms]
        commands = [Command((*argv, str(request.context)), env=self._env)]
        if request.push:
            commands.append(Command((self.name, "push", request.name)))
        if request.archive is not None and self.saves_oci:
            commands.append(Command((self.name, "save", f"--output={request.archive}", request.name)))
        elif request.archive is not None:
            commands += self._buildx(request)
        return tuple(commands)

    @property
    def _env(self) -> dict[str, str]:
        # Mounts are read by BuildKit alone; podman reads them too, but has no session for a BuildKit client.
        if self.has_podman_server:
            return {"DOCKER_BUILDKIT": "0"}
        # With attestations an image would become an index, which Lambda and SageMaker do not take.
        return {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}

    def _buildx(self, request: ImageRequest) -> tuple[Command, ...]:
        argv = [self.name, "buildx", "build", f"--tag={request.name}", *build_options(request)]
        if request.platforms:
            argv.append(f"--platform={','.join(request.platforms)}")
        targets = []
        if request.push and request.has_many_platforms:
            targets.append("--push")
        if request.archive is not None:
            targets.append(f"--output=type=oci,dest={request.archive}")
        # What was built for the first target is in the cache for the second.
        return tuple(Command((*argv, target, str(request.context))) for target in targets)

    def _check(self, request: ImageRequest) -> None:
        if request.secrets and self.has_podman_server:
            raise InvalidArgument(
                "docker cannot hand secrets to podman's server; build with podman itself: --engine podman"
            )
        if request.archive is not None and "," in str(request.archive):
            raise InvalidArgument(f"the path {request.archive} has a comma, which docker cannot write to")
        if request.has_many_platforms:
            self._check_many_platforms(request)
        elif request.archive is not None and not (self.exports or self.saves_oci):
            raise InvalidArgument(
                "docker writes OCI archives since version 25, and before it with the plugin buildx and a builder that "
                "can (docker buildx create --use); or build with podman: --engine podman"
            )

    def _check_many_platforms(self, request: ImageRequest) -> None:
        if not self.exports:
            raise InvalidArgument(
                "docker builds for several platforms with its plugin buildx, on a server of its own, and either with "
                "the containerd image store or with a builder that can (docker buildx create --use); or build with "
                "podman: --engine podman"
            )
        if not request.push and request.archive is None:
            raise InvalidArgument(
                "docker keeps images for several platforms in a registry or an archive only; add --push or --output, "
                "or build with podman: --engine podman"
            )
