"""Requirements that somebody has written down: authors of bundled libraries, and the user in files of the project."""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.saved_bundle.manifest import read_manifest
from bentoml.saved_bundle.requirements.installed import find_installed
from bentoml.saved_bundle.requirements.requirement_record import read_record
from bentoml.saved_bundle.requirements.requirement_text import logical_lines
from bentoml.service.requirement_reasons import DISTRIBUTION, FILE, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bentoml.saved_bundle.code.service_sources import ServiceSources

logger = logging.getLogger(__name__)

# Above these, a file belongs to something else.
_LEVELS = 3
_REQUIREMENTS, _PYPROJECT = "requirements.txt", "pyproject.toml"
_REQUIREMENT_OPTIONS = re.compile(r"\s--?[A-Za-z].*$")


@dataclass(frozen=True)
class StatedRequirement:
    """One of them.

    Attributes:
        text: a requirement of PEP 508, unless its author has made a mistake.
        reason: who has written it.
        only_extras: whether it says no more than with which extras a distribution is wanted, if it is wanted.
    """

    text: str
    reason: Reason
    only_extras: bool = False


def stated_requirements(sources: ServiceSources) -> list[StatedRequirement]:
    """What is stated about the code of a service.

    Libraries that were installed from a directory, and are saved with the service, need all that they require. The
    project of the service itself may require more than the service, such as for training; of that, and of the files of
    the project, only the extras count.

    Raises:
        BentoMLConfigException: the service was loaded from a bundle whose record cannot be read.
    """
    tree = sources.tree
    found = [
        StatedRequirement(text, Reason(DISTRIBUTION, name, "whose code is in the bundle"))
        for name in tree.projects
        for text in _required_by(name)
    ]
    if tree.own_project is not None:
        reason = Reason(DISTRIBUTION, tree.own_project, "the project of the service")
        found += (StatedRequirement(text, reason, only_extras=True) for text in _required_by(tree.own_project))
    found += _stated_in_files(sources.module.import_root)
    if sources.bundle_path is not None:
        found += _carried(sources.bundle_path)
    return found


def _required_by(name: str) -> tuple[str, ...]:
    installed = find_installed(name)
    return () if installed is None else installed.requires


def _carried(bundle_path: Path) -> Iterator[StatedRequirement]:
    """What the bundle that a service was loaded from has because of libraries whose code it holds."""
    for kept in read_record(read_manifest(bundle_path)).kept:
        for reason in kept.because:
            if reason.kind == DISTRIBUTION:
                yield StatedRequirement(kept.requirement, reason)


def _stated_in_files(directory: Path) -> Iterator[StatedRequirement]:
    """The lines of requirements.txt and pyproject.toml in the nearest directory that has one of them."""
    for parent in [directory, *directory.parents][:_LEVELS]:
        requirements, pyproject = parent / _REQUIREMENTS, parent / _PYPROJECT
        if requirements.is_file():
            lines = requirements.read_text(encoding="utf-8", errors="replace").splitlines()
            for number, line in logical_lines(lines):
                text = _REQUIREMENT_OPTIONS.sub("", line)
                yield StatedRequirement(text, Reason(FILE, _REQUIREMENTS, f"line {number}"), only_extras=True)
        if pyproject.is_file():
            for text in _dependencies(pyproject):
                yield StatedRequirement(text, Reason(FILE, _PYPROJECT, text), only_extras=True)
        if requirements.is_file() or pyproject.is_file() or (parent / ".git").exists():
            return


def _dependencies(path: Path) -> list[str]:
    """The dependencies in a pyproject.toml; none before Python 3.11, which cannot read it."""
    if sys.version_info < (3, 11):
        return []
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8", errors="replace"))
    except tomllib.TOMLDecodeError as error:
        logger.warning("%s cannot be read, so the extras in it are not known: %s", path, error)
        return []
    project = _table(document, "project").get("dependencies")
    poetry = _table(_table(_table(document, "tool"), "poetry"), "dependencies")
    named = [text for text in project if isinstance(text, str)] if isinstance(project, list) else []
    extras = ((name, _table(poetry, name).get("extras")) for name in poetry)
    return [*named, *(f"{name}[{','.join(map(str, found))}]" for name, found in extras if isinstance(found, list))]


def _table(document: Any, key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
