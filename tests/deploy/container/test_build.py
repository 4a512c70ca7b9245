"""From bundles of all kinds to a context and commands, with an engine that only writes down how it was called."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bentoml.deploy.container import ImageOptions, containerize, plan_image
from bentoml.deploy.container.build import image_labels
from bentoml.exceptions import BentoMLConfigException, BentoMLException, BundleIntegrityException, InvalidArgument
from bentoml.saved_bundle.integrity import verify_bundle, write_digests
from bentoml.saved_bundle.manifest import read_manifest
from bentoml.yatai.client import get_yatai_client

if TYPE_CHECKING:
    from tests.cli.saved_home import SavedHome

RECORD = """for word in "$@"; do printf '%s\\n' "$word"; done >>"$RECORD"
echo "STEP 1" ; echo "warning" >&2
case "$*" in *oci-archive:*) echo archive >"${3#oci-archive:}" ;; esac
exit "${FAIL:-0}"
"""


@pytest.fixture
def bundle(saved: SavedHome, tmp_path: Path) -> Path:
    """A copy of a saved bundle."""
    return shutil.copytree(saved.bundle, tmp_path / "bundle")


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman on PATH, and the file into which it writes its arguments, one a line."""
    path = tmp_path / "bin" / "podman"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{RECORD}")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    return tmp_path / "record"


def edit_manifest(bundle: Path, *, service_version: str = "2.0", **env: object) -> None:
    """Change the manifest of a bundle, as somebody may who writes digests, too."""
    for path in (bundle / "bentoml.yml", bundle / "Scaler" / "bentoml.yml"):
        document = yaml.safe_load(path.read_text())
        document["env"].update(env)
        document["metadata"]["service_version"] = service_version
        path.write_text(yaml.safe_dump(document))
    write_digests(bundle / "Scaler")
    write_digests(bundle)


def installed(bundle: Path, tmp_path: Path) -> Path:
    """What `pip install` leaves of a bundle: its package among others."""
    return shutil.copytree(bundle / "Scaler", tmp_path / "site-packages" / "Scaler")


def test_containerize_of_a_bundle_builds_where_it_is(bundle: Path, record: Path) -> None:
    lines: list[str] = []
    name = containerize(bundle, ImageOptions(tag="scaler"), engine="podman", on_line=lines.append)
    assert name == "scaler:2.0"
    assert lines == ["STEP 1", "warning"]
    argv = record.read_text().splitlines()
    assert argv[0] == "build"
    assert argv[-2:] == ["--tag=scaler:2.0", str(bundle)]
    assert "--label=org.bentoml.service=Scaler:2.0" in argv


def test_containerize_of_the_repository_takes_a_tag_and_returns_the_name(
    saved: SavedHome, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(saved.home))
    repository = get_yatai_client().repository
    name = repository.containerize("Scaler:latest", tag="localhost/scaler", build_args={"UID": "7"}, push=True)
    assert name == "localhost/scaler:2.0"
    words = record.read_text().splitlines()
    assert words[words.index("--build-arg=UID=7") :][-5:] == [
        "--tag=localhost/scaler:2.0",
        str(saved.bundle),
        "push",
        "localhost/scaler:2.0",
        "docker://localhost/scaler:2.0",
    ]


