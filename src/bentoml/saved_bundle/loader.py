"""Reading a bundle back: its description, its class, an instance ready to use."""

from __future__ import annotations

import functools
import logging
import platform
from typing import TYPE_CHECKING, Any

from bentoml._version import __version__
from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLConfigException, MissingDependencyException
from bentoml.saved_bundle.code.modules import BundleModules
from bentoml.saved_bundle.layout import REQUIREMENTS, BundleLayout
from bentoml.saved_bundle.manifest import Manifest, read_manifest
from bentoml.saved_bundle.pickles import refuse_pickles
from bentoml.saved_bundle.remote import borrowed_bundle
from bentoml.saved_bundle.signing import checked_bundle

if TYPE_CHECKING:
    import os
    from pathlib import Path
    from types import ModuleType

    from bentoml.saved_bundle.verified_files import VerifiedFiles
    from bentoml.service import BentoService, InferenceAPI
    from bentoml.service.metadata import BentoServiceMetadata

logger = logging.getLogger(__name__)

# A development build without a tag; it says nothing about the format it writes.
_UNTAGGED = "0+untagged"


def load(bundle_path: str | os.PathLike[str], *, verify: bool = True, allow_pickle: bool | None = None) -> BentoService:
    """Load a saved service, artifacts included. This runs code of the bundle: load only bundles you trust.

    Args:
        bundle_path: directory of the bundle, or address of an archive such as `s3://bucket/x.tar.gz`.
        verify: compare every file with the digests that were saved.
        allow_pickle: False refuses a bundle with an artifact whose files could run code when they are read; None does
            what the configuration says (`bento_server.allow_pickle`).

    Returns:
        An instance ready to use.

    Raises:
        BentoMLException: there is no such directory.
        BentoMLConfigException: it is not a bundle, or of another major version.
        BundleIntegrityException: a file was changed, added or removed.
        BundleSignatureException: only signed bundles are trusted here (`bundles.require_signature`), and it is not.
        ArtifactLoadingException: an artifact is a pickle, and pickles are not allowed; or it cannot be read.
        MissingDependencyException: the service imports a library that is not installed.
    """
    return load_bento_service_class(bundle_path, verify=verify, allow_pickle=allow_pickle)()


load_from_dir = load


def load_bento_service_class(
    bundle_path: str | os.PathLike[str], *, verify: bool = True, allow_pickle: bool | None = None
) -> type[BentoService]:
    """Load the class of a saved service; its instances load the artifacts when they are created.

    Each call gives a new class with modules of its own, whatever else was loaded or imported before.

    Args:
        bundle_path: directory or address of the bundle; what is fetched is kept as long as the class.
        verify: compare every file with the digests that were saved.
        allow_pickle: as in `load`; the instances keep to it, too.

    Raises:
        As `load`.
    """
    with borrowed_bundle(bundle_path) as bundle:
        service_class = _load_class(bundle.path, verify=verify, allow_pickle=allow_pickle)
        bundle.keep_with(service_class)
    return service_class


def load_bento_service_metadata(bundle_path: str | os.PathLike[str]) -> BentoServiceMetadata:
    """The description of a saved service, read without importing its code.

    Raises:
        BentoMLException: there is no such directory.
        BentoMLConfigException: it is not a bundle.
    """
    return load_saved_bundle_config(bundle_path).metadata


def load_saved_bundle_config(bundle_path: str | os.PathLike[str]) -> Manifest:
    """The manifest of a bundle.

    Raises:
        BentoMLException: there is no such directory.
        BentoMLConfigException: it is not a bundle.
    """
    with borrowed_bundle(bundle_path) as bundle:
        return read_manifest(bundle.path)


def load_bento_service_api(bundle_path: str | os.PathLike[str], api_name: str | None = None) -> InferenceAPI:
    """Load a saved service and return one of its APIs; the first one without a name.

    Raises:
        NotFound: the service has no API of that name.
    """
    return load(bundle_path).get_inference_api(api_name)


