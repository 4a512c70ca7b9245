"""Where an imported name comes from, decided without importing anything."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import pkgutil
import site
import sys
import sysconfig
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.saved_bundle.code.distributions import top_level_modules
from bentoml.saved_bundle.code.local_projects import local_projects
from bentoml.saved_bundle.code.module_finder import forget_directories, is_from_bundle, top_level_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec

    from bentoml.saved_bundle.code.service_module import ServiceModule


class OriginKind(Enum):
    """What a module belongs to."""

    STANDARD_LIBRARY = "the standard library"
    BENTOML = "bentoml"
    DISTRIBUTION = "an installed distribution"
    ARCHIVE = "a zip archive of the service"
    LOCAL = "the user's own code"
    UNSUPPORTED = "the user's own code, but not Python source"
    MISSING = "not found"


@dataclass(frozen=True)
class Origin:
    """One module and where it is.

    Attributes:
        name: dotted name.
        kind: what it belongs to.
        file: its file; None for a namespace package and for what has none.
        is_package: whether it can have submodules.
    """

    name: str
    kind: OriginKind
    file: Path | None = None
    is_package: bool = False


class OriginSearch:
    """Looks modules up as the service's own imports would.

    Args:
        service: the module that defines the service; its import root is searched after everything else.
        archives: zip archives that travel with the service.

    Attributes:
        projects: what was installed from directories of this machine.
    """

    def __init__(self, service: ServiceModule, archives: Sequence[Path]) -> None:
        self._service = service
        self._own = _outermost_package(service)
        self._archive_names = frozenset[str]().union(*(top_level_names(archive) for archive in archives))
        self._found: dict[str, Origin] = {}
        self._specs: dict[str, ModuleSpec | None] = {}
        self.projects = local_projects()
        self._copied = [one for one in self.projects if one.files is not None]
        self._site_dirs = _site_directories()
        self._installed: dict[Path, frozenset[str]] = {}
        forget_directories()

    def find(self, name: str) -> Origin:
        """Where a dotted name comes from."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Origin:
        top = name.partition(".")[0]
        if top == "bentoml":
            return Origin(name, OriginKind.BENTOML)
        if top in sys.stdlib_module_names and not self._runs_instead_of_stdlib(top):
            return Origin(name, OriginKind.STANDARD_LIBRARY)
        spec = self._spec(name)
        if spec is None:
            return Origin(name, OriginKind.ARCHIVE if top in self._archive_names else OriginKind.MISSING)
        found = self._classify(name, top, spec)
        if found.kind in {OriginKind.DISTRIBUTION, OriginKind.UNSUPPORTED} and top in self._archive_names:
            # In the bundle the archive stands before what is installed; here it may be on `sys.path` itself.
            return Origin(name, OriginKind.ARCHIVE)
        return found

    def _classify(self, name: str, top: str, spec: ModuleSpec) -> Origin:
        is_package = spec.submodule_search_locations is not None
        file = Path(spec.origin) if spec.has_location and spec.origin else None
        is_own = name == self._own or name.startswith(f"{self._own}.")
        is_local = file is not None and any(one.has(file.resolve()) for one in self._copied)
        if not is_own and not is_local and self._is_installed(top, file, spec):
            return Origin(name, OriginKind.DISTRIBUTION, file, is_package)
        if file is None:
            return Origin(name, OriginKind.LOCAL if is_package else OriginKind.STANDARD_LIBRARY, None, is_package)
        if file.suffix != ".py" or not file.is_file():
            return Origin(name, OriginKind.UNSUPPORTED, file, is_package)
        return Origin(name, OriginKind.LOCAL, file.resolve(), is_package)

    def _runs_instead_of_stdlib(self, top: str) -> bool:
        """Whether the process runs a file of the user's under a name of the standard library."""
        if top in sys.modules:
            file = getattr(sys.modules[top], "__file__", None)
        else:
            spec = self._search_top(top)
            file = spec.origin if spec is not None and spec.has_location else None
        return file is not None and Path(file).resolve().parent == self._service.import_root

    def _spec(self, name: str) -> ModuleSpec | None:
        if name not in self._specs:
            parent, _, _ = name.rpartition(".")
            self._specs[name] = _loaded_spec(name) or (
                self._search_package(name, parent) if parent else self._search_top(name)
            )
        return self._specs[name]

    def _search_top(self, name: str) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = finder.find_spec(name, None) if hasattr(finder, "find_spec") else None
            if spec is not None:
                return spec
        return importlib.machinery.PathFinder.find_spec(name, [str(self._service.import_root)])

    def _search_package(self, name: str, parent: str) -> ModuleSpec | None:
        """Look below the parent's directories; the usual finders want the parent to be imported."""
        parent_spec = self._spec(parent)
        portions: list[str] = []
        locations = list((parent_spec and parent_spec.submodule_search_locations) or ())
        if parent_spec is not None and parent_spec.origin is None:
            # A namespace goes on below the import root, which need not be on the path.
            locations.append(str(self._service.import_root / parent.replace(".", "/")))
        for location in dict.fromkeys(locations):
            finder: Any = pkgutil.get_importer(location)
            spec: ModuleSpec | None = finder.find_spec(name) if finder is not None else None
            if spec is not None and spec.loader is not None:
                return spec
            portions.extend((spec and spec.submodule_search_locations) or ())
        if not portions:
            return None
        namespace = importlib.machinery.ModuleSpec(name, None, is_package=True)
        namespace.submodule_search_locations = portions
        return namespace

    def _is_installed(self, top: str, file: Path | None, spec: ModuleSpec) -> bool:
        places = [file] if file is not None else [Path(location) for location in spec.submodule_search_locations or ()]
        if not places:
            return False
        if any(place.resolve().is_relative_to(directory) for place in places for directory in self._site_dirs):
            return True
        # Libraries may also lie in a directory of their own, as `pip install --target` makes one.
        return any(top in self._installed_in(root) for root in _roots(places, spec.name.count(".")))

    def _installed_in(self, root: Path) -> frozenset[str]:
        """Top-level modules of the distributions that were installed into a directory, or are an egg."""
        if root not in self._installed:
            found = importlib.metadata.distributions(path=[str(root)])
            # A `.egg-info` in a directory tells of sources that setuptools has seen there.
            has_any = root.is_file() or any(root.glob("*.dist-info"))
            names = (top_level_modules(one) for one in found if has_any)
            self._installed[root] = frozenset[str]().union(*names)
        return self._installed[root]


def _outermost_package(service: ServiceModule) -> str:
    """Dotted name of the package whose modules are all the service's own; of its module where it is in none."""
    parts = service.name.split(".")
    for length in range(1, len(parts)):
        if service.import_root.joinpath(*parts[:length], "__init__.py").is_file():
            return ".".join(parts[:length])
    return service.name


def _site_directories() -> list[Path]:
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        paths.add(site.getusersitepackages())
    return [Path(path).resolve() for path in paths if path]


def _loaded_spec(name: str) -> ModuleSpec | None:
    """What a module that is imported already was made from, unless it belongs to a loaded bundle."""
    module = sys.modules.get(name)
    if module is None or is_from_bundle(module):
        return None
    spec: ModuleSpec | None = getattr(module, "__spec__", None)
    if spec is not None and spec.name == name:
        return spec
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    return importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=list(module.__path__) if hasattr(module, "__path__") else None
    )


def _roots(places: Sequence[Path], depth: int) -> Iterator[Path]:
    """The directories from which a module's dotted name counts."""
    for place in places:
        levels = depth + (1 if place.name == "__init__.py" else 0)
        if levels < len(place.parents):
            yield place.parents[levels]
