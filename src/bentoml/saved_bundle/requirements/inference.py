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
from bentoml.saved_bundle.requirements.inferred import InferredRequirement
from bentoml.saved_bundle.requirements.pinning import without_local
from bentoml.saved_bundle.requirements.requirement_text import canonical_name
from bentoml.saved_bundle.requirements.stated import stated_requirements
from bentoml.saved_bundle.requirements.stated_lines import with_stated

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from bentoml.saved_bundle.code.sources import SourceTree
    from bentoml.saved_bundle.requirements.stated import StatedRequirement
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

    So for what libraries require whose code goes into the bundle.

    Raises:
        BentoMLException: the source of the service cannot be found or parsed.
    """
    sources = ServiceSources.of(bento_service)
    found = inferred_from(sources.tree, stated=stated_requirements(sources)).found
    return {one.name: one.version for one in found if one.version}


def inferred_from(
    tree: SourceTree, preferred: Container[str] = (), stated: Sequence[StatedRequirement] = ()
) -> Inference:
    """As `look_up`; what was not found, or nobody else can install, is logged as a warning."""
    inference = look_up(tree, preferred, stated)
    for name, places in tree.missing.items():
        logger.warning("%s imports %s, which is not installed here; no requirement was written for it", places[0], name)
    for one in {one.name: one for one in reversed(inference.left_out) if one.rule == rules.NO_DISTRIBUTION}.values():
        logger.warning(
            "%s imports %s, which belongs to no installed distribution; no requirement was written for it",
            one.place,
            one.name,
        )
    for found in inference.found:
        if found.directory is not None:
            logger.warning(
                "%s was installed from %s, which no other machine has; publish it, or list where it comes from in "
                "pip_packages",
                found.name,
                found.directory,
            )
    return inference


def look_up(tree: SourceTree, preferred: Container[str] = (), stated: Sequence[StatedRequirement] = ()) -> Inference:
    """The distributions behind the external modules of a source tree, and those that were asked for in writing.

    Args:
        tree: the source files and their imports.
        preferred: canonical names of distributions that are required anyway; see `distribution_of`.
        stated: what libraries in the tree require, and which extras the user has named.
    """
    left_out = list(tree.left_out)
    for name, places in tree.missing.items():
        left_out += (LeftOut(name, place, rules.NOT_INSTALLED) for place in places)
    found: dict[str, list[str]] = {}
    everywhere = in_every_environment(sys.version_info[:2])
    providers = providers_of(tree.external)
    for module, places in tree.external.items():
        distribution = distribution_of(module, providers, preferred)
        if distribution is None:
            left_out += (LeftOut(module, place, rules.NO_DISTRIBUTION) for place in places)
        elif canonical_name(distribution) in everywhere:
            left_out += (LeftOut(module, place, rules.EVERY_ENVIRONMENT) for place in places)
        else:
            found.setdefault(distribution, []).append(module)
    inferred = [_inferred(distribution, modules, tree) for distribution, modules in found.items()]
    in_bundle = {*everywhere, *map(canonical_name, tree.projects), canonical_name(tree.own_project or "bentoml")}
    inferred, unmet = with_stated(inferred, stated, in_bundle)
    return Inference(sorted(inferred, key=lambda one: canonical_name(one.name)), [*left_out, *unmet])


def _inferred(distribution: str, modules: list[str], tree: SourceTree) -> InferredRequirement:
    reference, directory = reference_of(distribution)
    markers = {tree.markers.get(module, "") for module in modules}
    return InferredRequirement(
        name=distribution,
        version=without_local(importlib.metadata.version(distribution)),
        imports=tuple((module, tuple(tree.external[module])) for module in modules),
        marker=markers.pop() if len(markers) == 1 else "",
        reference=None if reference is None else reference.removeprefix(distribution),
        directory=directory,
    )
