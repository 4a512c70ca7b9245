"""Which engine is taken, and its command lines: what was given stands whole in one argument, whatever is in it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.deploy.container.docker import DockerEngine
from bentoml.deploy.container.engine import ContainerEngine, ImageRequest
from bentoml.deploy.container.engines import choose_engine, planning_engine
from bentoml.deploy.container.image_options import ImageOptions
from bentoml.deploy.container.podman import PodmanEngine
from bentoml.exceptions import BentoMLException, InvalidArgument

FILE = "--file /ctx/Dockerfile"
TWO = ("linux/amd64", "linux/arm64")


def lines(engine: ContainerEngine, **changes: Any) -> list[str]:
    values = {"context": Path("/ctx"), "name": "h:1/iris:1", **changes}
    return [shlex.join(command.argv) for command in engine.commands(ImageRequest(**values))]


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_podman_and_buildah_build_push_and_write_archives_alike(name: str) -> None:
    engine = PodmanEngine(name)
    build = f"{name} build --format=docker --layers {FILE}"
    assert lines(engine) == [f"{build} --tag=h:1/iris:1 /ctx"]
    assert lines(engine, push=True, archive=Path("/o.tar"), platforms=("linux/arm64",)) == [
        f"{build} --platform=linux/arm64 --tag=h:1/iris:1 /ctx",
        f"{name} push h:1/iris:1 docker://h:1/iris:1",
        f"{name} push h:1/iris:1 oci-archive:/o.tar",
    ]
    assert lines(engine, push=True, archive=Path("/o.tar"), platforms=TWO) == [
        f"{name} manifest rm h:1/iris:1",
        f"{name} {'untag' if name == 'podman' else 'rmi'} h:1/iris:1",
        f"{build} --platform=linux/amd64,linux/arm64 --manifest=h:1/iris:1 /ctx",
        f"{name} manifest push --all h:1/iris:1 docker://h:1/iris:1",
        f"{name} manifest push --all h:1/iris:1 oci-archive:/o.tar",
    ]


def test_podman_removes_what_has_the_name_of_the_list_if_there_is_something() -> None:
    commands = PodmanEngine("podman").commands(ImageRequest(Path("/ctx"), "iris:1", platforms=TWO))
    assert [command.may_fail for command in commands] == [True, True, False]


def test_docker_builds_with_buildkit_and_writes_archives_with_buildx() -> None:
    engine = DockerEngine()
    build = f"docker build --tag=h:1/iris:1 {FILE}"
    buildx = f"docker buildx build --tag=h:1/iris:1 {FILE}"
    platforms = "--platform=linux/amd64,linux/arm64"
    assert lines(engine, push=True) == [f"{build} /ctx", "docker push h:1/iris:1"]
    assert lines(engine, archive=Path("/o.tar"), platforms=("linux/arm64",)) == [
        f"{build} --platform=linux/arm64 /ctx",
        f"{buildx} --platform=linux/arm64 --output=type=oci,dest=/o.tar /ctx",
    ]
    assert lines(engine, push=True, archive=Path("/o.tar"), platforms=TWO) == [
        f"{buildx} {platforms} --push /ctx",
        f"{buildx} {platforms} --output=type=oci,dest=/o.tar /ctx",
    ]
    (command,) = engine.commands(ImageRequest(Path("/ctx"), "iris:1"))
    assert command.env["DOCKER_BUILDKIT"] == "1"


def test_docker_makes_an_image_for_one_platform_and_no_index_with_attestations() -> None:
    for platforms in ((), ("linux/arm64",)):
        (build,) = DockerEngine().commands(ImageRequest(Path("/ctx"), "iris:1", platforms=platforms))
        assert build.env["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"


def test_docker_that_saves_archives_of_oci_needs_no_buildx_for_one() -> None:
    assert lines(DockerEngine(exports=False, saves_oci=True), archive=Path("/o.tar"))[1:] == [
        "docker save --output=/o.tar h:1/iris:1"
    ]


def test_docker_in_front_of_podman_builds_without_buildkit() -> None:
    (command,) = DockerEngine(has_podman_server=True).commands(ImageRequest(Path("/ctx"), "iris:1"))
    assert command.env == {"DOCKER_BUILDKIT": "0"}


SECRETS = ("id=netrc,src=/n",)
NOT_POSSIBLE = [
    pytest.param(
        PodmanEngine("podman"), {"name": "iris:1", "push": True}, "such as docker.io/team/iris:1", id="no host"
    ),
    pytest.param(PodmanEngine("buildah"), {"archive": Path("/a:b.tar")}, "has a colon", id="colon"),
    pytest.param(DockerEngine(), {"archive": Path("/a,push=true")}, "has a comma", id="comma"),
    pytest.param(DockerEngine(exports=False), {"archive": Path("/a")}, "since version 25", id="no archives"),
    pytest.param(
        DockerEngine(exports=False, has_podman_server=True),
        {"platforms": TWO},
        "on a server of its own",
        id="not its server",
    ),
    pytest.param(DockerEngine(), {"platforms": TWO}, "add --push or --output", id="nowhere"),
    pytest.param(
        DockerEngine(exports=False, saves_oci=True), {"platforms": TWO, "push": True}, "buildx create", id="one builder"
    ),
    pytest.param(DockerEngine(has_podman_server=True), {"secrets": SECRETS}, "--engine podman", id="secrets"),
]


@pytest.mark.parametrize(("engine", "changes", "text"), NOT_POSSIBLE)
def test_engine_that_cannot_do_it_says_what_to_do(engine: ContainerEngine, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        lines(engine, **changes)


VALUE = st.text(st.characters(exclude_categories=["C", "Z"])) | st.sampled_from(
    ["$(id)", "`id`", "a b", "';id", '"', "--push"]
)
ENGINES = [PodmanEngine("podman"), PodmanEngine("buildah"), DockerEngine(), DockerEngine(has_podman_server=True)]


@pytest.mark.parametrize("engine", ENGINES, ids=repr)
@given(label=VALUE, argument=VALUE)
def test_values_of_any_text_never_become_arguments_of_their_own(
    engine: ContainerEngine, label: str, argument: str
) -> None:
    request = ImageRequest(Path("/ctx"), "iris:1", labels={"k": label}, build_args={"A": argument})
    plain = ImageRequest(Path("/ctx"), "iris:1", labels={"k": ""}, build_args={"A": ""})
    (command,), (reference,) = engine.commands(request), engine.commands(plain)
    changed = {"--label=k=": f"--label=k={label}", "--build-arg=A=": f"--build-arg=A={argument}"}
    assert list(command.argv) == [changed.get(word, word) for word in reference.argv]


def program(directory: Path, name: str, script: str = "exit 0") -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


PODMAN_SERVER = 'case "$*" in *Components*) echo "Podman Engine" ;; *buildx*) exit 1 ;; *) echo 28.2 ;; esac'


def docker(client: str, server: str, driver: str | None, store: str = "overlay2") -> str:
    """A docker that answers with these versions, this driver of buildx, and this store of images."""
    buildx = "exit 1" if driver is None else f"echo Name: x; echo 'Driver:   {driver}'"
    return (
        f'case "$*" in *Client*) echo {client} ;; *Server.V*) echo {server} ;; buildx*) {buildx} ;; '
        f'info*) echo \'[["driver-type","{store}"]]\' ;; esac'
    )


OLD, NEW = docker("20.10.24+dfsg1", "20.10.24+dfsg1", None), docker("28.2.2", "26.1.5", "docker")
DEAD_SERVER = "echo Cannot connect to the Docker daemon >&2; exit 1"
FOUND: list[Any] = [
    pytest.param({"docker": NEW, "podman": ""}, None, DockerEngine(exports=False, saves_oci=True), id="docker first"),
    pytest.param({"docker": OLD}, None, DockerEngine(exports=False), id="old docker"),
    pytest.param(
        {"docker": docker("28.2.2", "20.10.24", "docker-container")}, None, DockerEngine(), id="builder of its own"
    ),
    pytest.param(
        {"docker": docker("28.2.2", "28.2.2", "docker", "io.containerd.snapshotter.v1")},
        None,
        DockerEngine(saves_oci=True),
        id="containerd",
    ),
    pytest.param(
        {"docker": docker("28.2.2", "28.2.2", None), "podman": ""},
        None,
        PodmanEngine("podman"),
        id="docker without buildx",
    ),
    pytest.param({"docker": PODMAN_SERVER}, None, DockerEngine(exports=False, has_podman_server=True), id="socket"),
    pytest.param({"docker": DEAD_SERVER, "podman": ""}, None, PodmanEngine("podman"), id="dead docker"),
    pytest.param({"podman": "", "buildah": ""}, None, PodmanEngine("podman"), id="podman"),
    pytest.param({"buildah": ""}, None, PodmanEngine("buildah"), id="buildah"),
    pytest.param({"docker": "", "buildah": ""}, "buildah", PodmanEngine("buildah"), id="asked for"),
]


@pytest.mark.parametrize(("programs", "asked", "expected"), FOUND)
def test_choose_engine_takes_what_is_there_and_answers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    programs: dict[str, str],
    asked: str | None,
    expected: ContainerEngine,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, script in programs.items():
        program(tmp_path, name, script or "exit 0")
    assert choose_engine(asked) == expected


MISSING = [
    pytest.param({}, None, "none of docker, podman, buildah is on PATH.*apt-get install podman", id="none"),
    pytest.param({}, "podman", "podman is not on PATH; install podman", id="asked for"),
    pytest.param({}, "rkt", "no container engine 'rkt'; take one of docker, podman, buildah", id="unknown"),
    pytest.param({"docker": DEAD_SERVER}, None, "Cannot connect to the Docker daemon.*install podman", id="dead"),
    pytest.param({"docker": DEAD_SERVER}, "docker", "set DOCKER_HOST", id="dead, asked for"),
    pytest.param({"docker": docker("28.2.2", "28.2.2", None)}, "docker", "install buildx", id="no buildx"),
]


@pytest.mark.parametrize(("programs", "asked", "text"), MISSING)
def test_choose_engine_without_one_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], asked: str | None, text: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, script in programs.items():
        program(tmp_path, name, script)
    with pytest.raises(BentoMLException, match=text):
        choose_engine(asked)


def test_planning_engine_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert planning_engine() == DockerEngine()
    assert planning_engine("buildah") == PodmanEngine("buildah")
    with pytest.raises(InvalidArgument, match="no container engine"):
        planning_engine("rkt")


WRONG_OPTIONS: list[dict[str, Any]] = [
    {"build_args": {"A B": "1"}},
    {"build_args": {"": "1"}},
    {"build_args": {"--push": "1"}},
    {"build_args": {"A\n": "1"}},
    {"build_args": {"A": "1\nRUN id"}},
    {"build_args": {"A": "\x00"}},
    {"platforms": ("linux",)},
    {"platforms": ("linux/amd64 --push",)},
    {"platforms": ("",)},
    {"netrc": Path("/missing/netrc")},
]


@pytest.mark.parametrize("options", WRONG_OPTIONS, ids=repr)
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        ImageOptions(**options)


def test_options_with_a_secret_whose_path_would_be_several_options_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "netrc,env=HOME"
    path.touch()
    with pytest.raises(InvalidArgument, match="has a comma"):
        ImageOptions(netrc=path)
