"""What a service needs installed, told from its imports and from the metadata of what is installed here."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.saved_bundle.code import inference_rules as rules
from bentoml.saved_bundle.code.distributions import distribution_of, providers_of, reference_of
from bentoml.saved_bundle.code.service_sources import ServiceSources
from bentoml.saved_bundle.code.sources import LeftOut
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, parse_requirement
from bentoml.service.pip_packages import requirement_name

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from packaging.requirements import Requirement

    from bentoml.saved_bundle.code.sources import SourceTree
    from bentoml.service import BentoService

logger = logging.getLogger(__name__)


def in_every_environment(python: tuple[int, int]) -> frozenset[str]:
    """Canonical names of distributions that no bundle has to require.

    Args:
        python: major and minor version; new environments of 3.12 and later have no setuptools.
    """
    others = {"setuptools", "wheel"} if python < (3, 12) else set[str]()
    return frozenset({"bentoml", "pip", *others})


@dataclass(frozen=True)
class InferredRequirement:
    """One distribution that the service imports.

    Attributes:
        name: name of the distribution.
        version: the version installed here, without a local part such as `+cpu`.
        imports: its modules that are imported, each with file and line of the first import.
        marker: condition of PEP 508 under which all of them are imported; empty without one.
        reference: requirement with a URL, for what was not installed from an index; None for the rest.
    """

    name: str
    version: str
    imports: tuple[tuple[str, str], ...]
    marker: str = ""
    reference: str | None = None

    def __str__(self) -> str:
        line = self.reference or f"{self.name}=={self.version}"
        # After a URL, a blank has to end it.
        return f"{line}{' ' if self.reference else ''}; {self.marker}" if self.marker else line


@dataclass(frozen=True)
class Inference:
    """What the imports of a service come to.

    Attributes:
        found: the distributions, sorted by name.
        left_out: imports that bring no requirement, and why, in the order in which they were met.
    """

    found: list[InferredRequirement]
    left_out: list[LeftOut]


def infer_requirements(bento_service: BentoService) -> dict[str, str]:
    """Distribution and version for each import that leads from the service's module out of the user's own code.

    Raises:
        BentoMLException: the source of the service cannot be found or parsed.
    """
    return {one.name: one.version for one in inferred_from(ServiceSources.of(bento_service).tree).found}


def inferred_from(tree: SourceTree, preferred: Container[str] = ()) -> Inference:
    """The distributions behind the external modules of a source tree.

    What was not found, or belongs to no distribution, is logged as a warning.

    Args:
        tree: the source files and their imports.
        preferred: canonical names of distributions that are required anyway; see `distribution_of`.
    """
    left_out = list(tree.left_out)
    for name, place in tree.missing.items():
        logger.warning("%s imports %s, which is not installed here; no requirement was written for it", place, name)
        left_out.append(LeftOut(name, place, rules.NOT_INSTALLED))
    found: dict[str, list[str]] = {}
    everywhere = in_every_environment(sys.version_info[:2])
    providers = providers_of(tree.external)
    for module, place in tree.external.items():
        distribution = distribution_of(module, providers, preferred)
        if distribution is None:
            logger.warning(
                "%s imports %s, which belongs to no installed distribution; no requirement was written for it",
                place,
                module,
            )
            left_out.append(LeftOut(module, place, rules.NO_DISTRIBUTION))
        elif canonical_name(distribution) in everywhere:
            left_out.append(LeftOut(module, place, rules.EVERY_ENVIRONMENT))
        else:
            found.setdefault(distribution, []).append(module)
    inferred = [_inferred(distribution, modules, tree) for distribution, modules in found.items()]
    return Inference(sorted(inferred, key=lambda one: canonical_name(one.name)), left_out)


def _inferred(distribution: str, modules: list[str], tree: SourceTree) -> InferredRequirement:
    reference, directory = reference_of(distribution)
    if directory is not None:
        logger.warning(
            "%s was installed from %s, which no other machine has; publish it, or list where it comes from in "
            "pip_packages",
            distribution,
            directory,
        )
    markers = {tree.markers.get(module, "") for module in modules}
    return InferredRequirement(
        name=distribution,
        version=_without_local(importlib.metadata.version(distribution)),
        imports=tuple((module, tree.external[module]) for module in modules),
        marker=markers.pop() if len(markers) == 1 else "",
        reference=reference,
    )


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
    return f"{parsed.name}{extras}=={_without_local(version)}{marker}"


def _warn_of_unknown_extras(requirement: Requirement) -> None:
    try:
        known = importlib.metadata.metadata(requirement.name).get_all("Provides-Extra") or ()
    except importlib.metadata.PackageNotFoundError:
        return
    unknown = {canonical_name(extra) for extra in requirement.extras} - {canonical_name(extra) for extra in known}
    for extra in sorted(unknown):
        logger.warning("pip package %s: %s has no extra %s", requirement, requirement.name, extra)


def combined(declared: Iterable[str], inferred: Iterable[InferredRequirement]) -> list[str]:
    """Declared requirements, pinned, followed by inferred ones for distributions that were not declared."""
    lines = [pinned(requirement) for requirement in declared]
    names = {requirement_name(line) for line in lines}
    return [*lines, *(str(one) for one in inferred if canonical_name(one.name) not in names)]


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _without_local(version: str) -> str:
    """The version without a part such as `+cpu`, which no package index has."""
    return version.partition("+")[0]
