"""Distributions that were installed from a directory of this machine: code of one's own, which nobody else can install.

One in editable mode is always code of one's own. One that was copied (`pip install ./lib`) is, when it is all Python:
saving its modules would leave compiled ones and data behind, so that such a one is required like any other.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from bentoml.saved_bundle.code.recorded_files import name_of, origin_of, recorded_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import Distribution


@dataclass(frozen=True)
class LocalProject:
    """One such distribution.

    Attributes:
        name: as its metadata has it.
        directory: where it was installed from, resolved.
        files: its modules, resolved; None in editable mode, where they stand below the directory.
    """

    name: str
    directory: Path
    files: frozenset[Path] | None = None

    def has(self, file: Path) -> bool:
        """Whether a file, resolved, is one of its modules."""
        return file.is_relative_to(self.directory) if self.files is None else file in self.files


def local_projects() -> list[LocalProject]:
    """All that are installed here."""
    found = (_project_of(distribution) for distribution in importlib.metadata.distributions())
    return [one for one in found if one is not None]


def project_of(file: Path, projects: Iterable[LocalProject]) -> LocalProject | None:
    """The one that a file belongs to: of several whose directories lie in each other, the innermost."""
    having = [one for one in projects if one.has(file)]
    return max(having, key=lambda one: (one.files is not None, len(one.directory.parts)), default=None)


def _project_of(distribution: Distribution) -> LocalProject | None:
    origin = origin_of(distribution)
    url, info = origin.get("url"), origin.get("dir_info")
    name = name_of(distribution) if isinstance(info, dict) else None
    if name is None or not isinstance(info, dict) or not isinstance(url, str) or not url.startswith("file:"):
        return None
    directory = Path(url2pathname(urlsplit(url).path)).resolve()
    if info.get("editable") is True:
        return LocalProject(name, directory)
    files = recorded_files(distribution)
    if not files or not all(map(_is_python_or_metadata, files)):
        return None
    modules = (Path(str(distribution.locate_file(file))).resolve() for file in files if file.suffix == ".py")
    return LocalProject(name, directory, frozenset(modules))


def _is_python_or_metadata(file: PurePosixPath) -> bool:
    is_metadata = file.parts[0].endswith(".dist-info")
    is_command = file.parts[0] == ".." and file.parent.name in {"bin", "Scripts"}
    return is_metadata or is_command or file.suffix in {".py", ".pyi", ".pyc"} or file.name == "py.typed"
