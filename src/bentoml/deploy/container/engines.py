"""Which program builds the image: the one that was asked for, else the first that is installed and answers."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.deploy.container.docker import DockerEngine
from bentoml.deploy.container.podman import PodmanEngine
from bentoml.exceptions import BentoMLException, InvalidArgument

if TYPE_CHECKING:
    from bentoml.deploy.container.engine import ContainerEngine

ENGINES = ("docker", "podman", "buildah")
_PROBE_LIMIT_S = 30.0
_CLIENT_WITHOUT_BUILDKIT = 23
_SERVER_THAT_SAVES_OCI = 25
_INSTALL = (
    "install podman (on Debian and Ubuntu: apt-get install podman; elsewhere: https://podman.io/docs/installation) or "
    "Docker (https://docs.docker.com/engine/install)"
)


def choose_engine(name: str | None = None) -> ContainerEngine:
    """The engine to build with.

    Args:
        name: one of `ENGINES`; None takes the first of them that is on PATH, docker only if its server answers.

    Raises:
        InvalidArgument: there is no engine of that name.
        BentoMLException: it is not installed, or none is; the text says what to install.
    """
    if name is not None:
        return _named(name)
    silent = None
    for candidate in ENGINES:
        if shutil.which(candidate) is None:
            continue
        if candidate != "docker":
            return PodmanEngine(candidate)
        silent = _docker_problem()
        if silent is None:
            return _docker()
    if silent is not None:
        raise BentoMLException(f"{silent}; or {_INSTALL.partition(' or Docker')[0]}")
    raise BentoMLException(
        f"none of {', '.join(ENGINES)} is on PATH, and one of them has to build the image: {_INSTALL}"
    )


def planning_engine(name: str | None = None) -> ContainerEngine:
    """The engine whose command lines are shown: that of `choose_engine`, else docker as its users have it.

    Raises:
        InvalidArgument: there is no engine of that name.
    """
    try:
        return choose_engine(name)
    except InvalidArgument:
        raise
    except BentoMLException:
        return DockerEngine() if name in {None, "docker"} else PodmanEngine(str(name))


def _named(name: str) -> ContainerEngine:
    if name not in ENGINES:
        raise InvalidArgument(f"there is no container engine {name!r}; take one of {', '.join(ENGINES)}")
    if shutil.which(name) is None:
        raise BentoMLException(f"{name} is not on PATH; {_INSTALL}")
    if name != "docker":
        return PodmanEngine(name)
    problem = _docker_problem()
    if problem is not None:
        raise BentoMLException(problem)
    return _docker()


def _docker_problem() -> str | None:
    """Why docker cannot be used; None when its server answers and something can build."""
    done = proc.run(["docker", "version", "--format", "{{.Server.Version}}"], timeout_s=_PROBE_LIMIT_S)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return (
            f"docker is installed, but its server does not answer ({said}); start it, or set DOCKER_HOST to where it is"
        )
    client = _major(_answer("version", "--format", "{{.Client.Version}}"))
    if client >= _CLIENT_WITHOUT_BUILDKIT and not _has_podman_server() and not _answer("buildx", "version"):
        return "docker is installed without its plugin buildx, which builds images since version 23; install buildx"
    return None


def _docker() -> DockerEngine:
    server = _major(_answer("version", "--format", "{{.Server.Version}}"))
    is_podman = _has_podman_server()
    return DockerEngine(
        exports=not is_podman and _builder_exports(),
        saves_oci=not is_podman and server >= _SERVER_THAT_SAVES_OCI,
        has_podman_server=is_podman,
    )


def _has_podman_server() -> bool:
    return "podman" in _answer("version", "--format", "{{range .Server.Components}}{{.Name}}\n{{end}}").lower()


def _builder_exports() -> bool:
    """Whether buildx has a builder that writes archives; the one inside of the server does so with containerd."""
    driver = re.search(r"^Driver:\s*(\S+)", _answer("buildx", "inspect"), re.MULTILINE)
    if driver is None:
        return False
    return driver[1] != "docker" or "io.containerd.snapshotter" in _answer("info", "--format", "{{json .DriverStatus}}")


def _answer(*words: str) -> str:
    """What docker prints, or nothing when it fails."""
    done = proc.run(["docker", *words], timeout_s=_PROBE_LIMIT_S)
    return done.stdout.strip() if done.returncode == 0 else ""


def _major(version: str) -> int:
    """First number of a version; 0 when there is none."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0
