"""A list of pip requirements with at most one entry per distribution."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from packaging.requirements import Requirement

logger = logging.getLogger(__name__)


def add_requirement(requirements: list[str], requirement: str) -> None:
    """Add one requirement in place.

    A requirement that only names a distribution already in the list adds nothing. One that says more replaces the
    entry, with a warning when both ask for versions. What is no requirement of PEP 508, such as a path or
    `git+https://...`, is kept as it stands.

    Raises:
        InvalidArgument: it is empty or has a line break.
    """
    if not isinstance(requirement, str) or not requirement.strip() or not requirement.isprintable():
        raise InvalidArgument(f"{requirement!r} is not one pip requirement")
    new = _parse(requirement)
    for index, entry in enumerate(requirements):
        if entry == requirement:
            return
        old = _parse(entry)
        if new is None or old is None or not _same_target(old, new):
            continue
        if _says_nothing_new(old, new):
            return
        if old.specifier or old.url:
            logger.warning("pip package %s was asked for as '%s', now as '%s'", new.name, entry, requirement)
        requirements[index] = requirement
        return
    requirements.append(requirement)


def _parse(requirement: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(requirement)
    except InvalidRequirement:
        return None


def _same_target(old: Requirement, new: Requirement) -> bool:
    from packaging.utils import canonicalize_name

    # Entries for different platforms or Pythons stand side by side.
    return canonicalize_name(old.name) == canonicalize_name(new.name) and str(old.marker) == str(new.marker)


def _says_nothing_new(old: Requirement, new: Requirement) -> bool:
    if not new.specifier and not new.url:
        return new.extras <= old.extras
    return old.specifier == new.specifier and old.url == new.url and old.extras == new.extras
