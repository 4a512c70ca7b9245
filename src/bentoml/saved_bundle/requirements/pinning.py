"""Requirements as they are written into a bundle: with the versions that are installed here."""

from __future__ import annotations

import importlib.metadata
import logging
from typing import TYPE_CHECKING

from bentoml.saved_bundle.requirements.requirement_text import canonical_name, parse_requirement
from bentoml.service.pip_packages import requirement_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.requirements import Requirement

    from bentoml.saved_bundle.requirements.inferred import InferredRequirement

logger = logging.getLogger(__name__)


def pinned(requirement: str) -> str:
    """A requirement as it is written into a bundle: with the installed version, when it names none.

    A warning is logged when the distribution is not installed, or not in a version that was asked for.

    Args:
        requirement: what the user declared; what is no requirement of PEP 508, such as a path or URL, stays as it is.
    """
    parsed = parse_requirement(requirement)
    if parsed is None or parsed.url:
        return requirement
    if parsed.marker is not None and not parsed.marker.evaluate():
        return requirement
    version = _installed_version(parsed.name)
    _warn_of_unknown_extras(parsed)
    if parsed.specifier:
        if version is None:
            return requirement
        if not parsed.specifier.contains(version, prereleases=True):
            logger.warning("pip package %s is required, but version %s is installed here", requirement, version)
        return requirement
    if version is None:
        logger.warning("pip package %s is not installed here, so its version cannot be pinned", parsed.name)
        return requirement
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    marker = f"; {parsed.marker}" if parsed.marker is not None else ""
    return f"{parsed.name}{extras}=={without_local(version)}{marker}"


def _warn_of_unknown_extras(requirement: Requirement) -> None:
    try:
        known = importlib.metadata.metadata(requirement.name).get_all("Provides-Extra") or ()
    except importlib.metadata.PackageNotFoundError:
        return
    unknown = {canonical_name(extra) for extra in requirement.extras} - {canonical_name(extra) for extra in known}
    for extra in sorted(unknown):
        logger.warning("pip package %s: %s has no extra %s", requirement, requirement.name, extra)


def combined(declared: Iterable[str], inferred: Iterable[InferredRequirement]) -> list[str]:
    """Declared requirements, pinned and with the extras that were found, followed by what else was found."""
    found = list(inferred)
    extras = {canonical_name(one.name): one.extras for one in found}
    lines = [_with_extras(pinned(requirement), extras) for requirement in declared]
    names = {requirement_name(line) for line in lines}
    return [*lines, *(str(one) for one in found if canonical_name(one.name) not in names)]


def _with_extras(line: str, extras: Mapping[str, frozenset[str]]) -> str:
    parsed = parse_requirement(line)
    found = frozenset[str]() if parsed is None else extras.get(canonical_name(parsed.name), frozenset())
    if parsed is None or found <= {*map(canonical_name, parsed.extras)}:
        return line
    parsed.extras |= found
    return str(parsed)


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def without_local(version: str) -> str:
    """The version without a part such as `+cpu`, which no package index has."""
    return version.partition("+")[0]
