"""Making the record of a bundle's requirements: each line with its reasons, and what brought no line."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bentoml._version import __version__
from bentoml.saved_bundle.code import inference_rules as rules
from bentoml.saved_bundle.code.sources import LeftOut
from bentoml.saved_bundle.library_wheel import DISTRIBUTION
from bentoml.saved_bundle.requirements.requirement_record import (
    KeptRequirement,
    RequirementRecord,
    grouped,
    shown_places,
)
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, names_distribution
from bentoml.service.pip_packages import requirement_name
from bentoml.service.requirement_reasons import ADAPTER, ARTIFACT, GIVEN, IMPORT, LIBRARY, OPTION, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bentoml.saved_bundle.code.service_sources import ServiceSources
    from bentoml.saved_bundle.requirements.closure import Closure
    from bentoml.saved_bundle.requirements.inference import Inference
    from bentoml.saved_bundle.requirements.inferred import InferredRequirement
    from bentoml.service import BentoServiceEnv

logger = logging.getLogger(__name__)

_LIBRARY_ENTRY = KeptRequirement(
    f"{DISTRIBUTION}=={__version__}", (Reason(LIBRARY, DISTRIBUTION, "the library that saved the bundle"),)
)
# `-r base.txt`, `--constraint=pins.txt`, `-e ./lib`, `./lib.whl`: what lies beside the file, but not in the bundle.
_RELATIVE_PATH = re.compile(
    r"(?:-r|-c|-e|--requirement|--constraint|--editable)[\s=]*(?![\s/])(?![A-Za-z+]+://)|\.{1,2}/|\.$"
)


def names_in_file(text: str) -> set[str]:
    """Canonical names of the distributions that the lines of a requirements file ask for."""
    return {name for _, _, name in _lines_of_file(text) if name is not None}


def record_of(
    env: BentoServiceEnv, asked: Sequence[str], inference: Inference, closure: Closure, sources: ServiceSources
) -> RequirementRecord:
    """Why each requirement is there, and what was left out; says so when the code imports what no requirement brings.

    Args:
        env: the environment with the final lines in `_pip_packages`.
        asked: `pip_packages` before they were pinned, with what artifacts and adapters asked for.
        inference: what the imports come to, whether or not that was asked for.
        closure: all distributions that the lines bring.
        sources: the code of the service, which knows where it lies in the bundle.
    """
    # In the record, all places are those of the bundle.
    found: dict[str, list[Reason]] = {}
    for one in inference.found:
        reasons = found.setdefault(canonical_name(one.name), [])
        for module, places in one.imports:
            reasons.append(Reason(IMPORT, module, shown_places([*map(sources.bundle_place, places)])))
        reasons += one.reasons
    if env._requirements_txt_file is None:
        kept, left_out = (
            _kept(env, found),
            [
                LeftOut(line, "pip_packages", rules.OWN_LIBRARY)
                for line in asked
                if names_distribution(line, DISTRIBUTION)
            ],
        )
    else:
        kept, left_out = _kept_of_file(env, found)
    left_out += (replace(one, place=sources.bundle_place(one.place)) for one in inference.left_out)
    has_file = env._requirements_txt_file is not None
    required = (
        names_in_file(env.requirements_txt()) if has_file else {requirement_name(one.requirement) for one in kept}
    )
    rule = rules.FILE_STANDS if has_file else rules.NOT_ASKED_FOR
    brought = {one.name for one in closure.distributions}
    unrequired = [
        replace(one, place=sources.bundle_place(one.place))
        for found in inference.found
        if canonical_name(found.name) not in required
        for one in _not_required(found, rules.COMES_ALONG if canonical_name(found.name) in brought else rule)
    ]
    _warn_of_unrequired(env, unrequired)
    return RequirementRecord((_LIBRARY_ENTRY, *kept), grouped([*unrequired, *left_out]))


def _kept(env: BentoServiceEnv, found: dict[str, list[Reason]]) -> list[KeptRequirement]:
    kept = []
    for line in env._pip_packages[1:]:
        name = requirement_name(line)
        asked = [
            reason
            for text, reason in env._reasons
            if text == line or (name is not None and requirement_name(text) == name)
        ]
        asked += found.get(name or "", [])
        kept.append(KeptRequirement(line, tuple(dict.fromkeys(asked)) or (GIVEN,)))
    return kept


def _kept_of_file(env: BentoServiceEnv, found: dict[str, list[Reason]]) -> tuple[list[KeptRequirement], list[LeftOut]]:
    kept: list[KeptRequirement] = []
    file = env._requirements_txt_file
    for number, text, name in _lines_of_file(env.requirements_txt()):
        line = Reason(OPTION, "requirements_txt_file", f"line {number}")
        kept.append(KeptRequirement(text, (line, *found.get(name or "", ()))))
        if _RELATIVE_PATH.match(text):
            logger.warning(
                "requirements_txt_file '%s', line %d: %s names a file that is not in the bundle; where the bundle is "
                "installed it has to be there",
                file,
                number,
                text,
            )
    names = names_in_file(env.requirements_txt())
    unmet = [asked for asked in dict.fromkeys(env._reasons) if requirement_name(asked[0]) not in names]
    for text, reason in unmet:
        if reason.kind in {ARTIFACT, ADAPTER}:
            logger.warning("requirements_txt_file '%s' does not list %s, which %s needs", file, text, reason)
    return kept, [LeftOut(text, str(reason), rules.FILE_STANDS) for text, reason in unmet]


def _lines_of_file(text: str) -> Iterator[tuple[int, str, str | None]]:
    """Number, text and canonical name of each line of a requirements file that is not empty."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if stripped:
            yield number, stripped, requirement_name(re.split(r"\s+-|\s*\\$", stripped)[0])


def _not_required(found: InferredRequirement, rule: str) -> Iterator[LeftOut]:
    """The imports of one distribution that has no line of its own, for each place."""
    distribution = "" if rule == rules.COMES_ALONG else f"{found.name}=={found.version}"
    for module, places in found.imports:
        for place in places:
            yield LeftOut(module, place, rule, distribution)


def _warn_of_unrequired(env: BentoServiceEnv, left_out: Sequence[LeftOut]) -> None:
    first = {one.distribution: one.place for one in reversed(left_out) if one.distribution}
    if first:
        file = env._requirements_txt_file
        logger.warning(
            "imported, but not required: %s; %s",
            shown_places([f"{distribution} ({place})" for distribution, place in sorted(first.items())]),
            "list them in pip_packages, or set infer_pip_packages=True" if file is None else f"list them in '{file}'",
        )
