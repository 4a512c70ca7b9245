"""The service's own source files: its module and every local module that it imports, found without running any of it.

An import is followed when the module lies outside of the standard library, of installed distributions and of bentoml.
A distribution that is installed in editable mode counts as local. Packages keep their paths; a directory of a dotted
name that has no `__init__.py` gets an empty one in the bundle.
"""

from __future__ import annotations

import logging
import zipfile
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.import_statements import public_names, read_imports
from bentoml.saved_bundle.module_origins import Origin, OriginKind, OriginSearch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.saved_bundle.import_statements import ImportedName
    from bentoml.saved_bundle.service_module import ServiceModule

logger = logging.getLogger(__name__)


@dataclass
class SourceTree:
    """What the service's code consists of and what it needs.

    Attributes:
        files: source file by its path in the bundle's package, relative, with `/` between parts.
        external: modules of installed distributions by dotted name, each with the place of its first import.
        missing: modules that were not found, likewise.
    """

    files: dict[str, Path] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def copy_to(self, directory: Path) -> None:
        """Copy the files, and make a package of each directory on the way.

        Raises:
            InvalidArgument: a file would replace one that the bundle itself has.
        """
        for name, source in sorted(self.files.items()):
            target = directory / name
            if target.exists():
                raise InvalidArgument(f"{source} cannot be saved: the bundle has a file of its own called {name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        for name in self.files:
            for parent in list(Path(name).parents)[:-1]:
                (directory / parent / "__init__.py").touch()


class _Walk:
    """One walk over the graph of imports."""

    def __init__(self, search: OriginSearch) -> None:
        self.tree = SourceTree()
        self._search = search
        self._queue: deque[Origin] = deque()
        self._queued: set[str] = set()

    def add(self, origin: Origin) -> None:
        """Take a module of the user's into the tree, once."""
        if origin.name not in self._queued:
            self._queued.add(origin.name)
            self._queue.append(origin)

    def run(self) -> SourceTree:
        """Follow imports until nothing new turns up."""
        while self._queue:
            origin = self._queue.popleft()
            if origin.file is None:
                continue
            base = origin.name.replace(".", "/")
            self.tree.files[f"{base}/__init__.py" if origin.is_package else f"{base}.py"] = origin.file
            self.read(origin.file.read_bytes(), str(origin.file), origin.name, is_package=origin.is_package)
        return self.tree

    def read(self, source: bytes, place: str, name: str, *, is_package: bool) -> None:
        """Follow the imports of one file."""
        for imported in read_imports(source, place, name, is_package=is_package):
            self._follow(imported)

    def reach(self, name: str, place: str, *, optional: bool = False) -> Origin:
        """Take note of one module."""
        origin = self._search.find(name)
        if origin.kind is OriginKind.LOCAL:
            self.add(origin)
        elif origin.kind is OriginKind.DISTRIBUTION and origin.file is not None:
            self.tree.external.setdefault(name, place)
        elif origin.kind is OriginKind.MISSING and not optional:
            self.tree.missing.setdefault(name, place)
        elif origin.kind is OriginKind.UNSUPPORTED and name not in self._queued:
            self._queued.add(name)
            logger.warning("%s imports %s (%s), which is no Python source and is not saved", place, name, origin.file)
        return origin

    def _follow(self, imported: ImportedName) -> None:
        parts = imported.name.split(".")
        for length in range(1, len(parts) + 1):
            origin = self.reach(".".join(parts[:length]), imported.place, optional=imported.optional)
            if not _has_modules_of_interest(origin):
                return
        names = [
            *imported.attributes,
            *(public_names(origin.file.read_bytes()) if imported.star and origin.file else ()),
        ]
        for name in names:
            # A submodule of that name is imported; anything else is an attribute.
            self.reach(f"{imported.name}.{name}", imported.place, optional=True)


def _has_modules_of_interest(origin: Origin) -> bool:
    """Whether what lies below a module has to be looked at: the user's packages, and namespaces that several share."""
    if not origin.is_package:
        return False
    return origin.kind is OriginKind.LOCAL or (origin.kind is OriginKind.DISTRIBUTION and origin.file is None)


def collect_sources(service: ServiceModule, archives: Sequence[Path] = ()) -> SourceTree:
    """Follow the imports of a service's module.

    Args:
        service: where the class is defined.
        archives: zip archives that travel with the service; their imports are followed, their files are not copied.

    Raises:
        BentoMLException: a source file cannot be parsed.
    """
    walk = _Walk(OriginSearch(service, archives))
    parts = service.name.split(".")
    for length in range(1, len(parts)):
        walk.reach(".".join(parts[:length]), str(service.file))
    walk.add(Origin(service.name, OriginKind.LOCAL, service.file, service.is_package))
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.namelist():
                if member.endswith(".py"):
                    name = member.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                    is_package = member.endswith("/__init__.py")
                    walk.read(opened.read(member), f"{archive}/{member}", name, is_package=is_package)
    return walk.run()
