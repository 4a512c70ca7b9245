"""The service's own source files: its module and every local module that it imports, found without running any of it.

An import is followed when the module lies outside of the standard library, of installed distributions and of bentoml.
A distribution that was installed from a directory counts as local; see `local_projects`. Packages keep their paths; a
directory of a dotted name that has no `__init__.py` gets one in the bundle, which is empty unless installed
distributions have modules in that package, too.

What runs only under another Python, on another platform, or in place of an import that fails, is followed last and with
the rule that keeps it out of the requirements: the project's own modules there are saved, what they need is not.
"""

from __future__ import annotations

import logging
import zipfile
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle.code import inference_rules as rules
from bentoml.saved_bundle.code.import_statements import ImportedName, public_names, read_imports
from bentoml.saved_bundle.code.local_projects import project_of
from bentoml.saved_bundle.code.module_origins import Origin, OriginKind, OriginSearch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.saved_bundle.code.service_module import ServiceModule

logger = logging.getLogger(__name__)

# A namespace package that the bundle and installed distributions share goes on in these.
_EXTENDED = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"


@dataclass(frozen=True)
class LeftOut:
    """An import, or a requirement, that does not become one of the bundle's.

    Attributes:
        name: of the module or distribution.
        place: file and line that imports it, or what else asked for it; in the record of a bundle, several of them.
        rule: why it is left out; see `inference_rules`.
        distribution: `name==version` of what a module was imported from, where the bundle should have required it.
    """

    name: str
    place: str
    rule: str
    distribution: str = ""


@dataclass
class SourceTree:
    """What the service's code consists of and what it needs.

    Attributes:
        files: source file by its path in the bundle's package, relative, with `/` between parts.
        external: modules of installed distributions by dotted name, each with the places of its imports, in the order
            in which they were met.
        missing: modules that were not found, likewise.
        markers: condition of PEP 508 under which an external module is imported, of those that have one.
        left_out: imports that bring no requirement, besides the missing ones, each for every place.
        own_project: name of the distribution of the service's module, if that was installed from a directory.
        projects: names of the other such distributions whose modules are among the files, sorted.
        shared: dotted names of namespace packages in which installed distributions have modules, too.
    """

    files: dict[str, Path] = field(default_factory=dict)
    external: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    own_project: str | None = None
    projects: list[str] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)

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
                package = directory / parent / "__init__.py"
                if not package.exists():
                    is_shared = parent.as_posix().replace("/", ".") in self.shared
                    package.write_text(_EXTENDED if is_shared else "", encoding="utf-8")


