"""From a bundle to an image: a plan of commands, which can be looked at, and then the commands."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml._util.files import replaced_file, staged_directory
from bentoml._version import __version__
from bentoml.deploy.container.build_secret import VARIABLES, engine_variables, secret_options
from bentoml.deploy.container.context import whole_bundle, write_context
from bentoml.deploy.container.credentials import refuse_credentials
from bentoml.deploy.container.engine import ImageRequest
from bentoml.deploy.container.engines import choose_engine, planning_engine
from bentoml.deploy.container.image_name import image_name
from bentoml.deploy.container.image_options import ImageOptions
from bentoml.deploy.container.scratch import engine_scratch
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle.layout import DOCKERFILE
from bentoml.saved_bundle.signing import checked_manifest
from bentoml.service.naming import validate_version_str

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bentoml.deploy.container.engine import Command, ContainerEngine
    from bentoml.saved_bundle.manifest import Manifest

_LAST_LINES = 20


@dataclass(frozen=True)
class ImagePlan:
    """What will be done.

    Attributes:
        name: whole name of the image.
        engine: name of the program that builds it.
        commands: what is run, in this order.
    """

    name: str
    engine: str
    commands: tuple[Command, ...]


def containerize(
    bundle_path: str | os.PathLike[str],
    options: ImageOptions | None = None,
    *,
    engine: str | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Build the image of a bundle. No code of the bundle runs outside of the build.

    Args:
        bundle_path: directory of the bundle, or of the package that was installed from it.
        options: what is wanted of the image.
        engine: `docker`, `podman` or `buildah`; None takes the first that is there.
        on_line: called with each line that the engine prints, while it runs.

    Returns:
        The whole name of the image.

    Raises:
        BentoMLConfigException: it is not a bundle.
        BundleIntegrityException: a file of the bundle was changed, added or removed.
        BundleSignatureException: only signed bundles are trusted here (`bundles.require_signature`), and it is not.
        InvalidArgument: an option cannot be, or the image would hold credentials.
        BentoMLException: there is no engine, or it failed; the text has the last lines that it printed.
    """
    wanted = options or ImageOptions()
    path = Path(bundle_path)
    manifest = checked_manifest(path, verify=wanted.verify)
    chosen = choose_engine(engine)
    with _context(path, manifest) as context, engine_scratch(chosen.name) as scratch:
        _check_secrets(context, wanted)
        env = {**scratch, **engine_variables(wanted.all_secrets)}
        if wanted.archive is None:
            plan = _plan(manifest, wanted, chosen, context, None)
            run_commands(plan.commands, env, on_line)
            return plan.name
        with replaced_file(wanted.archive.absolute()) as archive:
            archive.unlink()  # the programs add to an archive that is there
            plan = _plan(manifest, wanted, chosen, context, archive)
            run_commands(plan.commands, env, on_line)
    return plan.name


def plan_image(
    bundle_path: str | os.PathLike[str],
    context: str | os.PathLike[str],
    options: ImageOptions | None = None,
    *,
    engine: str | None = None,
) -> ImagePlan:
    """Write the directory that an image is built from, and say with which commands; nothing is built.

    Args:
        bundle_path: directory of the bundle, or of the package that was installed from it.
        context: directory to make; an empty one may exist.
        options: what is wanted of the image.
        engine: as in `containerize`; where none is there, the commands are those of docker.

    Raises:
        BentoMLException: `context` exists and is not empty.
        As `containerize`.
    """
    wanted = options or ImageOptions()
    path = Path(bundle_path)
    target = Path(context).absolute()
    manifest = checked_manifest(path, verify=wanted.verify)
    archive = None if wanted.archive is None else wanted.archive.absolute()
    plan = _plan(manifest, wanted, planning_engine(engine), target, archive)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with staged_directory(target) as staging:
            write_context(path, manifest, staging)
            _check_secrets(staging, wanted)
    except FileExistsError as error:
        raise BentoMLException(f"{target} exists and is not empty; give another directory") from error
    return plan


def _check_secrets(context: Path, options: ImageOptions) -> None:
    """Check that no secret gets into the image, and that each gets to the build.

    Raises:
        InvalidArgument: one does, or the Dockerfile was written before there were such.
    """
    refuse_credentials(context, options.build_args)
    dockerfile = (context / DOCKERFILE).read_text(encoding="utf-8")
    has_variables = any(secret.is_variable for secret in options.all_secrets)
    if has_variables and f"id={VARIABLES}" not in dockerfile:
        raise InvalidArgument(
            "the Dockerfile of this bundle reads no secrets but pip_config and netrc; load the bundle and save it again"
        )


@contextmanager
def _context(path: Path, manifest: Manifest) -> Iterator[Path]:
    """The directory to build from; a copy is removed afterwards."""
    root = whole_bundle(path, manifest)
    if root is not None:
        yield root
        return
    copy = Path(tempfile.mkdtemp(prefix="bentoml-image-"))
    try:
        write_context(path, manifest, copy)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _plan(
    manifest: Manifest, options: ImageOptions, engine: ContainerEngine, context: Path, archive: Path | None
) -> ImagePlan:
    name = image_name(manifest.service_name, manifest.service_version, options.tag)
    request = ImageRequest(
        context=context,
        name=name,
        labels=image_labels(manifest, datetime.now(timezone.utc)),
        build_args=options.build_args,
        platforms=options.platforms,
        secrets=secret_options(options.all_secrets),
        push=options.push,
        archive=archive,
    )
    return ImagePlan(name, engine.name, engine.commands(request))


def image_labels(manifest: Manifest, now: datetime) -> dict[str, str]:
    """What an image says about itself, beside the name and version of the service that its Dockerfile has.

    Args:
        manifest: of the bundle.
        now: time of the build, with a zone.

    Raises:
        InvalidArgument: the version is none that a service may have.
    """
    labels = {
        "org.opencontainers.image.title": manifest.service_name,
        "org.opencontainers.image.version": validate_version_str(manifest.service_version),
        "org.opencontainers.image.created": now.isoformat(timespec="seconds"),
        "org.bentoml.service": f"{manifest.service_name}:{manifest.service_version}",
        "org.bentoml.version": __version__,
    }
    if manifest.created_at is not None:
        labels["org.bentoml.saved"] = manifest.created_at.isoformat(timespec="seconds")
    return labels


def run_commands(commands: Sequence[Command], env: Mapping[str, str], on_line: Callable[[str], None] | None) -> None:
    """Run what an engine wants to be run.

    Args:
        commands: in this order.
        env: variables added to those of each command.
        on_line: called with each line that they print, while they run.

    Raises:
        BentoMLException: one has failed; the text has the last lines that it printed.
    """
    for command in commands:
        tail: list[str] = []

        def take(line: str, tail: list[str] = tail) -> None:
            tail.append(line)
            del tail[:-_LAST_LINES]
            if on_line is not None:
                on_line(line)

        code = proc.stream(command.argv, take, env={**command.env, **env})
        if code != 0 and not command.may_fail:
            words = " ".join(command.argv[:2])
            raise BentoMLException("\n".join([f"{words} failed with exit code {code}:", *tail]))
