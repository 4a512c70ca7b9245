"""A list of pip requirements with at most one entry per distribution."""

from __future__ import annotations

import copy
import logging
import re
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Container

    from packaging.requirements import Requirement

logger = logging.getLogger(__name__)

_COMMENT = re.compile(r"(^|\s+)#.*$")

# What a line of requirements.txt must not smuggle in, and which argument of `@env` is made for it.
_OPTION = re.compile(r"(?:^|\s)(?P<option>--?[A-Za-z][A-Za-z-]*)")
_ARGUMENT_FOR = {
    "-i": "pip_index_url",
    "--index-url": "pip_index_url",
    "--extra-index-url": "pip_extra_index_url",
    "--trusted-host": "pip_trusted_host",
}


def add_requirement(requirements: list[str], requirement: str, given: Container[str] = ()) -> None:
    """Add one requirement in place.

    A requirement that only names a distribution already in the list adds nothing but its extras. One that asks for
    other versions replaces the entry, with a warning. What is no requirement of PEP 508, such as a path or
    `git+https://...`, is kept as it stands. A comment is left away.

    Args:
        requirements: the list.
        requirement: the new one.
        given: canonical names of the distributions whose entries the user wrote, and which are not replaced. A warning
            tells where the new one does not fit.

    Raises:
        InvalidArgument: it is empty or has a line break.
    """
    requirement = checked_requirement(requirement)
    new = _parse(requirement)
    for index, entry in enumerate(requirements):
        if entry == requirement:
            return
        old = _parse(entry)
        if new is not None and old is not None and _same_target(old, new):
            requirements[index] = _one_of(entry, old, requirement, new, is_given=_canonical(old.name) in given)
            return
    requirements.append(requirement)


def checked_requirement(requirement: str) -> str:
    """The requirement without a comment and blanks around it.

    Raises:
        InvalidArgument: it is empty or has a line break.
    """
    if not isinstance(requirement, str) or not requirement.isprintable():
        raise InvalidArgument(f"{requirement!r} is not one pip requirement")
    text = _COMMENT.sub("", requirement).strip()
    if not text.strip("-") or text.endswith("\\"):
        raise InvalidArgument(f"{requirement!r} is not one pip requirement")
    return text


def refuse_option(requirement: str) -> None:
    """Check that a requirement holds no option of pip, which would change where all others come from.

    That is done when a service is saved, not when it is defined: bundles of the 0.x line with options still load.

    Raises:
        InvalidArgument: it holds one.
    """
    found = _OPTION.search(requirement)
    if found is None:
        return
    option = found["option"]
    if option in {"-e", "--editable"}:
        advice = f"leave {option} out"
    else:
        advice = f"use {_ARGUMENT_FOR.get(option, 'requirements_txt_file')} for that"
    raise InvalidArgument(f"pip package {requirement!r} is no requirement: it has the option {option}; {advice}")


def requirement_name(requirement: str) -> str | None:
    """Canonical name of the distribution that a requirement asks for; None when it does not tell.

    Args:
        requirement: a requirement of PEP 508, a path or URL of a wheel or sdist, or a URL that ends in `#egg=name`.
    """
    parsed = _parse(requirement)
    if parsed is not None:
        return _canonical(parsed.name)
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", requirement)
    if egg is not None:
        return _canonical(egg[1])
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    file = re.split(r"[?#]", requirement)[0].rpartition("/")[2]
    try:
        return parse_wheel_filename(file)[0] if file.endswith(".whl") else parse_sdist_filename(file)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _parse(requirement: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(requirement)
    except InvalidRequirement:
        return None


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _same_target(old: Requirement, new: Requirement) -> bool:
    # Entries for different platforms or Pythons stand side by side.
    return _canonical(old.name) == _canonical(new.name) and str(old.marker) == str(new.marker)


def _one_of(entry: str, old: Requirement, requirement: str, new: Requirement, *, is_given: bool) -> str:
    """What stands in the list for two requirements that ask for one distribution."""
    if not new.specifier and not new.url:
        return _with_extras(entry, old, new)
    if not old.specifier and not old.url:
        return _with_extras(requirement, new, old)
    if is_given:
        if _fits(old, new):
            return _with_extras(entry, old, new)
        logger.warning(
            "pip_packages asks for '%s', which is what the bundle gets, but '%s' is needed, too; change pip_packages",
            entry,
            requirement,
        )
        return entry
    if old.specifier == new.specifier and old.url == new.url and old.extras == new.extras:
        return entry
    logger.warning("pip package %s was asked for as '%s', now as '%s'", new.name, entry, requirement)
    return requirement


def _with_extras(text: str, parsed: Requirement, other: Requirement) -> str:
    """A requirement, as text and parsed, with the extras of another one."""
    if other.extras <= parsed.extras:
        return text
    both = copy.copy(parsed)
    both.extras = parsed.extras | other.extras
    return str(both)


def _fits(given: Requirement, wanted: Requirement) -> bool:
    """Whether what is given may be what is wanted; where it is one version, whether that is."""
    if given.url or wanted.url:
        return given.url == wanted.url
    pins = [one.version for one in given.specifier if one.operator in {"==", "==="} and not one.version.endswith(".*")]
    return all(wanted.specifier.contains(version, prereleases=True) for version in pins)