class _Walk:
    """One walk over the graph of imports."""

    def __init__(self, search: OriginSearch) -> None:
        self.tree = SourceTree()
        self._search = search
        self._queue: deque[tuple[Origin, str]] = deque()
        self._queued: set[str] = set()
        self._later: deque[ImportedName] = deque()
        self._left_out: dict[LeftOut, None] = {}
        self._markers: dict[str, set[str]] = {}

    def add(self, origin: Origin, rule: str = "") -> None:
        """Take a module of the user's into the tree, once.

        Args:
            origin: where it is.
            rule: why what it imports is left out of the requirements; empty when it is not.
        """
        if origin.name not in self._queued:
            self._queued.add(origin.name)
            self._queue.append((origin, rule))

    def run(self) -> SourceTree:
        """Follow imports until nothing new turns up."""
        while self._queue or self._later:
            if not self._queue:
                self._follow(self._later.popleft())
                continue
            origin, rule = self._queue.popleft()
            if origin.file is None:
                continue
            base = origin.name.replace(".", "/")
            self.tree.files[f"{base}/__init__.py" if origin.is_package else f"{base}.py"] = origin.file
            self._read_module(origin, origin.file, rule)
        self.tree.markers = {name: next(iter(found)) for name, found in self._markers.items() if len(found) == 1}
        self.tree.markers = {name: marker for name, marker in self.tree.markers.items() if marker}
        needed = self.tree.external.keys() | self.tree.missing.keys()
        self.tree.left_out = [one for one in self._left_out if one.name not in needed]
        return self.tree

    def _read_module(self, origin: Origin, file: Path, rule: str) -> None:
        try:
            self.read(file.read_bytes(), str(file), origin.name, is_package=origin.is_package, rule=rule)
        except BentoMLException:
            if not rule:
                raise
            # It may be in the syntax of the Python that it is for.
            self.leave_out(origin.name, f"{file}:1", rules.UNREADABLE)

    def read(self, source: bytes, place: str, name: str, *, is_package: bool, rule: str = "") -> None:
        """Follow the imports of one file."""
        for imported in read_imports(source, place, name, is_package=is_package):
            self._take(replace(imported, rule=imported.rule or rule))

    def leave_out(self, name: str, place: str, rule: str) -> None:
        """Note an import that brings no requirement, once for each rule and place."""
        self._left_out[LeftOut(name, place, rule)] = None

    def _take(self, imported: ImportedName) -> None:
        if not imported.rule and imported.instead_of and all(map(self._is_there, imported.instead_of)):
            imported = replace(imported, rule=rules.FALLBACK)
        if not imported.rule:
            self._follow(imported)
        elif imported.rule in rules.RUNS_ELSEWHERE:
            self._later.append(imported)
        elif imported.rule in {rules.COMPUTED, rules.BEYOND_TOP} or self._is_others(imported.name):
            self.leave_out(imported.name, imported.place, imported.rule)

    def _is_there(self, name: str) -> bool:
        return self._search.find(name).kind is not OriginKind.MISSING

    def _is_others(self, name: str) -> bool:
        return self._search.find(name).kind in {OriginKind.DISTRIBUTION, OriginKind.MISSING}

    def reach(self, name: str, imported: ImportedName, *, is_attribute: bool = False) -> Origin:
        """Take note of one module.

        Args:
            name: its dotted name.
            imported: the import that leads to it.
            is_attribute: it may also be no module at all.
        """
        origin = self._search.find(name)
        if origin.kind is OriginKind.LOCAL:
            self.add(origin, imported.rule)
        elif origin.kind is OriginKind.DISTRIBUTION and origin.file is not None:
            self._reach_distribution(name, imported)
        elif origin.kind is OriginKind.DISTRIBUTION:
            self.tree.shared.add(name)
        elif origin.kind is OriginKind.MISSING and not is_attribute:
            self._reach_missing(name, imported)
        elif origin.kind in {OriginKind.STANDARD_LIBRARY, OriginKind.BENTOML} and not is_attribute:
            is_standard = origin.kind is OriginKind.STANDARD_LIBRARY
            rule = rules.STANDARD_LIBRARY if is_standard else rules.EVERY_ENVIRONMENT
            self.leave_out(name.partition(".")[0], imported.place, rule)
        elif origin.kind is OriginKind.UNSUPPORTED and name not in self._queued:
            self._queued.add(name)
            self.leave_out(name, imported.place, rules.COMPILED)
            logger.warning(
                "%s imports %s (%s), which is no Python source and is not saved", imported.place, name, origin.file
            )
        return origin

    def _reach_distribution(self, name: str, imported: ImportedName) -> None:
        if imported.rule:
            self.leave_out(name, imported.place, imported.rule)
            return
        _add_place(self.tree.external, name, imported.place)
        self._markers.setdefault(name, set()).add(imported.marker)

    def _reach_missing(self, name: str, imported: ImportedName) -> None:
        if imported.rule or imported.optional:
            self.leave_out(name, imported.place, imported.rule or rules.OPTIONAL)
        else:
            _add_place(self.tree.missing, name, imported.place)

    def _follow(self, imported: ImportedName) -> None:
        parts = imported.name.split(".")
        for length in range(1, len(parts) + 1):
            origin = self.reach(".".join(parts[:length]), imported)
            if not _has_modules_of_interest(origin):
                return
        names = [
            *imported.attributes,
            *(_public_names_of(origin.file) if imported.star and origin.file else ()),
        ]
        for name in names:
            # A submodule of that name is imported; anything else is an attribute.
            self.reach(f"{imported.name}.{name}", imported, is_attribute=True)


def _add_place(places: dict[str, list[str]], name: str, place: str) -> None:
    found = places.setdefault(name, [])
    # A module that is imported twice in one line is met twice in a row.
    if place not in found[-1:]:
        found.append(place)


def _public_names_of(file: Path) -> list[str]:
    try:
        return public_names(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # the file is in the queue; it is refused, or not, when it is read


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
    search = OriginSearch(service, archives)
    walk = _Walk(search)
    parts = service.name.split(".")
    for length in range(1, len(parts)):
        name = ".".join(parts[:length])
        walk.reach(name, ImportedName(name, str(service.file)))
    walk.add(Origin(service.name, OriginKind.LOCAL, service.file, service.is_package))
    for archive in archives:
        _read_archive(walk, archive)
    tree = walk.run()
    own = project_of(service.file, search.projects)
    tree.own_project = None if own is None else own.name
    others = {project_of(file, search.projects) for file in tree.files.values()} - {own, None}
    tree.projects = sorted(one.name for one in others if one is not None)
    return tree


def _read_archive(walk: _Walk, archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.namelist():
            if not member.endswith(".py"):
                continue
            place = f"{archive}/{member}"
            name = member.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            try:
                walk.read(opened.read(member), place, name, is_package=member.endswith("/__init__.py"))
            except BentoMLException as error:
                # Nobody may ever import it: archives of others hold tests and templates, too.
                logger.warning("%s; what it needs is not among the requirements", error)
                walk.leave_out(member, f"{place}:1", rules.UNREADABLE)
