"""Writing a bundle: everything in a temporary directory first, then moved to its place, the manifest last."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import write_atomic
from bentoml._util.full_disk import full_disk_is_said
from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle import layout
from bentoml.saved_bundle.artifact_records import known_digests, save_artifacts
from bentoml.saved_bundle.code.commit import SECTION as SOURCE_SECTION
from bentoml.saved_bundle.code.modules import bundle_being_imported, bundle_in_reach
from bentoml.saved_bundle.code.service_module import unguarded_line
from bentoml.saved_bundle.code.service_sources import ServiceSources
from bentoml.saved_bundle.generated_files import GeneratedFiles, service_docs
from bentoml.saved_bundle.integrity import write_digests
from bentoml.saved_bundle.layout import BundleLayout
from bentoml.saved_bundle.library_wheel import write_library_wheel
from bentoml.saved_bundle.locking import LockForm
from bentoml.saved_bundle.manifest_document import describe_bundle, format_manifest
from bentoml.saved_bundle.remote import archive_address, upload_bundle
from bentoml.saved_bundle.requirements.environment import resolve_environment
from bentoml.saved_bundle.requirements.requirement_record import SECTION as REQUIREMENT_SECTION
from bentoml.saved_bundle.requirements.sbom import BundleFacts, format_sbom, with_hashes
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.storage.address import is_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.saved_bundle.code.service_module import ServiceModule
    from bentoml.service import BentoService

logger = logging.getLogger(__name__)


def save_to_dir(
    bento_service: BentoService,
    path: str | os.PathLike[str],
    version: str | None = None,
    silent: bool = False,
    *,
    lock: str | None = None,
    replace: bool = False,
) -> None:
    """Write a service, with the objects packed into it, as a bundle; it is not registered.

    The bundle appears in the directory only when all of it has been written.

    Args:
        bento_service: the service.
        path: existing directory; or an address such as `s3://bucket/models`, where an archive `<Service>.tar` is
            written; one that ends in `.tar`, `.tar.gz` or `.tgz` is that of the archive.
        version: version to set on the service; None keeps the one it has, or generates one.
        silent: do not log where the bundle was written.
        lock: `versions`, `try-hashes` or `hashes`: what `requirements.lock` holds; `bento_bundle.lock` of the
            configuration when None.
        replace: let an archive take the place of what is at the address. In a directory nothing is ever replaced.

    Raises:
        BentoMLException: the directory is missing or holds a bundle, or the source of the service cannot be found; or
            nothing can be written to the address, or something is there already; or the lock must have hashes, and
            they cannot be had.
        InvalidArgument: a value of the service cannot stand in the files of a bundle, or the address or lock is none.
    """
    lock_form = LockForm.of(lock)
    text = os.fspath(path)
    where = archive_address(text, bento_service.name) if is_address(text) else Path(text)
    if isinstance(where, Path) and not where.is_dir():
        raise BentoMLException(f"Directory '{text}' not found; create it first")
    loading = bundle_being_imported()
    if loading is not None:
        logger.warning(
            "%s is being loaded from %s, and its module saves a service when it is imported; nothing was written. "
            'Put the code that packs and saves under `if __name__ == "__main__":`',
            bento_service.name,
            loading,
        )
        return
    if isinstance(where, Path):
        _save_here(bento_service, where, version, lock_form)
    else:
        with tempfile.TemporaryDirectory(prefix="bentoml-save-") as scratch:
            _save_here(bento_service, Path(scratch), version, lock_form)
            upload_bundle(Path(scratch), bento_service.name, where, replace=replace)
    if not silent:
        logger.info(
            "BentoService bundle '%s' created at: %s", bento_service.tag, text if isinstance(where, Path) else where
        )


def _save_here(bento_service: BentoService, target: Path, version: str | None, lock_form: LockForm) -> None:
    if (target / bento_service.name).exists():
        raise BentoMLException(
            f"Existing module file found for BentoService {bento_service.name} in {target}; give an empty directory"
        )
    if version is not None:
        bento_service.set_version(version)
    with full_disk_is_said(target, "give another directory"), _staging_in(target) as staging:
        others = sorted(entry.name for entry in target.iterdir() if entry != staging)
        _write(bento_service, staging, others, lock_form)
        _move_entries(staging, target)


@contextmanager
def _staging_in(target: Path) -> Iterator[Path]:
    staging = Path(tempfile.mkdtemp(dir=target, prefix=".bento-"))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move_entries(staging: Path, target: Path) -> None:
    """Move what was written to its place; a directory is a bundle from the moment its manifest is there."""
    names = sorted((entry.name for entry in staging.iterdir()), key=lambda name: (name == layout.MANIFEST, name))
    taken = [name for name in names if os.path.lexists(target / name)]
    if taken:
        raise BentoMLException(f"{target} already has {', '.join(taken)}; give an empty directory")
    moved: list[Path] = []
    try:
        for name in names:
            (staging / name).rename(target / name)
            moved.append(target / name)
    except BaseException:
        for path in moved:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise


def _write(service: BentoService, root: Path, others: list[str], lock_form: LockForm) -> None:
    paths = BundleLayout(root, service.name)
    paths.service_dir.mkdir()
    # Pickling refers to classes by the names of their modules.
    with bundle_in_reach(type(service)):
        artifacts = save_artifacts(service.artifacts, paths.service_dir)
    sources = ServiceSources.of(service)
    _warn_of_script(sources.module)
    env = resolve_environment(service, sources)
    sources.copy_to(paths)
    _copy_static_content(service, paths)
    env.declared.save(root)
    paths.library_dir.mkdir()
    library_sha256 = file_digest(write_library_wheel(paths.library_dir))
    document = describe_bundle(
        service, env.manifest_section(), sources.module, others, _deployment_version(), artifacts
    )
    if sources.origin:
        document[SOURCE_SECTION] = dict(sources.origin)
    document[REQUIREMENT_SECTION] = env.record.manifest_section()
    lock = lock_form.lock(env.closure, env.library_line, library_sha256)
    write_atomic(root / layout.LOCK, str(lock))
    bill = format_sbom(env.closure, BundleFacts.of(document, library_sha256, artifacts))
    write_atomic(root / layout.SBOM, with_hashes(bill, lock.pins) if lock.has_hashes else bill)
    _write_openapi_document(service, root)
    GeneratedFiles(
        service_name=service.name,
        service_version=service.version,
        docs=service_docs(service),
        base_image=env.declared._docker_base_image,
        conda_declared=env.declared._conda_env.is_declared,
        has_setup_sh=env.declared._setup_sh is not None,
        library_wheel=env.library_line,
        requirements=env.declared.requirements_txt().splitlines(),
    ).write(root)
    _write_manifest(paths, document)
    digests = write_digests(paths.service_dir, known=known_digests(artifacts))
    write_digests(root, known={f"{service.name}/{name}": digest for name, digest in digests.items()})


def _warn_of_script(module: ServiceModule) -> None:
    line = unguarded_line(module.file) if module.is_script else None
    if line is not None:
        logger.warning(
            "%s:%d runs again each time the bundle is loaded, because the service is defined in the script that saves "
            'it; put the code that packs and saves under `if __name__ == "__main__":`',
            module.file,
            line,
        )


def _deployment_version() -> str | None:
    return get_config().bento_bundle.deployment_version


def _write_manifest(paths: BundleLayout, document: dict[str, Any]) -> None:
    text = format_manifest(document)
    write_atomic(paths.service_dir / layout.MANIFEST, text)
    write_atomic(paths.root / layout.MANIFEST, text)


def _write_openapi_document(service: BentoService, root: Path) -> None:
    from bentoml.service.openapi import openapi_document

    write_atomic(root / layout.OPENAPI_DOCUMENT, json.dumps(openapi_document(service), indent=2))


def _copy_static_content(service: BentoService, paths: BundleLayout) -> None:
    source = service.get_web_static_content_path()
    if source is None:
        return
    if not Path(source).is_dir():
        raise BentoMLException(f"the directory {source} of @web_static_content does not exist")
    shutil.copytree(source, paths.static_content_dir)
