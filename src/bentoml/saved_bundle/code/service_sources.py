"""The code that goes into a bundle: from the user's project, or from the bundle that a service was loaded from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.saved_bundle.code.commit import SECTION, commit_of
from bentoml.saved_bundle.code.service_module import ServiceModule, find_service_module, find_zip_archives
from bentoml.saved_bundle.code.sources import SourceTree, collect_sources
from bentoml.saved_bundle.layout import DATA_DIRS, PACKAGE_INIT, ZIPIMPORTS_DIR, BundleLayout
from bentoml.saved_bundle.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.service import BentoService


@dataclass(frozen=True)
class ServiceSources:
    """Source files and archives of one service.

    Attributes:
        module: the module that defines the service.
        tree: its files, and what they import.
        archives: zip archives with code.
        origin: the commit that the files come from, as it stands in a manifest; empty when it is not known.
        bundle_path: the bundle that the service was loaded from; None for one of the user's project.
    """

    module: ServiceModule
    tree: SourceTree
    archives: tuple[Path, ...]
    origin: Mapping[str, Any] = field(default_factory=dict)
    bundle_path: Path | None = None

    @classmethod
    def of(cls, service: BentoService) -> ServiceSources:
        """Find the code of a service.

        Raises:
            BentoMLException: the source cannot be found or parsed.
            InvalidArgument: a zip archive is missing.
        """
        service_class = type(service)
        bundle_path = vars(service_class).get("_bento_service_bundle_path")
        if bundle_path is not None:
            return cls._of_bundle(service, Path(bundle_path))
        module = find_service_module(service_class)
        archives = tuple(find_zip_archives(module, service.env._zipimport_archives))
        tree = collect_sources(module, archives)
        commit = commit_of(module.file, list(tree.files.values()))
        return cls(module, tree, archives, {} if commit is None else commit.manifest_section())

    @classmethod
    def _of_bundle(cls, service: BentoService, bundle_path: Path) -> ServiceSources:
        """A service that was loaded is saved with all the code of its bundle, which may be that of another machine."""
        old = BundleLayout(bundle_path, service.name)
        manifest = read_manifest(old.service_dir)
        name = manifest.module_name
        base = old.service_dir / name.replace(".", "/")
        is_package = (base / PACKAGE_INIT).is_file()
        module = ServiceModule(
            name=name,
            file=base / PACKAGE_INIT if is_package else base.with_name(f"{base.name}.py"),
            is_package=is_package,
            class_name=type(service).__name__,
            is_script=False,
        )
        archives = tuple(old.module_roots[1:])
        tree = collect_sources(module, archives)
        tree.files = dict(_bundled_files(old.service_dir))
        origin = manifest.document.get(SECTION)
        return cls(module, tree, archives, origin if isinstance(origin, dict) else {}, bundle_path)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Path in the bundle's package for each file of the project."""
        return {str(source): name for name, source in self.tree.files.items()}

    def bundle_place(self, place: str) -> str:
        """File and line in the bundle's package for a file and line of the project.

        Args:
            place: `path:line`; the path of one of the files, or of a member below that of an archive.
        """
        path, _, line = place.rpartition(":")
        if path in self._names:
            return f"{self._names[path]}:{line}"
        for archive in self.archives:
            if path.startswith(f"{archive}/"):
                return f"{ZIPIMPORTS_DIR}/{archive.name}{path.removeprefix(str(archive))}:{line}"
        return place.rpartition("/")[2]

    def copy_to(self, paths: BundleLayout) -> None:
        """Copy files and archives into a new bundle."""
        self.tree.copy_to(paths.service_dir)
        if self.archives:
            paths.zipimports_dir.mkdir()
        for archive in self.archives:
            shutil.copyfile(archive, paths.zipimports_dir / archive.name)


def _bundled_files(service_dir: Path) -> Sequence[tuple[str, Path]]:
    found = []
    for path in sorted(service_dir.rglob("*.py")):
        relative = path.relative_to(service_dir)
        top = relative.parts[0]
        is_data = top in DATA_DIRS and not (service_dir / top / PACKAGE_INIT).is_file()
        if relative.as_posix() != PACKAGE_INIT and not is_data and "__pycache__" not in relative.parts:
            found.append((relative.as_posix(), path))
    return found