def test_containerize_writes_the_archive_whole_or_not_at_all(
    bundle: Path, record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "out" / "scaler.tar"
    archive.parent.mkdir()
    archive.write_text("old")
    with monkeypatch.context() as failing:
        failing.setenv("FAIL", "3")
        with pytest.raises(BentoMLException, match=r"podman build failed with exit code 3:\nSTEP 1\nwarning"):
            containerize(bundle, ImageOptions(archive=archive), engine="podman")
    assert archive.read_text() == "old"
    containerize(bundle, ImageOptions(archive=archive), engine="podman")
    assert archive.read_text() == "archive\n"
    assert list(archive.parent.iterdir()) == [archive]


def test_containerize_goes_on_after_a_command_that_may_fail(bundle: Path, record: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "podman"
    program.write_text(program.read_text().replace("exit ", '[ "$1 $2" = "manifest rm" ] && exit 1; exit '))
    containerize(bundle, ImageOptions(platforms=("linux/amd64", "linux/arm64")), engine="podman")
    words = record.read_text().splitlines()
    assert words[:3] == ["manifest", "rm", "scaler:2.0"]
    assert "--manifest=scaler:2.0" in words


def test_containerize_of_an_installed_package_makes_the_rest_and_removes_it(
    bundle: Path, record: Path, tmp_path: Path
) -> None:
    containerize(installed(bundle, tmp_path), engine="podman")
    context = record.read_text().splitlines()[-1]
    assert context != str(bundle)
    assert not Path(context).exists()


def test_plan_image_of_an_installed_package_writes_a_whole_bundle(bundle: Path, tmp_path: Path) -> None:
    setup = b"echo hello\n"
    edit_manifest(bundle, setup_sh=setup, conda_env={"name": "x", "dependencies": ["gcc"]})
    context = tmp_path / "context"
    plan_image(installed(bundle, tmp_path), context, engine="podman")
    assert verify_bundle(context).service_version == "2.0"
    made = {path.name for path in context.iterdir()}
    assert made == {path.name for path in bundle.iterdir()} - {"docs.json", "sbom.cdx.json", "requirements.lock"} | {
        "setup.sh"
    }
    assert (context / "setup.sh").read_bytes() == setup
    assert yaml.safe_load((context / "environment.yml").read_text())["dependencies"] == ["gcc"]
    assert "CONDA_DECLARED=yes" in (context / "bentoml-init.sh").read_text()
    for name in ("requirements.txt", "python_version", "docker-entrypoint.sh"):
        assert (context / name).read_bytes() == (bundle / name).read_bytes(), name


def test_plan_image_of_an_installed_package_takes_nothing_that_lies_beside_it(bundle: Path, tmp_path: Path) -> None:
    package = installed(bundle, tmp_path)
    shutil.copy(package / "bentoml.yml", package.parent)
    (package.parent / "Dockerfile").write_text("FROM evil\n")
    plan_image(package, tmp_path / "context", engine="podman")
    # The package does not have the bill of materials, which is a label otherwise.
    expected = re.sub(r' org\.bentoml\.sbom[.\w]*="[^"]*"', "", (bundle / "Dockerfile").read_text())
    assert (tmp_path / "context" / "Dockerfile").read_text() == expected


def test_containerize_where_signatures_are_required_refuses_a_bundle_without_one(
    bundle: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENTOML__BUNDLES__REQUIRE_SIGNATURE", "true")
    with pytest.raises(BentoMLException, match=r"bundles\.require_signature is on"):
        containerize(bundle, ImageOptions(verify=False), engine="podman")
    assert not record.exists()


def test_plan_image_of_a_bundle_copies_what_belongs_to_it(bundle: Path, tmp_path: Path) -> None:
    document = yaml.safe_load((bundle / "bentoml.yml").read_text())
    document["other_entries"] = [".git"]
    (bundle / "bentoml.yml").write_text(yaml.safe_dump(document))
    write_digests(bundle)
    (bundle / ".git").mkdir()
    (bundle / "Scaler" / "__pycache__").mkdir(exist_ok=True)
    plan = plan_image(bundle, tmp_path / "context", engine="podman")
    assert plan.commands[0].argv[-1] == str(tmp_path / "context")
    expected = {path.relative_to(bundle) for path in bundle.rglob("*") if not {".git", "__pycache__"} & set(path.parts)}
    assert {path.relative_to(tmp_path / "context") for path in (tmp_path / "context").rglob("*")} == expected


def test_containerize_never_builds_from_a_directory_with_other_things(bundle: Path, record: Path) -> None:
    document = yaml.safe_load((bundle / "bentoml.yml").read_text())
    document["other_entries"] = [".git"]
    (bundle / "bentoml.yml").write_text(yaml.safe_dump(document))
    write_digests(bundle)
    (bundle / ".git").mkdir()
    containerize(bundle, engine="podman")
    assert record.read_text().splitlines()[-1] != str(bundle)


def test_plan_image_of_a_classic_bundle_replaces_what_is_gone(bundle: Path, tmp_path: Path) -> None:
    for path in (bundle / "bentoml.yml", bundle / "Scaler" / "bentoml.yml"):
        document = yaml.safe_load(path.read_text())
        del document["format"]
        document["version"] = "0.13.1"
        document["env"] |= {"docker_base_image": "bentoml/model-server:0.13.1-py37", "python_version": "3.11.2"}
        document["env"]["pip_packages"] = ["bentoml==0.13.1", "numpy==2.0"]
        path.write_text(yaml.safe_dump(document))
    for path in [*bundle.rglob("SHA256SUMS"), bundle / "Dockerfile"]:
        path.unlink()
    (bundle / "Dockerfile").write_text("FROM bentoml/model-server:0.13.1-py37\n")
    plan_image(bundle, tmp_path / "context", engine="podman")
    assert "FROM python:3.11-slim AS base\n" in (tmp_path / "context" / "Dockerfile").read_text()
    lines = (tmp_path / "context" / "requirements.txt").read_text().splitlines()
    assert lines[0].startswith("./bundled_pip_dependencies/bentoml-")
    assert lines[1:] == ["numpy==2.0"]


@pytest.mark.parametrize(
    "env",
    [
        {"docker_base_image": "python\nRUN curl evil"},
        {"docker_base_image": "$(id)"},
        {"pip_packages": ["numpy\nRUN id"]},
        {"pip_packages": "numpy"},
        {"python_version": "3.11\nRUN id"},
        {"service_version": '1"\nRUN id'},
    ],
    ids=repr,
)
def test_plan_image_of_a_hostile_manifest_is_refused(bundle: Path, tmp_path: Path, env: dict[str, Any]) -> None:
    if "python_version" in env:
        env = {**env, "docker_base_image": None}
    edit_manifest(bundle, **env)
    with pytest.raises(InvalidArgument):
        plan_image(installed(bundle, tmp_path), tmp_path / "context", engine="podman")
    assert not (tmp_path / "context").exists()


def test_containerize_of_a_changed_bundle_builds_nothing(bundle: Path, record: Path) -> None:
    with (bundle / "Dockerfile").open("a") as file:
        file.write("RUN id\n")
    with pytest.raises(BundleIntegrityException, match="was changed"):
        containerize(bundle, engine="podman")
    assert not record.exists()
    containerize(bundle, ImageOptions(verify=False), engine="podman")
    assert record.exists()


def test_containerize_of_a_bundle_with_credentials_builds_nothing(bundle: Path, record: Path) -> None:
    with (bundle / "requirements.txt").open("a") as file:
        file.write("--extra-index-url https://ada:hunter2@h/simple\n")
    write_digests(bundle)
    with pytest.raises(
        InvalidArgument, match=r"requirements\.txt of the bundle has an address with credentials"
    ) as caught:
        containerize(bundle, engine="podman")
    assert "hunter2" not in str(caught.value)
    assert not record.exists()


def test_containerize_hands_secrets_over_by_path(bundle: Path, record: Path, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine h login ada password hunter2\n")
    containerize(bundle, ImageOptions(netrc=tmp_path / "netrc"), engine="podman")
    assert f"--secret=id=netrc,src={tmp_path}/netrc" in record.read_text().splitlines()
    assert "hunter2" not in record.read_text()


def test_containerize_of_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BentoMLConfigException, match="is not a saved bundle"):
        containerize(tmp_path, engine="podman")


def test_plan_image_into_a_directory_with_files_leaves_them(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "mine").touch()
    with pytest.raises(BentoMLException, match="exists and is not empty"):
        plan_image(bundle, tmp_path / "context")
    assert [path.name for path in (tmp_path / "context").iterdir()] == ["mine"]


def test_image_labels_tell_the_service_the_library_and_the_times(bundle: Path) -> None:
    labels = image_labels(read_manifest(bundle), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc))
    assert labels["org.opencontainers.image.created"] == "2026-01-02T03:04:05+00:00"
    assert labels["org.opencontainers.image.title"] == "Scaler"
    assert labels["org.opencontainers.image.version"] == "2.0"
    assert datetime.fromisoformat(labels["org.bentoml.saved"]).tzinfo is not None
    assert json.loads(json.dumps(labels)) == labels
