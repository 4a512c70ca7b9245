"""What a service needs installed, told from its imports and from the metadata of what is installed here."""

from __future__ import annotations

import importlib.metadata
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.saved_bundle.distributions import distribution_of, providers_of
from bentoml.saved_bundle.service_sources import ServiceSources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.requirements import Requirement

    from bentoml.saved_bundle.sources import SourceTree
    from bentoml.service import BentoService

logger = logging.getLogger(__name__)

# Part of every environment, or of the bundle itself.
_LEFT_OUT = frozenset({"bentoml", "pip", "setuptools", "wheel"})


@dataclass(frozen=True)
class InferredRequirement:
    """One distribution that the service imports.

    Attributes:
        name: name of the distribution.
        version: the version installed here, without a local part such as `+cpu`.
        imported_at: file and line of the first import.
    """

    name: str
    version: str
    imported_at: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def infer_requirements(bento_service: BentoService) -> dict[str, str]:
    """Distribution and version for each import that leads from the service's module out of the user's own code.

    Raises:
        BentoMLException: the source of the service cannot be found or parsed.
    """
    return {found.name: found.version for found in requirements_of(ServiceSources.of(bento_service).tree)}


def requirements_of(tree: SourceTree) -> list[InferredRequirement]:
    """The distributions behind the external modules of a source tree, sorted by name.

    What was not found, or belongs to no distribution, is logged as a warning.
    """
    for name, place in tree.missing.items():
        logger.warning("%s imports %s, which is not installed here; no requirement was written for it", place, name)
    found: dict[str, InferredRequirement] = {}
    providers = providers_of(tree.external)
    for module, place in tree.external.items():
        distribution = distribution_of(module, providers)
        if distribution is None:
            logger.warning(
                "%s imports %s, which belongs to no installed distribution; no requirement was written for it",
                place,
                module,
            )
            continue
        key = canonical_name(distribution)
        if key not in _LEFT_OUT and key not in found:
            version = _without_local(importlib.metadata.version(distribution))
            found[key] = InferredRequirement(distribution, version, place)
    return sorted(found.values(), key=lambda requirement: canonical_name(requirement.name))


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
    return f"{parsed.name}{extras}=={_without_local(version)}{marker}"


def combined(declared: Iterable[str], inferred: Iterable[InferredRequirement]) -> list[str]:
    """Declared requirements, pinned, followed by inferred ones for distributions that were not declared."""
    lines = [pinned(requirement) for requirement in declared]
    parsed = [parse_requirement(line) for line in lines]
    names = {canonical_name(requirement.name) for requirement in parsed if requirement is not None}
    return [*lines, *(str(one) for one in inferred if canonical_name(one.name) not in names)]


def names_distribution(requirement: str, name: str) -> bool:
    """Whether a requirement asks for a distribution."""
    parsed = parse_requirement(requirement)
    return parsed is not None and canonical_name(parsed.name) == canonical_name(name)


def canonical_name(name: str) -> str:
    """Name of a distribution as it is compared."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def parse_requirement(line: str) -> Requirement | None:
    """A line of requirements.txt; None when it is an option, a path or a plain URL."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _without_local(version: str) -> str:
    """The version without a part such as `+cpu`, which no package index has."""
    return version.partition("+")[0]
