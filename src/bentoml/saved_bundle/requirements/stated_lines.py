"""Joining what was written down about requirements with what the imports come to."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bentoml.saved_bundle.code import inference_rules as rules
from bentoml.saved_bundle.code.sources import LeftOut
from bentoml.saved_bundle.requirements.inferred import InferredRequirement
from bentoml.saved_bundle.requirements.installed import InstalledDistribution, find_installed
from bentoml.saved_bundle.requirements.pinning import without_local
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from packaging.requirements import Requirement

    from bentoml.saved_bundle.requirements.stated import StatedRequirement

logger = logging.getLogger(__name__)


def with_stated(
    inferred: Iterable[InferredRequirement], stated: Sequence[StatedRequirement], in_bundle: Container[str]
) -> tuple[list[InferredRequirement], list[LeftOut]]:
    """The requirements with those that are stated, and the extras that are not installed here.

    Versions are pinned to what is installed; what is meant for other machines stays as it was written.

    Args:
        inferred: what the imports come to.
        stated: requirements and extras.
        in_bundle: canonical names of what the bundle itself holds.
    """
    found = {canonical_name(one.name): one for one in inferred}
    elsewhere: dict[str, InferredRequirement] = {}
    left_out: list[LeftOut] = []
    # First what is wanted, then the extras of that.
    for one in sorted(stated, key=lambda one: one.only_extras):
        parsed = parse_requirement(one.text)
        if parsed is None:
            if not one.only_extras:
                logger.warning("%s cannot be read: %s", one.reason, one.text)
            continue
        name = canonical_name(parsed.name)
        if name in in_bundle or (one.only_extras and not (parsed.extras and name in found)):
            continue
        applies = _applies(parsed)
        if applies and one.only_extras:
            known = {extra for extra in map(canonical_name, parsed.extras) if _is_installed(name, extra)}
            unknown = sorted({*map(canonical_name, parsed.extras)} - known)
            left_out += (
                LeftOut(f"{found[name].name}[{extra}]", str(one.reason), rules.EXTRA_NOT_INSTALLED) for extra in unknown
            )
            if known:
                found[name] = _joined(found[name], replace(found[name], extras=frozenset(known), reasons=(one.reason,)))
        elif applies:
            new = _line_of(parsed, one)
            found[name] = _joined(found[name], new) if name in found else new
        elif applies is False and not one.only_extras:
            new = replace(_line_of(parsed, one), version="", reference=_as_written(parsed))
            elsewhere[str(new)] = _joined(elsewhere.get(str(new), new), new)
    # What is required here without a condition would contradict another version for other machines.
    others = [one for one in elsewhere.values() if _may_stand(one, found)]
    return [*found.values(), *others], left_out


def _may_stand(one: InferredRequirement, found: Mapping[str, InferredRequirement]) -> bool:
    here = found.get(canonical_name(one.name))
    return here is None or bool(here.marker)


def _applies(requirement: Requirement) -> bool | None:
    """Whether a requirement holds on this machine; None when it is that of an extra, or cannot be told."""
    holds = _holds(requirement, "")
    return None if not holds and "extra" in str(requirement.marker) else holds


def _holds(requirement: Requirement, extra: str) -> bool | None:
    """Whether it holds with one extra; None when that cannot be told."""
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

    try:
        return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName):
        return None


def _line_of(requirement: Requirement, stated: StatedRequirement) -> InferredRequirement:
    installed = find_installed(requirement.name)
    if installed is None and _applies(requirement):
        logger.warning("%s is not installed here: %s", requirement.name, stated.reason)
    return InferredRequirement(
        name=requirement.name,
        version="" if installed is None else without_local(installed.version),
        marker="" if requirement.marker is None else str(requirement.marker),
        reference=_as_written(requirement) if installed is None or requirement.url else None,
        extras=frozenset(map(canonical_name, requirement.extras)),
        reasons=(stated.reason,),
    )


def _as_written(requirement: Requirement) -> str:
    return f" @ {requirement.url}" if requirement.url else str(requirement.specifier)


def _joined(one: InferredRequirement, other: InferredRequirement) -> InferredRequirement:
    """One requirement for both; it has a condition when both have the same."""
    return replace(
        one,
        marker=one.marker if one.marker == other.marker else "",
        extras=one.extras | other.extras,
        reasons=tuple(dict.fromkeys((*one.reasons, *other.reasons))),
    )


def _is_installed(name: str, extra: str) -> bool:
    """Whether an extra brings something, and all of that is installed here."""
    found = find_installed(name)
    brought = [] if found is None else _brought_by(found, extra)
    return bool(brought) and all(
        (installed := find_installed(one.name)) is not None
        and one.specifier.contains(installed.version, prereleases=True)
        for one in brought
    )


def _brought_by(distribution: InstalledDistribution, extra: str) -> list[Requirement]:
    """The requirements that hold on this machine with an extra, and not without it."""
    parsed = (parse_requirement(line) for line in distribution.requires)
    return [one for one in parsed if one is not None and not _holds(one, "") and _holds(one, extra)]
