"""The environment of a service as a bundle records it: requirements pinned, inferred ones added, the library first."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._version import __version__
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.code import inference_rules as rules
from bentoml.saved_bundle.code.sources import LeftOut
from bentoml.saved_bundle.layout import LIBRARY_DIR
from bentoml.saved_bundle.library_wheel import DISTRIBUTION, WHEEL_NAME
from bentoml.saved_bundle.requirements.inference import Inference, combined, inferred_from
from bentoml.saved_bundle.requirements.requirement_record import KeptRequirement, RequirementRecord
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, names_distribution
from bentoml.service.assembly import ask_artifacts
from bentoml.service.pip_packages import refuse_option, requirement_name
from bentoml.service.requirement_reasons import ADAPTER, ARTIFACT, GIVEN, IMPORT, LIBRARY, OPTION, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.saved_bundle.code.service_sources import ServiceSources
    from bentoml.service import BentoService, BentoServiceEnv

logger = logging.getLogger(__name__)

_LIBRARY_ENTRY = KeptRequirement(
    f"{DISTRIBUTION}=={__version__}", (Reason(LIBRARY, DISTRIBUTION, "the library that saved the bundle"),)
)
# `-r base.txt`, `--constraint=pins.txt`, `-e ./lib`, `./lib.whl`: what lies beside the file, but not in the bundle.
_RELATIVE_PATH = re.compile(
    r"(?:-r|-c|-e|--requirement|--constraint|--editable)[\s=]*(?![\s/])(?![A-Za-z+]+://)|\.{1,2}/|\.$"
)
# A user and a password in a URL, unless it is a variable such as `${TOKEN}`.
_PASSWORD = re.compile(r"://[^/\s@]*:(?!\$\{)[^/\s@]+@(?P<host>[^/\s]+)")


@dataclass(frozen=True)
class ResolvedEnvironment:
    """An environment that is ready to be written.

    Attributes:
        declared: a copy of the service's environment whose `_pip_packages` are the lines of `requirements.txt`.
        requirements: those lines without the one of the library.
        library_line: path of the library's wheel, relative to the bundle.
        record: why each requirement is there, and what was left out.
    """

    declared: BentoServiceEnv
    requirements: tuple[str, ...]
    library_line: str
    record: RequirementRecord

    def manifest_section(self) -> dict[str, Any]:
        """The `env` section of the manifest."""
        section = self.declared.to_dict()
        if "pip_packages" in section:
            section["pip_packages"] = [f"{DISTRIBUTION}=={__version__}", *self.requirements]
        if isinstance(section.get("setup_sh"), str):
            section["setup_sh"] = section["setup_sh"].encode()
        return section


def resolve_environment(service: BentoService, sources: ServiceSources) -> ResolvedEnvironment:
    """Pin what the service declares and add what its imports need, when it asks for that.

    A declared requirements file is left as it is.

    Raises:
        InvalidArgument: a requirement or option would add lines to `requirements.txt`, or a requirement has an option.
    """
    env = service.env.copy()
    ask_artifacts(service, env)  # again: some know more once they hold their object
    library_line = f"./{LIBRARY_DIR}/{WHEEL_NAME}"
    requirements: list[str] = []
    if env._requirements_txt_file is not None:
        record = _record_of_file(env, sources)
    else:
        check_lines(env._pip_packages)
        for line in env._pip_packages:
            refuse_option(line)
        given = _without_library(env._pip_packages)
        inference = _infer(env, sources, {name for name in map(requirement_name, given) if name})
        requirements = combined(given, inference.found)
        record = _record_of(env, requirements, inference, sources)
    lines = [*requirements, env._pip_index_url, env._pip_trusted_host, env._pip_extra_index_url]
    check_lines(lines)
    _refuse_continued(lines)
    _warn_of_passwords(lines)
    env._pip_packages = [library_line, *requirements]
    return ResolvedEnvironment(env, tuple(requirements), library_line, record)


def _infer(env: BentoServiceEnv, sources: ServiceSources, given: set[str]) -> Inference:
    if env._infer_pip_packages:
        return inferred_from(sources.tree, given)
    return Inference([], _not_looked_at(sources, rules.NOT_ASKED_FOR, given))


def _not_looked_at(sources: ServiceSources, rule: str, given: set[str]) -> list[LeftOut]:
    """What the imports would have brought, as far as it is not named like a requirement."""
    imports = {**sources.tree.external, **sources.tree.missing}
    return [
        *(LeftOut(name, place, rule) for name, place in imports.items() if canonical_name(name) not in given),
        *sources.tree.left_out,
    ]


def _record_of(
    env: BentoServiceEnv, requirements: Sequence[str], inference: Inference, sources: ServiceSources
) -> RequirementRecord:
    kept = []
    for line in requirements:
        name = requirement_name(line)
        asked = [
            reason
            for text, reason in env._reasons
            if text == line or (name is not None and requirement_name(text) == name)
        ]
        imports = [one.imports for one in inference.found if canonical_name(one.name) == name]
        asked += [Reason(IMPORT, module, sources.bundle_place(place)) for found in imports for module, place in found]
        kept.append(KeptRequirement(line, tuple(dict.fromkeys(asked)) or (GIVEN,)))
    left_out = [
        *(LeftOut(line, "pip_packages", rules.OWN_LIBRARY) for line in env._pip_packages if _is_library(line)),
        *(LeftOut(one.name, sources.bundle_place(one.place), one.rule) for one in inference.left_out),
    ]
    return RequirementRecord((_LIBRARY_ENTRY, *kept), tuple(left_out))


def _record_of_file(env: BentoServiceEnv, sources: ServiceSources) -> RequirementRecord:
    kept: list[KeptRequirement] = []
    names: set[str] = set()
    lines = env.requirements_txt().splitlines()
    for number, line in enumerate(lines, start=1):
        text = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if not text:
            continue
        kept.append(KeptRequirement(text, (Reason(OPTION, "requirements_txt_file", f"line {number}"),)))
        names.update(filter(None, [requirement_name(re.split(r"\s+-|\s*\\$", text)[0])]))
        if _RELATIVE_PATH.match(text):
            logger.warning(
                "requirements_txt_file '%s', line %d: %s names a file that is not in the bundle; where the bundle is "
                "installed it has to be there",
                env._requirements_txt_file,
                number,
                text,
            )
    unmet = [asked for asked in dict.fromkeys(env._reasons) if requirement_name(asked[0]) not in names]
    for text, reason in unmet:
        if reason.kind in {ARTIFACT, ADAPTER}:
            logger.warning(
                "requirements_txt_file '%s' does not list %s, which %s needs", env._requirements_txt_file, text, reason
            )
    left_out = [
        *(LeftOut(text, str(reason), rules.FILE_STANDS) for text, reason in unmet),
        *(
            LeftOut(one.name, sources.bundle_place(one.place), one.rule)
            for one in _not_looked_at(sources, rules.FILE_STANDS, names)
        ),
    ]
    return RequirementRecord((_LIBRARY_ENTRY, *kept), tuple(left_out))


def _is_library(requirement: str) -> bool:
    return names_distribution(requirement, DISTRIBUTION)


def _without_library(declared: Sequence[str]) -> list[str]:
    kept = []
    for requirement in declared:
        if _is_library(requirement):
            logger.warning(
                "pip package %s was left out: the bundle carries the %s that saves it, version %s",
                requirement,
                DISTRIBUTION,
                __version__,
            )
        else:
            kept.append(requirement)
    return kept


def _refuse_continued(lines: Sequence[str | None]) -> None:
    for line in lines:
        if line is not None and line.endswith("\\"):
            raise InvalidArgument(f"{line!r} cannot stand in requirements.txt: its end would join the next line to it")


def _warn_of_passwords(lines: Sequence[str | None]) -> None:
    for line in lines:
        found = _PASSWORD.search(line or "")
        if found is not None:
            logger.warning(
                "the URL at %s has a password, which is written into the bundle for everybody to read; write "
                "https://${USER}:${TOKEN}@... instead, which pip fills in from the environment",
                found["host"],
            )


def check_lines(lines: Sequence[str | None]) -> None:
    """Check that each of them is one line of `requirements.txt`; None is none.

    Raises:
        InvalidArgument: it has a line break or another control character.
    """
    for line in lines:
        if line is not None and (not line.strip() or not line.isprintable()):
            raise InvalidArgument(f"{line!r} cannot stand in requirements.txt: it is not one line of text")


def declared_lines(env: Mapping[str, Any]) -> list[str]:
    """The lines of `requirements.txt` as the `env` section of a manifest has them, without those of the library.

    Raises:
        InvalidArgument: they are no list, or one of them is not one line of text.
    """
    text = env.get("requirements_txt")
    declared = env.get("pip_packages") or []
    if not isinstance(declared, list):
        raise InvalidArgument("'env.pip_packages' of the manifest is no list")
    lines = text if isinstance(text, list) else text.splitlines() if isinstance(text, str) else declared
    lines = [str(line) for line in lines if str(line).strip()]
    check_lines(lines)
    return [line for line in lines if not names_distribution(line, DISTRIBUTION) and not _is_library_wheel(line)]


def _is_library_wheel(line: str) -> bool:
    return line.strip().startswith(f"./{LIBRARY_DIR}/")
