"""Finding and executing the source files of one bundle."""

from __future__ import annotations

import functools
import importlib.machinery
import os
import sys
import threading
import zipfile
import zipimport
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BundleIntegrityException
from bentoml.saved_bundle.layout import DATA_DIRS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    from bentoml.saved_bundle.verified_files import VerifiedFiles

_SOURCE_SUFFIX = ".py"


def top_level_names(root: Path) -> frozenset[str]:
    """Names of the modules and packages directly below a directory or inside a zip archive."""
    names = _names_in_archive(root) if root.is_file() else _names_in_directory(root)
    # The running library always serves itself, and the package's own __init__ is not one of the service's modules.
    return frozenset(names) - {"__init__", "bentoml", ""}


def _names_in_directory(root: Path) -> set[str]:
    names = set()
    for entry in root.iterdir():
        if entry.suffix == _SOURCE_SUFFIX and entry.is_file():
            names.add(entry.stem)
        elif entry.is_dir() and _is_package_dir(entry):
            names.add(entry.name)
    return names


def _is_package_dir(directory: Path) -> bool:
    if (directory / "__init__.py").is_file():
        return True
    return directory.name not in DATA_DIRS and any(directory.rglob(f"*{_SOURCE_SUFFIX}"))


def _names_in_archive(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleIntegrityException(f"{path} is not a readable zip archive: {error}") from error
    names = {member.split("/")[0].removesuffix(_SOURCE_SUFFIX) for member in members if member.endswith(_SOURCE_SUFFIX)}
    # An archive comes as a whole, with names that nobody chose; none of them may stand in for the standard library.
    return names - sys.stdlib_module_names


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Executes a source file with the bundle's builtins; neither reads nor writes `__pycache__`."""

    def __init__(self, builtins_: dict[str, Any], files: VerifiedFiles | None, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._builtins = builtins_
        self._files = files

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        source = self.get_data(path) if self._files is None else self._files.content(Path(path))
        code: CodeType = self.source_to_code(source, path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._builtins
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - this is what importing means


class _ArchiveLoader(zipimport.zipimporter):
    """Executes a module of a zip archive with the bundle's builtins."""

    def __init__(self, builtins_: dict[str, Any], files: VerifiedFiles | None, path: str) -> None:
        super().__init__(path)
        self._builtins = builtins_
        self._verified = files

    def exec_module(self, module: ModuleType) -> None:
        if self._verified is not None:
            self._verified.check(Path(self.archive))
        module.__dict__["__builtins__"] = self._builtins
        code = self.get_code(module.__name__)
        exec(code, module.__dict__)  # noqa: S102 - this is what importing means


def is_from_bundle(module: ModuleType) -> bool:
    """Whether a module belongs to a loaded bundle."""
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    return isinstance(loader, _SourceLoader | _ArchiveLoader)


class BundleFinder:
    """A finder for `sys.meta_path` that looks in the bundle's directory and archives only.

    Args:
        roots: directories and zip archives.
        builtins_: `__builtins__` of the modules.
        serves: whether the calling thread gets a module of a given name from the bundle.
        files: those that may be executed; None for all.
    """

    def __init__(
        self,
        roots: Sequence[str],
        builtins_: dict[str, Any],
        serves: Callable[[str], bool],
        files: VerifiedFiles | None = None,
    ) -> None:
        self._roots = roots
        self._builtins = builtins_
        self._serves = serves
        self._files = files
        self._specs: dict[str, ModuleSpec] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - the signature of a finder
    ) -> ModuleSpec | None:
        """Find a module; None when it is not the bundle's.

        Raises:
            ModuleNotFoundError: it is the bundle's, but is not there.
        """
        if not self._serves(fullname):
            return None
        spec = self._search(fullname, self._roots if path is None else list(path))
        if spec is not None:
            self._specs[fullname] = spec
        elif path is None:
            raise ModuleNotFoundError(f"No module named {fullname!r} in {self._roots[0]}", name=fullname)
        return spec

    def made(self, name: str, module: ModuleType) -> bool:
        """Whether what stands in `sys.modules` under a name came from this finder.

        A module may have put another object in its place while it was executed; that has no specification.
        """
        return name in self._specs and getattr(module, "__spec__", None) in (None, self._specs[name])

    def _search(self, fullname: str, locations: Sequence[str]) -> ModuleSpec | None:
        portions: list[str] = []
        for location in locations:
            if not any(location == root or location.startswith(root + os.sep) for root in self._roots):
                continue
            spec = self._search_one(fullname, location)
            if spec is None:
                continue
            if spec.loader is not None:
                return spec
            portions.extend(spec.submodule_search_locations or ())
        if not portions:
            return None
        namespace = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        namespace.submodule_search_locations = portions
        return namespace

    def _search_one(self, fullname: str, location: str) -> ModuleSpec | None:
        if Path(location).is_dir():
            loader = functools.partial(_SourceLoader, self._builtins, self._files)
            # The finder only ever calls what it is given, with a name and a path.
            finder = importlib.machinery.FileFinder(location, (loader, [_SOURCE_SUFFIX]))  # type: ignore[arg-type]
            return finder.find_spec(fullname)
        try:
            return _ArchiveLoader(self._builtins, self._files, location).find_spec(fullname)
        except zipimport.ZipImportError:
            return None


_forgetting = threading.Lock()


def forget_directories() -> None:
    """Let the finders look at their directories anew: files may be newer than what is remembered of them.

    Python's own function fails when two threads are in it.
    """
    with _forgetting:
        importlib.invalidate_caches()
