"""Reading the metadata of installed distributions as it may be: damaged, incomplete, or in another encoding.

One such distribution among hundreds must not stop a service from being saved that has nothing to do with it, so what
cannot be read counts as not there.
"""

from __future__ import annotations

import csv
import inspect
import json
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import Distribution

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def text_of(distribution: Distribution, file: str) -> str | None:
    """A file of the metadata; None when it is not there, or is no UTF-8."""
    try:
        return distribution.read_text(file)
    except UnicodeDecodeError:
        return None


def name_of(distribution: Distribution) -> str | None:
    """Name of a distribution; None where it has none that a requirement could give, or no version."""
    from packaging.version import InvalidVersion, Version

    try:
        metadata = distribution.metadata
        name, version = ((metadata.get_all(key) or [""])[0] for key in ("Name", "Version"))
        Version(version)
    except (UnicodeDecodeError, InvalidVersion):
        return None
    return name if _NAME.fullmatch(name) else None


def origin_of(distribution: Distribution) -> dict[str, Any]:
    """What `direct_url.json` says (PEP 610); empty for what came from an index.

    conda's names the directory in which its packagers built the distribution, and counts for nothing.
    """
    if (text_of(distribution, "INSTALLER") or "").strip() == "conda":
        return {}
    try:
        origin = json.loads(text_of(distribution, "direct_url.json") or "{}")
    except ValueError:
        return {}
    return origin if isinstance(origin, dict) else {}


def recorded_files(distribution: Distribution) -> list[PurePosixPath]:
    """The files that a distribution installed, as its RECORD or SOURCES.txt names them; empty when neither is there."""
    record = text_of(distribution, "RECORD")
    if record is not None:
        lines = record.replace("\0", "").splitlines()
        return [PurePosixPath(row[0]) for row in csv.reader(lines) if row]
    try:
        return [PurePosixPath(file) for file in distribution.files or ()]
    except (ValueError, OSError):
        return []


def recorded_modules(distribution: Distribution) -> set[str]:
    """Names of the modules and packages at the top of the recorded files.

    Where nothing was recorded, as by some tools of Linux distributions and of conda, it is the name of the distribution
    itself, if there is such a module beside its metadata.
    """
    files = recorded_files(distribution)
    if files:
        return set(_top_levels(files))
    module = (name_of(distribution) or "").lower().replace("-", "_").replace(".", "_")
    beside = [Path(str(distribution.locate_file(path))) for path in (f"{module}.py", module)] if module else []
    return {module} if any(path.exists() for path in beside) else set()


def _top_levels(files: Iterable[PurePosixPath]) -> Iterable[str]:
    for file in files:
        name = file.parts[0] if len(file.parts) > 1 else inspect.getmodulename(file.name)
        if name and name.isidentifier():
            yield name