def _load_class(path: Path, *, verify: bool, allow_pickle: bool | None) -> type[BentoService]:
    # Where a link leads is found out once: it may lead elsewhere in a moment.
    path = path.resolve()
    manifest, files = checked_bundle(path, verify=verify)
    may_unpickle = get_config().bento_server.allow_pickle if allow_pickle is None else allow_pickle
    if not may_unpickle:
        refuse_pickles(manifest)
    _check_versions(manifest)
    layout = BundleLayout.of(path, manifest.service_name)
    modules = BundleModules(path, layout.module_roots, files)
    module = _import_service_module(modules, manifest, path)
    service_class = _find_class(module, manifest)
    _bind(service_class, modules, layout, manifest, files, may_unpickle=may_unpickle)
    modules.publish()
    return service_class


def _check_versions(manifest: Manifest) -> None:
    saved_with = manifest.library_version
    if saved_with != __version__ and _UNTAGGED not in {saved_with, __version__}:
        # Bundles of the classic system, which never got past version 0, load in every version.
        if _major(saved_with) not in {_major(__version__), "0"}:
            raise BentoMLConfigException(
                f"BentoService {manifest.service_name}:{manifest.service_version} was saved with bentoml {saved_with}, "
                f"but bentoml {__version__} is installed; their major versions must be the same"
            )
        logger.warning(
            "BentoService %s:%s was saved with bentoml %s, but bentoml %s is installed",
            manifest.service_name,
            manifest.service_version,
            saved_with,
            __version__,
        )
    running_python = platform.python_version()
    if manifest.python_version and manifest.python_version != running_python:
        logger.warning(
            "Python version mismatch: BentoService %s:%s was saved with Python %s, but Python %s is running",
            manifest.service_name,
            manifest.service_version,
            manifest.python_version,
            running_python,
        )


def _major(version: str) -> str:
    return version.partition("+")[0].partition(".")[0]


def _import_service_module(modules: BundleModules, manifest: Manifest, path: Path) -> ModuleType:
    try:
        return modules.import_service_module(manifest.module_name)
    except ModuleNotFoundError as error:
        tag = f"{manifest.service_name}:{manifest.service_version}"
        if error.name is None or modules.owns(error.name):
            raise BentoMLConfigException(f"BentoService {tag} cannot be imported from {path}: {error}") from error
        raise MissingDependencyException(
            f"{error.name} is not installed, and BentoService {tag} imports it; "
            f"run: pip install -r {REQUIREMENTS} (inside {path})"
        ) from error


def _find_class(module: ModuleType, manifest: Manifest) -> type[BentoService]:
    from bentoml.service import BentoService

    found = getattr(module, manifest.class_name, None)
    if isinstance(found, type) and issubclass(found, BentoService):
        return found
    # Bundles of the classic system did not record the name of the class.
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, BentoService)
            and value.__module__ == module.__name__
            and value.name == manifest.service_name
        ):
            return value
    raise BentoMLConfigException(
        f"module {manifest.module_name} of the bundle defines no BentoService class {manifest.class_name}"
    )


def _bind(
    service_class: type[BentoService],
    modules: BundleModules,
    layout: BundleLayout,
    manifest: Manifest,
    files: VerifiedFiles | None,
    *,
    may_unpickle: bool,
) -> None:
    """Tell the class which bundle it is from, and let its instances be created with the bundle's modules in reach."""
    from bentoml.service.artifacts.pickle_gate import pickles_allowed

    original = service_class.__init__

    @functools.wraps(original)
    def create(self: BentoService, *args: Any, **kwargs: Any) -> None:
        if files is not None:  # the artifacts are read now, and the bundle may have been checked long ago
            files.check_unchanged()
        with modules.activated(), pickles_allowed(may_unpickle):
            original(self, *args, **kwargs)

    modules.bind(service_class)
    type.__setattr__(service_class, "__init__", create)
    service_class._bento_service_bundle_path = str(layout.root)
    service_class._bento_service_bundle_version = manifest.service_version
    service_class._bento_service_bundle_created_at = manifest.created_at
